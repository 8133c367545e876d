"""How many streams this process animates in real time: measured once, before the first call.

Streams are bounded by two things: the processor, which hears, converts and packs for each of them, and the device, if
the model has one that they share. Times are those of the measuring thread alone: neighbours disturb them little.
"""

from __future__ import annotations

import os
import time

import numpy as np

from services.face.face_model import FaceModel, SharesDevice

RATE = 24_000
"""Hertz of the sound that is measured with; what voices speak."""
CHUNK_SECONDS = 0.1
STREAMS = 8
"""That take turns while it is measured: one alone finds its numbers in the nearest cache, and costs two thirds."""
SECONDS = 2
"""Of sound that is animated; the one that took least counts. More: a surer figure, and a later start by tenths."""
WIRE_SECONDS = 0.006
"""Of one core, for the calls and messages of a second of a stream in chunks of 100 ms (AMD EPYC, `make bench-face`)."""
USED = 0.8
"""Share of the time that is planned for. Larger: frames of all come late now and then; smaller: cores idle."""


def measured(model: FaceModel, most: int) -> int:
    """Return how many streams of `model` keep pace at once, 1 to `most`."""
    if isinstance(model, SharesDevice):  # threads beside the one of the calls do the streams' own work
        beside = max(1, (os.cpu_count() or 1) - 1)
        seconds = max(model.device_seconds(), processor_seconds(model) / beside, WIRE_SECONDS)
    else:
        seconds = processor_seconds(model, STREAMS) + WIRE_SECONDS
    return max(1, min(most, int(USED / seconds)))


def processor_seconds(model: FaceModel, count: int = 1) -> float:
    """Return the seconds that a core works for a second of one of `count` streams, without a device that they share."""
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
