"""Measures how many streams a face model can animate in real time in this process, before the first call.

Streams are bounded by two things: the processor, which computes features and resamples for each of them, and the
device, if the model has one that they share. Only the processor time of the measuring thread counts, so other
processes disturb the result little.
"""

from __future__ import annotations

import os
import time

import numpy as np

from services.face.face_model import FaceModel, SharedDeviceModel

RATE = 24_000
"""Hertz of the audio that is measured with: what the voices deliver."""
CHUNK_SECONDS = 0.1
STREAMS = 8
"""Streams that alternate while it is measured: a single one keeps its data in the nearest cache and costs a third less.
"""
SECONDS = 2
"""Rounds, of a second of audio each; the fastest counts. More: a more reliable figure, and a later start by tenths."""
WIRE_SECONDS = 0.006
"""Of one core, for the calls and messages of a second of a stream in chunks of 100 ms (AMD EPYC, `make bench-face`)."""
USED = 0.8
"""Share of the time that is planned for. Larger: frames of all streams come late now and then; smaller: idle cores."""


def measure_capacity(model: FaceModel, most: int) -> int:
    """Return how many streams of `model` keep pace with real time at once, 1 to `most`."""
    if isinstance(model, SharedDeviceModel):  # threads beside the one of the calls run the streams' own work
        beside = max(1, (os.cpu_count() or 1) - 1)
        seconds = max(model.device_seconds(), processor_seconds(model) / beside, WIRE_SECONDS)
    else:
        seconds = processor_seconds(model, STREAMS) + WIRE_SECONDS
    return max(1, min(most, int(USED / seconds)))


def processor_seconds(model: FaceModel, count: int = 1) -> float:
    """Return the core's seconds for a second of one of `count` streams, without the device that they may share."""
    streams = [model.open(RATE) for _ in range(count)]
    size = round(CHUNK_SECONDS * RATE)
    noise = np.random.default_rng(0).integers(-9000, 9000, size).astype(np.int16)
    taken = []
    for _ in range(SECONDS):
        begun = time.thread_time()
        for _ in range(round(1 / CHUNK_SECONDS)):
            for stream in streams:
                stream.push(noise)
        taken.append(time.thread_time() - begun)
    return min(taken) / count
