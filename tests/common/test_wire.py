"""Conversion between messages and arrays, and the errors of wrong messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosync.v1 import media_pb2
from services.common.errors import BadRequestError, InactiveError
from services.common.types import SAMPLE_RATES
from services.common.wire import (
    MAX_CHUNK_BYTES,
    audio_chunk,
    check_sample_rate,
    duration,
    frame_batch,
    pcm_of,
    seconds_of,
    weights_of,
    within,
)

samples = st.lists(st.integers(-32768, 32767), max_size=500).map(lambda values: np.array(values, np.int16))
positions = st.integers(0, 2**63 - 1)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(samples, positions)
def test_samples_survive_the_wire(pcm: np.typing.NDArray[np.int16], first: int) -> None:
    chunk = media_pb2.AudioChunk.FromString(audio_chunk(first, pcm).SerializeToString())
    assert np.array_equal(pcm_of(chunk, first), pcm)


def test_samples_travel_little_endian() -> None:
    assert audio_chunk(7, np.array([1, -2], np.int16)) == media_pb2.AudioChunk(first_sample=7, pcm=b"\x01\x00\xfe\xff")


@given(samples, positions, positions)
def test_a_gap_or_an_overlap_is_refused(pcm: np.typing.NDArray[np.int16], first: int, expected: int) -> None:
    if first != expected:
        with pytest.raises(BadRequestError, match=f"audio.first_sample: expected {expected}"):
            pcm_of(audio_chunk(first, pcm), expected)
    assert len(pcm_of(audio_chunk(first, pcm))) == len(pcm)


@given(st.binary(max_size=99))
def test_an_odd_number_of_bytes_is_refused(data: bytes) -> None:
    chunk = media_pb2.AudioChunk(pcm=data)
    if len(data) % 2:
        with pytest.raises(BadRequestError, match=r"config\.pcm"):
            pcm_of(chunk, field="config")
    else:
        assert pcm_of(chunk).tobytes() == data


def test_a_chunk_has_a_limit() -> None:
    assert len(pcm_of(media_pb2.AudioChunk(pcm=bytes(MAX_CHUNK_BYTES)))) == MAX_CHUNK_BYTES // 2
    with pytest.raises(BadRequestError, match=f"at most {MAX_CHUNK_BYTES} bytes"):
        pcm_of(media_pb2.AudioChunk(pcm=bytes(MAX_CHUNK_BYTES + 2)))


@given(st.integers(0, 9), st.integers(0, 70), positions, st.data())
def test_frames_survive_the_wire(frames: int, curves: int, first: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(finite, min_size=frames * curves, max_size=frames * curves))
    weights = np.array(values, np.float32).reshape(frames, curves)
    batch = media_pb2.FrameBatch.FromString(frame_batch(first, weights).SerializeToString())
    assert batch.first_frame == first
    assert np.array_equal(weights_of(batch, curves), weights)


@given(st.integers(-3, 9), st.integers(0, 70), st.integers(0, 200))
def test_frames_whose_counts_disagree_are_refused(frames: int, curves: int, values: int) -> None:
    batch = media_pb2.FrameBatch(frame_count=frames, weights=[0.0] * values)
    if frames >= 0 and values == frames * curves:
        assert weights_of(batch, curves).shape == (frames, curves)
    else:
        with pytest.raises(BadRequestError, match=r"frames\.(weights|frame_count)"):
            weights_of(batch, curves)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(BadRequestError, match="finite"):
        weights_of(media_pb2.FrameBatch(frame_count=1, weights=[0.0, value]), 2)


def test_a_negative_frame_index_is_refused() -> None:
    with pytest.raises(BadRequestError, match=r"frames\.first_frame: expected 0 or more, got -1"):
        weights_of(media_pb2.FrameBatch(first_frame=-1), 61)


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_sample_rate_lies_within_its_limits(rate: int) -> None:
    if SAMPLE_RATES[0] <= rate <= SAMPLE_RATES[1]:
        assert check_sample_rate("rate", rate) == rate
    else:
        with pytest.raises(BadRequestError, match=f"rate: expected 8000 to 192000 Hz, got {rate}"):
            check_sample_rate("rate", rate)


@given(st.floats(0, 1e6))
def test_a_duration_is_exact_to_a_nanosecond(seconds: float) -> None:
    assert seconds_of(duration(seconds)) == pytest.approx(seconds, abs=1e-9)


class Source:
    """A stream that yields some messages, then optionally nothing more, and records that it was closed."""

    def __init__(self, *messages: int, silent: bool = False) -> None:
        self.messages = messages
        self.silent = silent
        self.closed = False

    async def stream(self) -> AsyncIterator[int]:
        try:
            for message in self.messages:
                yield message
            if self.silent:
                await asyncio.Event().wait()
        finally:
            self.closed = True


async def test_within_passes_every_message() -> None:
    assert [message async for message in within(Source(1, 2, 3).stream(), 10, "audio")] == [1, 2, 3]


async def test_within_ends_a_silent_stream_and_names_it() -> None:
    source = Source(1, silent=True)
    seen = []
    with pytest.raises(InactiveError, match=r"no message of audio for 0\.01 s"):
        async for message in within(source.stream(), 0.01, "audio"):
            seen.append(message)  # noqa: PERF401 - what came before the error is the point
    assert seen == [1]
    assert source.closed


async def test_within_does_not_count_the_time_of_its_reader() -> None:
    loop = asyncio.get_running_loop()
    seen = []
    async for message in within(Source(1, 2).stream(), 0.05, "audio"):
        processed = asyncio.Event()
        loop.call_later(0.1, processed.set)
        await processed.wait()
        seen.append(message)
    assert seen == [1, 2]


async def test_within_closes_the_stream_of_a_reader_that_leaves() -> None:
    source = Source(1, 2, 3)
    stream = within(source.stream(), 10, "audio")
    assert await anext(stream) == 1
    await stream.aclose()  # type: ignore[attr-defined]
    assert source.closed


async def test_within_lets_a_cancellation_through() -> None:
    source = Source(silent=True)

    async def read() -> list[int]:
        return [message async for message in within(source.stream(), 10, "audio")]

    task = asyncio.create_task(read())
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.wait({task})
    assert task.cancelled()
    assert source.closed
