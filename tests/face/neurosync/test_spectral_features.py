"""Spectral features against those of the published pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import torch

from services.face.neurosync.sound_preparation import SAMPLE_RATE
from services.face.neurosync.spectral_features import FEATURES, SHORTEST, FeatureExtractor
from tests.face.neurosync.sounds import prepared

EXACT = 5e-5


@pytest.mark.parametrize("name", ["speech_a", "click"])
def test_features_are_those_of_the_published_pipeline(
    data: Path, golden: Mapping[str, np.ndarray], extractor: FeatureExtractor, name: str
) -> None:
    rows = extractor.rows(prepared(data / f"{name}.wav")).numpy()
    np.testing.assert_allclose(rows, golden[f"features_{name}"], rtol=0, atol=EXACT)


@pytest.mark.parametrize("name", ["sweep", "click", "speech_a", "speech_b", "stereo"])
def test_features_of_every_recorded_file_are_those_of_the_published_pipeline(
    reference: Path, extractor: FeatureExtractor, name: str
) -> None:
    wanted = np.load(reference / "features" / f"{name}.npz")
    sound = prepared(reference / "features" / f"{name}.wav")
    assert len(sound) == wanted["y_len"]
    np.testing.assert_array_equal(sound[:4096], wanted["y_head"])
    np.testing.assert_allclose(extractor.rows(sound).numpy(), wanted["features"], rtol=0, atol=EXACT)


def test_bare_pcm_brought_to_the_rate_as_published_gives_the_published_features(
    reference: Path, extractor: FeatureExtractor
) -> None:
    """There the published pipeline resamples by a whole Fourier transform, without bringing the peak to 1."""
    wanted = np.load(reference / "features" / "raw_pcm_s16le_22050.npz")
    pcm = np.frombuffer((reference / "features" / "raw_pcm_s16le_22050.pcm").read_bytes(), "<i2")
    sound = np.fft.irfft(np.fft.rfft(pcm / 32768), 4 * len(pcm)) * 4
    np.testing.assert_allclose(sound, wanted["y_88200_f32"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(extractor.rows(wanted["y_88200_f32"]).numpy(), wanted["features"], rtol=0, atol=EXACT)


def test_sound_below_83_ms_has_no_features_and_one_sample_more_has(extractor: FeatureExtractor) -> None:
    noise = np.random.default_rng(0).standard_normal(SHORTEST).astype(np.float32)
    assert extractor.rows(noise[:-1]).shape == (0, FEATURES)
    assert extractor.rows(noise).shape == (6, FEATURES)


def test_silence_is_zeros(extractor: FeatureExtractor) -> None:
    rows = extractor.rows(np.zeros(SAMPLE_RATE, np.float32))
    assert rows.shape == (61, FEATURES)
    assert not rows.any()


def test_long_sound_is_computed_in_blocks_that_do_not_show(extractor: FeatureExtractor) -> None:
    second = np.sin(np.arange(SAMPLE_RATE) * 2 * np.pi * 180 / SAMPLE_RATE).astype(np.float32)
    rows = extractor.rows(np.tile(second, 10))  # a whole number of periods, so all inner columns are the same
    np.testing.assert_allclose(rows[10:-10, 69:], rows[10:11, 69:].expand(581, -1), rtol=0, atol=2e-5)


@pytest.mark.gpu
def test_the_gpu_computes_the_same_features(data: Path, golden: Mapping[str, np.ndarray]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rows = FeatureExtractor("cuda").rows(prepared(data / "speech_a.wav")).cpu().numpy()
    np.testing.assert_allclose(rows, golden["features_speech_a"], rtol=0, atol=EXACT)
