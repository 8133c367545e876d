"""Writing and reading by absolute position."""

from __future__ import annotations

import numpy as np
import pytest

from services.player.audio.ring_buffer import RingBuffer


def test_a_buffer_returns_what_was_written_and_silence_elsewhere() -> None:
    buffer = RingBuffer(8)
    buffer.write(0, np.arange(1, 7, dtype=np.int16))
    buffer.write(6, np.arange(7, 11, dtype=np.int16))
    assert buffer.read(0, 12).tolist() == [0, 0, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0]
    assert buffer.read(-2, 2).tolist() == [0, 0]


def test_a_buffer_can_be_written_over() -> None:
    buffer = RingBuffer(8)
    buffer.write(0, np.ones(6, np.int16))
    buffer.write(4, np.full(4, 2, np.int16))
    assert buffer.read(0, 8).tolist() == [1, 1, 1, 1, 2, 2, 2, 2]


def test_a_buffer_refuses_more_than_it_holds() -> None:
    with pytest.raises(ValueError, match="at most 8 samples"):
        RingBuffer(8).write(0, np.zeros(9, np.int16))
