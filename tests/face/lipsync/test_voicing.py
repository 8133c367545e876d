"""The voicing gate of the mouth's opening."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import Floats, Weights
from services.face.lipsync.voicing import ENOUGH, MEMORY_FRAMES, UNVOICED, VoicingGate
from services.media.curves import CURVE_COUNT, INDEX

JAW, CLOSE, PUCKER = (INDEX[name] for name in ("JawOpen", "MouthClose", "MouthPucker"))


def gated(pitch: Floats) -> Weights:
    """Return frames of ones after the gate."""
    frames = np.ones((len(pitch), CURVE_COUNT), np.float32)
    VoicingGate().apply(frames, pitch)
    return frames


def test_unvoiced_sound_opens_the_jaw_by_a_share_and_leaves_lip_shapes_alone() -> None:
    frames = gated(np.zeros(30, np.float32))
    np.testing.assert_allclose(frames[:, JAW], UNVOICED)
    assert (frames[:, [CLOSE, PUCKER]] == 1).all()


def test_a_voice_opens_the_jaw_within_frames_and_silence_closes_it_again() -> None:
    pitch = np.concatenate([np.full(20, 120.0), np.zeros(MEMORY_FRAMES + 60)]).astype(np.float32)
    jaw = gated(pitch)[:, JAW]
    assert jaw[ENOUGH - 2] == pytest.approx(UNVOICED)
    assert jaw[ENOUGH + 5] > 0.95
    assert jaw[MEMORY_FRAMES] > 0.95
    assert jaw[-1] < UNVOICED + 0.05


def test_a_copy_is_independent() -> None:
    gate = VoicingGate()
    voiced, silent = np.full(10, 120.0, np.float32), np.zeros(10, np.float32)
    gate.apply(np.ones((10, CURVE_COUNT), np.float32), voiced)
    twin = gate.copy()
    twin.apply(np.ones((10, CURVE_COUNT), np.float32), silent)
    frames = np.ones((10, CURVE_COUNT), np.float32)
    gate.apply(frames, voiced)
    np.testing.assert_array_equal(frames[:, JAW], gated(np.full(20, 120.0, np.float32))[10:, JAW])
