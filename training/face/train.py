"""Fit the network to the corpus.

Error is counted in each curve's own standard deviations, so that a lip roll of 0.1 matters as much as a jaw
of 0.4; velocity is matched too (or the mouth floats), lips that must meet count double, and naming the phone
is an exercise that teaches the recurrent layers what the curves alone do not.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from services.face.features import BANDS, ROW, SILENCE, SUBFRAMES
from training.face.network import DELAY, LipNetwork, Sizes
from training.face.phones import PHONES
from training.face.poses import CHANNELS, group_of

logger = logging.getLogger(__name__)

BATCH, FRAMES = 20, 160
"""Crops a step, and rows a crop (2.7 s)."""
LEARNING_RATE = 2.5e-3
WARM_UP = 150
"""Steps until the full rate."""
AVERAGE = 0.998
"""Of the weights' moving average, which is what ships: a smoother mouth than the last step's."""
VELOCITY, PHONE = 0.75, 0.06
"""Shares of the losses beside the curves' own."""
CLOSURE = 2.0
"""Weight of MouthClose and MouthRollLower. More: lips that hit every /p/, and some that do not exist."""
LARGEST_WEIGHT = 4.0
"""Of a curve, relative to the jaw's; rare curves would drown the rest otherwise."""
NOT_SPEECH = 0.12
"""Share of crops without speech."""
FLITE_SHARE = 2.0
"""How much likelier a minute of flite is drawn than one of hibari: three more throats, in fewer minutes."""
WARP = 1.6
"""Bands that a crop's spectrum is moved up or down at most; one band is about 9 % in frequency."""
EQUALIZER = 0.13
"""Standard deviation of each of five ripples over the bands (2 dB)."""


@dataclass(frozen=True)
class Shard:
    """One corpus file in memory."""

    features: NDArray[np.float16]
    curves: NDArray[np.float16]
    phones: NDArray[np.int8]
    starts: NDArray[np.int64]
    share: float
    """How likely a minute is drawn, relative to hibari's."""

    @classmethod
    def read(cls, path: Path) -> Shard:
        """Return the arrays of a `.npz`."""
        with np.load(path) as file:
            share = FLITE_SHARE if path.name.startswith("flite") else 1.0
            return cls(file["features"], file["curves"], file["phones"], file["starts"], share)


def _crop(shard: Shard, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return FRAMES rows from somewhere with their curves and phones."""
    start = int(rng.integers(0, len(shard.features) - FRAMES))
    if rng.random() < 0.3:  # as a stream begins: with a take
        start = min(int(shard.starts[rng.integers(len(shard.starts))]), len(shard.features) - FRAMES)
    cut = slice(start, start + FRAMES)
    rows = torch.from_numpy(shard.features[cut].astype(np.float32))
    curves = torch.from_numpy(shard.curves[cut].astype(np.float32))
    return rows, curves, torch.from_numpy(shard.phones[cut].astype(np.int64))


def _another_microphone(rows: Tensor, rng: np.random.Generator) -> Tensor:
    """Return a crop's rows as another throat and microphone would give them: the corpus has few of either.

    Args:
        rows: (FRAMES, ROW).
        rng: what is drawn from.
    """
    bands = rows.view(len(rows), SUBFRAMES, BANDS)  # (T, 2, 40)
    source = np.clip(np.arange(BANDS) + rng.uniform(-WARP, WARP), 0, BANDS - 1.001)
    low = torch.from_numpy(source.astype(np.int64))
    part = torch.from_numpy((source % 1).astype(np.float32))
    bands = bands[..., low] * (1 - part) + bands[..., low + 1] * part
    ripples = np.pi * np.arange(5)[:, None] * np.arange(BANDS) / BANDS + rng.uniform(0, 2 * np.pi, (5, 1))
    tone = rng.normal(0, EQUALIZER, 5) @ np.cos(ripples)
    bands = bands + torch.from_numpy(tone.astype(np.float32))
    if rng.random() < 0.3:  # deaf to some bands
        band = int(rng.integers(0, BANDS - 4))
        bands[..., band : band + int(rng.integers(1, 5))] = bands.mean()
    return torch.clamp_min(bands, SILENCE).view(len(rows), ROW)


def _batches(speech: list[Shard], other: list[Shard], seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield (rows, curves, phones) batches without end."""
    rng = np.random.default_rng([seed, 3])
    sizes = np.array([len(shard.features) * shard.share for shard in speech], np.float64)
    while True:
        crops = []
        for _ in range(BATCH):
            pool, odds = (speech, sizes / sizes.sum())
            if other and rng.random() < NOT_SPEECH:
                pool, odds = other, np.full(len(other), 1 / len(other))
            rows, curves, phones = _crop(pool[int(rng.choice(len(pool), p=odds))], rng)
            crops.append((_another_microphone(rows, rng), curves, phones))
        columns = list(zip(*crops, strict=True))
        yield torch.stack(columns[0]), torch.stack(columns[1]), torch.stack(columns[2])


def curve_weights(speech: list[Shard]) -> tuple[Tensor, Tensor]:
    """Return each curve's standard deviation and its weight in the loss."""
    deviation = torch.from_numpy(np.concatenate([s.curves[::7] for s in speech]).astype(np.float32)).std(dim=0)
    jaw = deviation[CHANNELS.index("JawOpen")]
    scale = torch.maximum(deviation, jaw / LARGEST_WEIGHT)
    weight = torch.ones(len(CHANNELS))
    for channel in ("MouthClose", "MouthRollLower"):
        weight[CHANNELS.index(channel)] = CLOSURE
    for channel in ("JawOpen", "MouthFunnel", "MouthPucker"):
        weight[CHANNELS.index(channel)] = 1.5
    return scale, weight / weight.mean()


def loss_of(answer: tuple[Tensor, ...], curves: Tensor, phones: Tensor, scale: Tensor, weight: Tensor) -> Tensor:
    """Return the loss of a batch; row i is compared with frame i - DELAY."""
    given, scores = answer[0][:, DELAY:] / scale, answer[1][:, DELAY:]
    wanted = curves[:, :-DELAY] / scale
    closing = torch.tensor([group_of(c) == "closure" for c in CHANNELS])
    event = 1 + 0.5 * torch.where(closing, (wanted > 1.5).float(), torch.zeros(()))
    shape = functional.huber_loss(given, wanted, delta=1.5, reduction="none") * event * weight
    speed = (given.diff(dim=1) - wanted.diff(dim=1)).abs() * weight
    named = functional.cross_entropy(scores.flatten(0, 1), phones[:, :-DELAY].flatten())
    return shape.mean() + VELOCITY * speed.mean() + PHONE * named


@torch.no_grad()  # type: ignore[untyped-decorator,unused-ignore]
def check(network: LipNetwork, shard: Shard) -> dict[str, float]:
    """Return correlations with the teacher on a shard heard in one piece."""
    network.eval()
    rows = torch.from_numpy(shard.features.astype(np.float32))[None]
    curves, scores, *_ = network(rows, *network.begin(1))
    given, wanted = curves[0, DELAY:].numpy(), shard.curves[:-DELAY].astype(np.float32)
    found = {name: float(np.corrcoef(given[:, i], wanted[:, i])[0, 1]) for i, name in enumerate(CHANNELS)}
    right = scores[0, DELAY:].argmax(dim=1).numpy() == shard.phones[:-DELAY]
    network.train()
    return found | {"mean": float(np.mean(list(found.values()))), "phones": float(right.mean())}


def train(folder: Path, *, steps: int, minutes: float, seed: int) -> None:
    """Fit for `steps` or `minutes`, whichever ends first, and write `checkpoint.pt` and `training.json`."""
    torch.set_num_threads(1)  # on shared cores two threads wait for each other
    torch.manual_seed(seed)
    held_out = Shard.read(folder / "held-out.npz")
    paths = sorted(path for path in folder.glob("*-*.npz") if path.name != "held-out.npz")
    speech = [Shard.read(path) for path in paths if not path.name.startswith("other")]
    other = [Shard.read(path) for path in paths if path.name.startswith("other")]
    scale, weight = curve_weights(speech)
    network = LipNetwork(Sizes(len(CHANNELS), len(PHONES)))
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    source = _batches(speech, other, seed)
    begun, step, running = time.monotonic(), 0, 0.0
    while step < steps and (spent := time.monotonic() - begun) < minutes * 60:
        done = max(step / steps, spent / (minutes * 60))
        rate = LEARNING_RATE * min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows, curves, phones = next(source)
        loss = loss_of(network(rows, *network.begin(len(rows))), curves, phones, scale, weight)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        keep = min(AVERAGE, step / (step + 20))
        with torch.no_grad():
            for mean, new in zip(average.parameters(), network.parameters(), strict=True):
                mean.lerp_(new, 1 - keep)
        step, running = step + 1, running + loss.item()
        if step % 250 == 0:
            found = check(average, held_out)
            picked = " ".join(f"{k} {found[k]:.3f}" for k in ("mean", "JawOpen", "MouthClose", "MouthFunnel", "phones"))
            logger.info("step %d, %.0f s, loss %.4f, held out: %s", step, spent, running / 250, picked)
            running = 0.0
            torch.save(average.state_dict(), folder / "checkpoint.pt")
    torch.save(average.state_dict(), folder / "checkpoint.pt")
    report: dict[str, Any] = {
        "steps": step,
        "seconds": round(time.monotonic() - begun),
        "seed": seed,
        "batch": BATCH,
        "frames": FRAMES,
    }
    report["corpus_minutes"] = {path.stem: round(len(Shard.read(path).features) / 3600, 1) for path in paths}
    report["held_out_r"] = {k: round(v, 4) for k, v in check(average, held_out).items()}
    (folder / "training.json").write_text(json.dumps(report, indent=2) + "\n")
