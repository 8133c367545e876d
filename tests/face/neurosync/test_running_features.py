"""Streaming features against those of the whole clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import torch

from services.face.neurosync.running_features import RunningFeatures
from services.face.neurosync.sound_preparation import SAMPLE_RATE
from services.face.neurosync.spectral_features import FEATURES, HOP, FeatureExtractor
from tests.face.neurosync.sounds import prepared

EXACT = 5e-5


def test_running_features_come_close_to_those_of_the_whole_clip(data: Path, extractor: FeatureExtractor) -> None:
    """Autocorrelations are the same from the start; the cepstrum once its statistics are those of the clip."""
    sound = prepared(data / "speech_a.wav")
    whole = extractor.rows(sound)
    running = RunningFeatures(extractor, 24_000)
    running.push(sound)
    early, late = running.window(60), running.window(210)
    assert early.shape == (60, FEATURES)
    assert late.shape == (128, FEATURES)
    torch.testing.assert_close(early[1:, 69:], whole[1:60, 69:], rtol=0, atol=EXACT)
    torch.testing.assert_close(late[:, 69:], whole[82:210, 69:], rtol=0, atol=EXACT)
    assert (early[:50, :23] - whole[:50, :23]).square().mean().sqrt() < 0.5
    assert (late[:120, :23] - whole[82:202, :23]).square().mean().sqrt() < 0.12


def test_running_features_do_not_depend_on_the_chunks_nor_on_the_level(data: Path, extractor: FeatureExtractor) -> None:
    sound = prepared(data / "speech_a.wav")
    at_once, in_pieces, quiet = (RunningFeatures(extractor, 24_000) for _ in range(3))
    at_once.push(sound)
    for piece in np.array_split(sound, 97):
        in_pieces.push(piece)
    quiet.push(sound * np.float32(0.5))
    torch.testing.assert_close(in_pieces.window(211), at_once.window(211), rtol=0, atol=EXACT)
    torch.testing.assert_close(quiet.window(211), at_once.window(211), rtol=0, atol=0.05)


def test_running_features_release_what_they_no_longer_need(extractor: FeatureExtractor) -> None:
    running = RunningFeatures(extractor, SAMPLE_RATE)
    noise = np.random.default_rng(0).standard_normal(HOP * 100).astype(np.float32)
    for _ in range(40):
        running.push(noise)
    kept = sum(tensor.numel() for tensor in vars(running).values() if isinstance(tensor, torch.Tensor))
    assert running.columns == 4000
    assert kept < 400_000
