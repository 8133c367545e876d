"""Streaming: the frames of audio in chunks, when they are returned, and that they are never revised."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.types import Floats, Pcm

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import soundfile
import torch

from services.face.deferred_work import run_work
from services.face.neurosync import whole_clip
from services.face.neurosync.network import Network
from services.face.neurosync.runner import DirectRunner
from services.face.neurosync.sound_preparation import at_model_rate, normalised
from services.face.neurosync.spectral_features import FeatureExtractor
from services.face.neurosync.window_stream import CrossfadeJoiner, WindowStream, WindowTiming

RATE = 24_000
CLOSE = 2e-3  # of 100: float32 sums in another order


@pytest.fixture(scope="module")
def speech(data: Path) -> Pcm:
    pcm: Pcm = soundfile.read(data / "speech_a.wav", dtype="int16")[0]
    return pcm


def opened(
    runner: DirectRunner, extractor: FeatureExtractor, rate: int = RATE, timing: WindowTiming | None = None
) -> WindowStream:
    return WindowStream(runner, extractor, rate, timing or WindowTiming())


def all_of(stream: WindowStream, *pieces: Pcm) -> Floats:
    return np.concatenate([*(run_work(stream.push(piece)) for piece in pieces), run_work(stream.flush())])


@given(cuts=st.lists(st.integers(0, 84_000), max_size=40), hop=st.sampled_from([6, 12, 20]))
@settings(max_examples=12, deadline=None)
def test_frames_do_not_depend_on_the_chunks(
    runner: DirectRunner, extractor: FeatureExtractor, speech: Pcm, cuts: list[int], hop: int
) -> None:
    timing = WindowTiming(hop=hop)
    whole = all_of(opened(runner, extractor, timing=timing), speech)
    cut = all_of(opened(runner, extractor, timing=timing), *np.split(speech, sorted(cuts)))
    np.testing.assert_allclose(cut, whole, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 22_051, 44_100, 48_000, 88_200, 192_000])
@pytest.mark.parametrize("samples", [0, 1, 5000, 40_001])
def test_every_sixtieth_of_a_second_that_has_sound_gets_a_frame(
    runner: DirectRunner, extractor: FeatureExtractor, rate: int, samples: int
) -> None:
    noise = np.random.default_rng(2).integers(-9000, 9000, samples).astype(np.int16)
    frames = all_of(opened(runner, extractor, rate), *np.array_split(noise, 7))
    assert frames.shape == (-(-samples * 60 // rate), 68)
    assert np.isfinite(frames).all()


@pytest.mark.parametrize(
    "timing", [WindowTiming(), WindowTiming(hop=6, look_ahead=9), WindowTiming(hop=24, look_ahead=30)]
)
@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 88_200])
def test_a_frame_waits_for_its_look_ahead_and_no_longer(
    runner: DirectRunner, extractor: FeatureExtractor, timing: WindowTiming, rate: int
) -> None:
    stream = opened(runner, extractor, rate, timing)
    given_ = 0
    for received in range(rate // 50, 2 * rate, rate // 50):
        given_ += len(run_work(stream.push(np.zeros(rate // 50, np.int16))))
        assert given_ >= (received - stream.look_ahead) * 60 // rate


def test_a_flush_gives_every_frame_and_what_follows_fades_in(
    runner: DirectRunner, extractor: FeatureExtractor, speech: Pcm
) -> None:
    flushed, plain = opened(runner, extractor), opened(runner, extractor)
    before = np.concatenate([run_work(flushed.push(speech[:40_000])), run_work(flushed.flush())])
    assert len(before) == 100
    assert not len(run_work(flushed.flush()))
    after = np.concatenate([run_work(flushed.push(speech[40_000:])), run_work(flushed.flush())])
    straight = all_of(plain, speech)
    assert len(before) + len(after) == len(straight)
    np.testing.assert_allclose(before[:60], straight[:60], rtol=0, atol=CLOSE)  # given before the flush
    np.testing.assert_allclose(after[-60:], straight[-60:], rtol=0, atol=CLOSE)  # from windows after the fade
    joint = np.abs(after[0] - before[-1]).max()
    raw = np.abs(straight[100] - before[-1]).max()
    assert joint < max(raw, np.abs(np.diff(straight, axis=0)).max())


def test_flushing_depends_on_where_and_not_on_the_chunks(
    runner: DirectRunner, extractor: FeatureExtractor, speech: Pcm
) -> None:
    def run(size: int) -> Floats:
        stream = opened(runner, extractor)
        frames = [run_work(stream.push(part)) for part in np.split(speech[:30_000], range(size, 30_000, size))]
        frames.append(run_work(stream.flush()))
        frames += [run_work(stream.push(part)) for part in np.split(speech[30_000:], range(size, 50_000, size))]
        return np.concatenate([*frames, run_work(stream.flush())])

    np.testing.assert_allclose(run(777), run(30_000), rtol=0, atol=CLOSE)


class Counting(DirectRunner):
    """Counts windows."""

    count = 0

    def submit(self, windows: torch.Tensor) -> Future[Floats]:
        self.count += len(windows)
        return super().submit(windows)


def test_no_window_is_run_whose_frames_were_given(network: Network, extractor: FeatureExtractor, speech: Pcm) -> None:
    counting = Counting(network)
    stream = opened(counting, extractor)
    frames = len(run_work(stream.push(speech[:40_000])))  # 100 frames: windows end at 12, 24, ... 96
    assert (frames, counting.count) == (84, 7)  # the first has nothing that is certain
    assert (len(run_work(stream.flush())), counting.count) == (16, 8)
    assert (len(run_work(stream.flush())), counting.count) == (0, 8)
    assert (len(run_work(stream.push(speech[40_000:44_000]))), counting.count) == (
        0,
        8,
    )  # the window before 108 adds none
    assert (len(run_work(stream.push(speech[44_000:49_000]))), counting.count) == (8, 9)


def test_the_fade_goes_from_the_held_back_frames_to_the_new_ones() -> None:
    joiner = CrossfadeJoiner()
    assert joiner.join(np.zeros((20, 1), np.float32), 0, 10).tolist() == [[0.0]] * 10  # holds back 0 up to frame 20
    joined = joiner.join(np.ones((30, 1), np.float32), 2, 14)[:, 0]
    np.testing.assert_allclose(joined, np.array([1, 2, 3, 4]) / 5, atol=1e-6)
    assert not len(joiner.join(np.ones((30, 1), np.float32), 0, 14))
    np.testing.assert_allclose(joiner.join(np.ones((30, 1), np.float32), 4, 34), 1, atol=1e-6)


def test_once_the_statistics_are_settled_the_stream_is_close_to_the_whole_clip(
    runner: DirectRunner, extractor: FeatureExtractor, speech: Pcm
) -> None:
    """A network of random weights answers every detail of its input: this bounds the worst, not the usual."""
    long = np.tile(speech, 3)
    streamed = whole_clip.unscaled(all_of(opened(runner, extractor), long))
    sound = normalised(at_model_rate((long / 32768).astype(np.float32), RATE))
    whole = whole_clip.animate(runner, extractor.rows(sound))[: len(streamed)]
    late = slice(300, 600)
    moving = [17, *range(19, 30)]
    r = [np.corrcoef(streamed[late, i], whole[late, i])[0, 1] for i in moving]
    assert np.median(r) > 0.9


@pytest.mark.parametrize(("hop", "look_ahead"), [(4, 12), (12, 4), (48, 40)])
def test_a_timing_that_a_window_cannot_hold_is_refused(hop: int, look_ahead: int) -> None:
    with pytest.raises(ValueError, match="expected hop and look_ahead of at least 5"):
        WindowTiming(hop, look_ahead)
