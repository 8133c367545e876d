"""Brows, lids' tension and head: they follow the voice's melody, at human sizes and rates, and rest when it does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from services.common.types import FRAME_RATE, Pcm, Weights
from services.face.lipsync.lip_model import LipModel
from services.face.lipsync.log_mel import SAMPLE_RATE
from services.face.lipsync.pitch_level import ProsodyStream
from services.media.curves import INDEX
from training.face.phones import Segment

Animate = Callable[[Pcm, int], Weights]
Said = tuple[Pcm, int, list[Segment]]
STORY = (
    "Why would anybody leave the baby by the river? Well, Bob was very tired. "
    "Maybe you could move the big piano before breakfast, but I am not so sure. Wow, that is a wonderful idea!"
)
HEAD = [INDEX[name] for name in ("HeadYaw", "HeadPitch", "HeadRoll")]


@pytest.fixture(scope="module")
def told(say: Callable[[str], Said], animate: Animate) -> tuple[Pcm, int, Weights]:
    pcm, rate, _ = say(STORY)
    return pcm, rate, animate(pcm, rate)


@pytest.mark.parametrize("hertz", [80, 120, 220, 400])
def test_the_pitch_of_a_buzz_is_found(hertz: int) -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    buzz = np.sum([np.sin(2 * np.pi * hertz * n * t) / n for n in range(1, 8)], axis=0) * 0.1
    heard = ProsodyStream().push(buzz.astype(np.float32))
    assert len(heard.pitch) == FRAME_RATE
    np.testing.assert_allclose(heard.pitch[5:], hertz, rtol=0.02)


def test_noise_has_no_pitch_and_silence_no_level() -> None:
    noise = np.random.default_rng(1).standard_normal(SAMPLE_RATE).astype(np.float32) * np.float32(0.1)
    heard = ProsodyStream().push(noise)
    assert np.mean(heard.pitch > 0) < 0.1
    assert ProsodyStream().push(np.zeros(SAMPLE_RATE, np.float32)).level.max() == -100


def test_pieces_hear_what_the_whole_hears() -> None:
    sound = np.random.default_rng(2).standard_normal(9000).astype(np.float32)
    stream = ProsodyStream()
    pieces = [stream.push(piece) for piece in np.split(sound, [1, 500, 501, 4000])]
    whole = ProsodyStream().push(sound)
    np.testing.assert_array_equal(np.concatenate([piece.pitch for piece in pieces]), whole.pitch)
    np.testing.assert_allclose(np.concatenate([piece.level for piece in pieces]), whole.level, atol=1e-4)


def test_the_head_turns_both_ways_within_human_angles(told: tuple[Pcm, int, Weights]) -> None:
    head = told[2][:, HEAD]
    assert head[:, 0].min() < -0.005 < 0.005 < head[:, 0].max()  # yaw, radians
    assert np.abs(head).max() < np.radians(10)
    assert np.abs(np.diff(head, axis=0)).max() * FRAME_RATE < np.radians(60)  # a second
    assert head[:, 1].max() > np.radians(1)


def test_brows_rise_some_times_a_minute(told: tuple[Pcm, int, Weights]) -> None:
    brows = told[2][:, INDEX["BrowInnerUp"]]
    raises = np.sum((brows[1:] > 0.08) & (brows[:-1] <= 0.08))
    assert 1 <= raises <= len(brows) / FRAME_RATE / 1.5
    assert 0.08 < brows.max() < 0.5


def test_the_melody_moves_brows_and_head_more_than_chance(told: tuple[Pcm, int, Weights]) -> None:
    pcm, rate, frames = told
    from services.face.lipsync.sinc_resampler import Resampler

    heard = ProsodyStream().push(Resampler(rate).push(pcm.astype(np.float32) / np.float32(32768)))
    count = min(len(heard.level), len(frames))
    smooth = np.ones(9) / 9
    loud = np.convolve(np.maximum(heard.level[:count], -60), smooth, "same")
    nod = np.convolve(frames[:count, INDEX["HeadPitch"]], smooth, "same")
    true = np.corrcoef(loud[:-6], nod[6:])[0, 1]
    rng = np.random.default_rng(3)
    moved = [np.corrcoef(loud, np.roll(nod, int(rng.integers(60, count - 60))))[0, 1] for _ in range(50)]
    assert true > np.mean(moved) + 1.5 * np.std(moved)


def test_silence_and_noise_leave_the_upper_face_at_rest(animate: Animate) -> None:
    noise = np.random.default_rng(4).standard_normal(4 * SAMPLE_RATE) * 1000
    for pcm in (np.zeros(4 * SAMPLE_RATE, np.int16), noise.astype(np.int16)):
        frames = animate(pcm, SAMPLE_RATE)
        assert np.abs(frames[:, HEAD]).max() < 0.005
        assert frames[:, INDEX["BrowInnerUp"]].max() < 0.02


def test_the_upper_face_can_be_left_to_others(say: Callable[[str], Said]) -> None:
    pcm, rate, _ = say("Oh no! Why?")
    model = LipModel(upper_face=False)
    frames = model.open(rate).push(pcm)
    assert "HeadYaw" not in model.description.animated_curves
    assert not frames[:, HEAD].any()
    assert not frames[:, INDEX["BrowInnerUp"]].any()
