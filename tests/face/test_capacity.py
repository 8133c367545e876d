"""Measured capacity: how many streams a process admits."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import Pcm, Weights
from services.face import capacity
from services.face.face_model import FaceStream, ModelDescription
from services.face.lipsync.lip_model import LipModel

NONE: Weights = np.zeros((0, 61), np.float32)


class Device:
    """A model whose device takes a given time for a second of a stream, and whose streams cost nothing."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.description = ModelDescription("slow", "none", (), 24_000, 60, 0)
        self.waiting = 0

    def device_seconds(self) -> float:
        return self._seconds

    def open(self, sample_rate: int) -> FaceStream:
        return Idle()

    def close(self) -> None: ...


class Idle:
    look_ahead = 0

    def push(self, pcm: Pcm) -> Weights:
        return NONE

    def flush(self) -> Weights:
        return NONE

    def end(self) -> Weights:
        return NONE


def test_the_shipped_model_keeps_many_streams_within_the_limit(model: LipModel) -> None:
    assert capacity.measure_capacity(model, 7) == 7
    assert 8 <= capacity.measure_capacity(model, 4096) <= capacity.USED / capacity.WIRE_SECONDS


@pytest.mark.parametrize(("seconds", "streams"), [(0.07, 11), (0.15, 5), (0.9, 1), (30.0, 1)])
def test_a_device_keeps_as_many_streams_as_fit_in_its_time(seconds: float, streams: int) -> None:
    assert capacity.measure_capacity(Device(seconds), 256) == streams


def test_a_device_that_costs_nothing_is_bounded_by_the_messages() -> None:
    assert capacity.measure_capacity(Device(0.0), 4096) == int(capacity.USED / capacity.WIRE_SECONDS)
