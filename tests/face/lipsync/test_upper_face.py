"""Brows, eyelid tension and head: they follow the voice, at human sizes and rates, and rest without it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from services.common.types import FRAME_RATE, Pcm, Weights
from services.face.lipsync.lip_model import LipModel
from services.face.lipsync.log_mel import SAMPLE_RATE
from services.face.lipsync.pitch_level import PitchLevelStream
from services.media.curves import INDEX
from training.face.targets.phones import Segment

Animate = Callable[[Pcm, int], Weights]
SpokenText = tuple[Pcm, int, list[Segment]]
STORY = (
    "Why would anybody leave the baby by the river? Well, Bob was very tired. "
    "Maybe you could move the big piano before breakfast, but I am not so sure. Wow, that is a wonderful idea!"
)
HEAD = [INDEX[name] for name in ("HeadYaw", "HeadPitch", "HeadRoll")]


@pytest.fixture(scope="module")
def animated(speak: Callable[[str], SpokenText], animate: Animate) -> tuple[Pcm, int, Weights]:
    pcm, rate, _ = speak(STORY)
    return pcm, rate, animate(pcm, rate)


def test_the_head_turns_both_ways_within_human_angles(animated: tuple[Pcm, int, Weights]) -> None:
    head = animated[2][:, HEAD]
    assert head[:, 0].min() < -0.005 < 0.005 < head[:, 0].max()  # yaw, radians
    assert np.abs(head).max() < np.radians(10)
    assert np.abs(np.diff(head, axis=0)).max() * FRAME_RATE < np.radians(60)  # a second
    assert head[:, 1].max() > np.radians(1)


def test_brows_rise_some_times_a_minute(animated: tuple[Pcm, int, Weights]) -> None:
    brows = animated[2][:, INDEX["BrowInnerUp"]]
    raises = np.sum((brows[1:] > 0.08) & (brows[:-1] <= 0.08))
    assert 1 <= raises <= len(brows) / FRAME_RATE / 1.5
    assert 0.08 < brows.max() < 0.5


def test_pitch_and_level_move_brows_and_head_more_than_chance(animated: tuple[Pcm, int, Weights]) -> None:
    pcm, rate, frames = animated
    from services.face.sinc_resampler import SincResampler

    voice = PitchLevelStream().push(SincResampler(rate, SAMPLE_RATE).push(pcm.astype(np.float32) / np.float32(32768)))
    count = min(len(voice.level), len(frames))
    smooth = np.ones(9) / 9
    loud = np.convolve(np.maximum(voice.level[:count], -60), smooth, "same")
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


def test_the_upper_face_can_be_left_to_others(speak: Callable[[str], SpokenText]) -> None:
    pcm, rate, _ = speak("Oh no! Why?")
    model = LipModel(upper_face=False)
    frames = model.open(rate).push(pcm)
    assert "HeadYaw" not in model.description.animated_curves
    assert not frames[:, HEAD].any()
    assert not frames[:, INDEX["BrowInnerUp"]].any()
