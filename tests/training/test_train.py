"""The training of the shipped networks, in small: members, resuming, and what is exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnx", reason="onnx is not installed (extra: train)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra: train)")

import onnxruntime
import torch

import services.face.lipsync
from services.face.lipsync.log_mel import ROW, SILENCE
from training.face import export as exporting
from training.face import train as training
from training.face.ensemble import folders
from training.face.network import DELAYS, Ensemble, LipNetwork, Sizes
from training.face.targets.phones import PHONES
from training.face.targets.poses import CHANNELS

STEPS = 8
CURVES = len(DELAYS) * len(CHANNELS)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of noise: half a minute of speech, some of other sounds, some held out."""
    rng = np.random.default_rng(1)
    for name in ("hibari-a-00", "other-00", "held-out"):
        frames = 900
        np.savez(
            tmp_path / f"{name}.npz",
            features=rng.uniform(SILENCE, 1, (frames, ROW)).astype(np.float16),
            curves=(rng.uniform(0, 0.5, (frames, len(CHANNELS))) * (name != "other-00")).astype(np.float16),
            phones=rng.integers(0, len(PHONES), frames).astype(np.int8),
            starts=np.array([0, 400]),
        )
    return tmp_path


def ensemble(*seeds: int) -> Ensemble:
    members = []
    for seed in seeds:
        torch.manual_seed(seed)
        members.append(LipNetwork(Sizes(len(CHANNELS), len(PHONES), width=24)))
    both = Ensemble(members)
    both.eval()
    return both


def test_an_ensemble_answers_with_the_mean_of_its_members_and_keeps_their_states() -> None:
    both = ensemble(1, 2)
    rows = torch.randn(3, 40, ROW)
    with torch.no_grad():
        whole, *_ = both(rows, *both.begin(3))
        alone = [one(rows, *one.begin(3))[0] for one in both.members]
        parts, state = [], both.begin(3)
        for start in range(0, 40, 7):
            part, *state = both(rows[:, start : start + 7], *state)
            parts.append(part)
    assert whole.shape == (3, 40, CURVES)
    torch.testing.assert_close(whole, (alone[0] + alone[1]) / 2)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=0)


def test_a_training_that_goes_on_gives_what_one_run_gives(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "REPORT_STEPS", 4)
    once, again = corpus / "member-3", corpus / "member-4"
    training.train(corpus, once, steps=STEPS, seed=3)
    training.train(corpus, again, steps=STEPS, seed=3)
    (again / "checkpoint.pt").unlink()
    torch.save({}, again / "checkpoint.pt")
    training.train(corpus, again, steps=STEPS, seed=3, resume=True)  # its last state is finished: from step 4
    first, second = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (once, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert folders(corpus) == [once, again]


@pytest.mark.filterwarnings("ignore")  # of the exporter that needs no onnxscript: it is the older one
def test_what_is_exported_is_the_mean_at_a_quarter_of_the_size(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (3, 4):
        training.train(corpus, corpus / f"member-{seed}", steps=2, seed=seed)
    monkeypatch.setattr(services.face.lipsync, "__path__", [str(tmp_path)])
    exporting.export(corpus, "tiny")
    path = tmp_path / "assets" / "tiny.onnx"
    loaded = exporting.load(corpus)
    assert path.stat().st_size < 1.15 * sum(weights.numel() for weights in loaded.parameters())
    rows = torch.randn(1, 20, ROW)
    states = loaded.begin(1)
    inputs = dict(zip(exporting.INPUTS, (part.numpy() for part in (rows, *states)), strict=True))
    (given,) = onnxruntime.InferenceSession(path).run(["curves"], inputs)
    np.testing.assert_allclose(given, loaded(rows, *states)[0].detach(), atol=0.01)
