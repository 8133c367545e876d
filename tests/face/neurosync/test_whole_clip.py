"""Whole clips against outputs of the published model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from services.common.types import Floats

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import torch

from services.face.deferred_work import run_work
from services.face.neurosync import whole_clip
from services.face.neurosync.runner import DirectRunner
from services.face.neurosync.spectral_features import FeatureExtractor
from tests.face.neurosync.sounds import prepared


def check(frames: Floats, wanted: np.ndarray) -> None:
    assert frames.shape == wanted.shape
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames[:, :61], wanted[:, :61], rtol=0, atol=1e-5)
    np.testing.assert_allclose(frames[:, 61:], wanted[:, 61:], rtol=0, atol=1e-3)


@pytest.mark.parametrize("length", [1, 6, 97, 127, 129, 160])
def test_frames_of_every_kind_of_length_are_the_published_ones(
    golden: Mapping[str, np.ndarray], runner: DirectRunner, length: int
) -> None:
    check(whole_clip.animate(runner, torch.from_numpy(golden["source"][:length])), golden[f"length_{length}"])


@pytest.mark.parametrize(
    "length", [1, 3, 6, 40, 95, 96, 97, 100, 127, 128, 129, 160, 191, 192, 193, 224, 225, 300, 698]
)
@pytest.mark.parametrize("server", ["localapi", "core"])
def test_frames_of_every_recorded_length_are_the_published_ones(
    reference: Path, runner: DirectRunner, monkeypatch: pytest.MonkeyPatch, length: int, server: str
) -> None:
    monkeypatch.setattr(whole_clip, "BATCH", 3)  # several batches, joined
    wanted = np.load(reference / "model" / "process.npz")
    rows = torch.from_numpy(wanted["source_features"][:length])
    check(whole_clip.animate(runner, rows), wanted[f"len{length}_{server}"])


@pytest.mark.parametrize("name", ["speech_a", "click"])
def test_sound_becomes_the_published_frames(
    data: Path, golden: Mapping[str, np.ndarray], runner: DirectRunner, extractor: FeatureExtractor, name: str
) -> None:
    rows = extractor.rows(prepared(data / f"{name}.wav"))
    check(whole_clip.animate(runner, rows), golden[f"frames_{name}"])


@pytest.mark.parametrize("name", ["sweep", "click", "speech_a", "speech_b", "stereo"])
def test_every_recorded_sound_becomes_the_published_frames(
    reference: Path, runner: DirectRunner, extractor: FeatureExtractor, name: str
) -> None:
    rows = extractor.rows(prepared(reference / "features" / f"{name}.wav"))
    wanted = np.load(reference / "model" / "process.npz")[f"clip_{name}_localapi"]
    check(whole_clip.animate(runner, rows), wanted)


@pytest.mark.parametrize("overlap", [7, 64])
def test_pieces_are_joined_as_published(golden: Mapping[str, np.ndarray], overlap: int) -> None:
    joined = whole_clip.crossfaded([golden["join_c1"], golden["join_c2"]], overlap)
    np.testing.assert_allclose(joined, golden[f"join_ov{overlap}"], rtol=0, atol=1e-6)


def test_no_rows_give_no_frames(runner: DirectRunner) -> None:
    assert whole_clip.animate(runner, torch.empty(0, 256)).shape == (0, 68)


def test_parts_come_as_soon_as_no_later_window_can_change_them(runner: DirectRunner) -> None:
    rows = torch.randn(96 * 20 + 10, 256, generator=torch.Generator().manual_seed(1))
    assert [len(run_work(part)) for part in whole_clip.parts(runner, rows)] == [768, 768, 394]


def test_untrained_curves_are_zero_and_squint_and_wide_are_not(
    golden: Mapping[str, np.ndarray], runner: DirectRunner
) -> None:
    frames = whole_clip.animate(runner, torch.from_numpy(golden["source"]))
    moved = np.flatnonzero(np.abs(frames[10:]).max(axis=0))
    assert moved.tolist() == [5, 6, 12, 13, *range(14, 51), *range(61, 68)]
