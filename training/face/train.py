"""Training loop of one network.

Errors are in units of each curve's standard deviation, so that a lip roll of 0.1 counts as much as a jaw of 0.4.
Velocity is part of the loss too (without it motion is sluggish), lips that must meet count double, and classifying
the phone is an auxiliary task that improves the recurrent layers.
"""

from __future__ import annotations

import copy
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.face.batches import BATCH, FRAMES, Shard, batches
from training.face.evaluation import plots
from training.face.network import DEFAULT, DELAYS, LipNetwork, Sizes
from training.face.targets.phones import PHONES
from training.face.targets.poses import CHANNELS, group_of

logger = logging.getLogger(__name__)

LEARNING_RATE = 2e-3
WARM_UP = 200
"""Steps until the full learning rate."""
COOLING = 0.35
"""Share of the steps, the last ones, over which the rate falls to nothing."""
AVERAGE = 0.9985
"""Decay of the weights' moving average, which is exported: its motion is smoother than that of the last step."""
PHONE = 0.06
"""Weight of the phone loss; that of the curves is 1."""
FINAL = 0.375
"""Share of the steps, the last ones, with another loss; used from the first step on, it fitted synthetic voices better
and a real one worse. Before this phase a run does not depend on the number of steps that follow: it can be stopped,
resumed from its last state, and be made shorter or longer."""
HUBER, FINAL_HUBER = 1.5, 8.0
"""Huber threshold in standard deviations: below it errors count squared, in the final phase nearly all. Squared errors
make lips round in proportion to the probability that they will; absolute errors make them wait until it is certain."""
VELOCITY, FINAL_VELOCITY = 0.75, 0.3
"""Weight of the velocity loss; that of the curves is 1."""
WEIGHTS = {
    "MouthClose": 2.0,
    "MouthRollLower": 2.0,
    "JawOpen": 1.7,
    "MouthFunnel": 1.5,
    "MouthPucker": 1.5,
    "TongueOut": 2.0,
}
"""Weights of curves in the loss; 1 where none is given. Larger for closures: more /p/ are hit, and more invented."""
REPORT_STEPS = 250
LARGEST_WEIGHT = 5.0
"""Upper bound of a curve's weight from its deviation, relative to the jaw's; rare curves would dominate otherwise."""
LOOK_AHEAD_SHARES = {50: 0.3, 100: 1.0, 200: 0.4}
"""Weight of each look-ahead in the loss."""
REST, REST_LEVEL = 1.0, 0.015
"""Weight of motion above a level in crops without speech: in the mean error, one twitch a minute hardly counts."""
COOLED_REST = 8.0
"""That weight at the end of the cooling. Used from the beginning: a hesitant jaw; 1: twitches of 0.2 at breaths."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss."""

    scale: Tensor
    """Unit of each curve's error."""
    share: Tensor
    """Weight of each curve in the loss."""
    rest: float = REST
    """Weight of motion in crops without speech."""
    huber: float = HUBER
    """Huber threshold of the curves' errors, in standard deviations."""
    velocity: float = VELOCITY
    """Weight of errors of velocity."""


def curve_weights(speech: list[Shard]) -> LossWeights:
    """Return the weights of the curves; their errors count in standard deviations, within `LARGEST_WEIGHT`."""
    deviation = torch.from_numpy(np.concatenate([s.curves[::7] for s in speech]).astype(np.float32)).std(dim=0)
    jaw = deviation[CHANNELS.index("JawOpen")]
    scale = torch.maximum(deviation, jaw / LARGEST_WEIGHT)
    weight = torch.ones(len(CHANNELS))
    for channel, share in WEIGHTS.items():
        weight[CHANNELS.index(channel)] = share
    return LossWeights(scale, weight / weight.mean())


def _closure_weight(wanted: Tensor) -> Tensor:
    """Return the weight of each value, larger where lips close; shape as `wanted` (in standard deviations)."""
    closing = torch.tensor([group_of(c) == "closure" for c in CHANNELS])
    return 1 + 0.5 * torch.where(closing, (wanted > 1.5).float(), torch.zeros(()))


def loss_of(outputs: tuple[Tensor, ...], curves: Tensor, phones: Tensor, weights: LossWeights) -> Tensor:
    """Return the loss of a batch; row i is compared with frame i - delay for each look-ahead."""
    scale, weight = weights.scale, weights.share
    total = torch.zeros(())
    silent = (curves.amax(dim=(1, 2)) < 1e-4).float()[:, None, None]  # crops without speech
    for index, (look_ahead, delay) in enumerate(DELAYS.items()):
        output = outputs[0][:, delay:, index * len(CHANNELS) : (index + 1) * len(CHANNELS)]
        given, wanted = output / scale, curves[:, : curves.shape[1] - delay] / scale
        shape = (
            functional.huber_loss(given, wanted, delta=weights.huber, reduction="none")
            * _closure_weight(wanted)
            * weight
        )
        speed = (given.diff(dim=1) - wanted.diff(dim=1)).abs() * weight
        twitch = functional.relu(output - REST_LEVEL) / scale * silent
        total = total + LOOK_AHEAD_SHARES[look_ahead] * (
            shape.mean() + weights.velocity * speed.mean() + weights.rest * twitch.mean()
        )
    delay = DELAYS[DEFAULT]
    phone_loss = functional.cross_entropy(outputs[1][:, delay:].flatten(0, 1), phones[:, :-delay].flatten())
    return total + PHONE * phone_loss


@torch.no_grad()  # type: ignore[untyped-decorator,unused-ignore]
def correlations(network: LipNetwork, shard: Shard, look_ahead: int = DEFAULT) -> dict[str, float]:
    """Return correlations with the targets on a shard that is processed in one piece."""
    network.eval()
    rows = torch.from_numpy(shard.features.astype(np.float32))[None]
    curves, scores, *_ = network(rows, *network.begin(1))
    delay, first = DELAYS[look_ahead], list(DELAYS).index(look_ahead) * len(CHANNELS)
    given, wanted = curves[0, delay:, first:].numpy(), shard.curves[:-delay].astype(np.float32)
    found = {name: float(np.corrcoef(given[:, i], wanted[:, i])[0, 1]) for i, name in enumerate(CHANNELS)}
    delay = DELAYS[DEFAULT]
    is_right = scores[0, delay:].argmax(dim=1).numpy() == shard.phones[:-delay]
    network.train()
    return found | {"mean": float(np.mean(list(found.values()))), "phones": float(is_right.mean())}


@dataclass
class Run:
    """The state of a training run."""

    network: LipNetwork
    average: LipNetwork
    """Moving average of the weights, which is exported."""
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    """Random source of the crops."""
    seed: int
    steps: int
    step: int = 0

    @classmethod
    def start(cls, steps: int, seed: int) -> Run:
        """Return a new run of `steps` steps."""
        torch.manual_seed(seed)
        network = LipNetwork(Sizes(len(CHANNELS), len(PHONES)))
        optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
        return cls(network, copy.deepcopy(network), optimizer, np.random.default_rng([seed, 3]), seed, steps)

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on."""
        parts = {"network": self.network, "average": self.average, "optimizer": self.optimizer}
        state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
        torch.save(
            state | {"step": self.step, "torch": torch.get_rng_state(), "crops": self.rng.bit_generator.state}, path
        )

    def resume(self, folder: Path) -> None:
        """Load the newest state in a folder from before the final phase; without one, start from the beginning."""
        paths = sorted(folder.glob("state-*.pt"), reverse=True)
        states = (torch.load(path, weights_only=True) for path in paths)
        state = next((state for state in states if state["step"] <= self.steps * (1 - FINAL)), None)
        if state is None:
            return
        for name in ("network", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        torch.set_rng_state(state["torch"])
        self.rng.bit_generator.state, self.step = state["crops"], state["step"]

    def learn(self, batch: tuple[Tensor, Tensor, Tensor], weights: LossWeights) -> float:
        """Take one step and return its loss."""
        left = 1 - self.step / self.steps
        cooled = max(0.0, 1 - left / COOLING)
        weights = replace(weights, rest=REST + (COOLED_REST - REST) * cooled)
        if left <= FINAL:
            weights = replace(weights, huber=FINAL_HUBER, velocity=FINAL_VELOCITY)
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (self.step + 1) / WARM_UP, left / COOLING)
        rows, curves, phones = batch
        loss = loss_of(self.network(rows, *self.network.begin(len(rows))), curves, phones, weights)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        keep = min(AVERAGE, self.step / (self.step + 20))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(new, 1 - keep)
        self.step += 1
        return loss.item()


def train(corpus: Path, folder: Path, *, steps: int, seed: int, resume: bool = False) -> None:
    """Train for `steps` and write `checkpoint.pt`, `training.json`, `history.json` and `training.png`.

    The same corpus, seed and steps give the same weights on the same kind of processor: nothing depends on the clock.

    Args:
        corpus: folder that `write_corpus` made.
        folder: of the results; made if it is not there.
        steps: of the optimizer, in total.
        seed: of the initial weights and of the crops.
        resume: whether to continue from the newest `state-….pt` in `folder`; the result is the same.
    """
    torch.set_num_threads(1)  # on shared cores, two threads wait for each other
    folder.mkdir(exist_ok=True)
    held_out = Shard.read(corpus / "held-out.npz")
    paths = sorted(path for path in corpus.glob("*-*.npz") if path.name != "held-out.npz")
    speech = [Shard.read(path) for path in paths if not path.name.startswith("other")]
    other = [Shard.read(path) for path in paths if path.name.startswith("other")]
    weights = curve_weights(speech)
    run = Run.start(steps, seed)
    if resume:
        run.resume(folder)
    crops = batches(speech, other, run.rng)
    begun, first, losses, history = time.monotonic(), run.step, list[float](), _history(folder, run.step)
    while run.step < steps:
        losses.append(run.learn(next(crops), weights))
        if run.step % REPORT_STEPS == 0 or run.step == steps:
            found, loss = correlations(run.average, held_out), float(np.mean(losses))
            history.append({"step": run.step, "loss": round(loss, 4)} | {k: round(v, 4) for k, v in found.items()})
            _log_progress(run, loss, found, (time.monotonic() - begun) / (run.step - first))
            losses.clear()
            torch.save(run.average.state_dict(), folder / "checkpoint.pt")
            run.save(folder / f"state-{run.step:06d}.pt")
            (folder / "history.json").write_text(json.dumps(history, indent=1) + "\n")
            plots.training(history, folder / "training.png")
    spent = {"seconds": round(time.monotonic() - begun), "seconds_are_since_step": first}
    settings = {"steps": steps, "seed": seed, "batch": BATCH, "frames": FRAMES, "corpus_minutes": _minutes(paths)}
    report: dict[str, Any] = settings | spent | {"held_out_r": _all_look_aheads(run.average, held_out)}
    (folder / "training.json").write_text(json.dumps(report, indent=2) + "\n")


def _all_look_aheads(network: LipNetwork, shard: Shard) -> dict[str, dict[str, float]]:
    """Return the correlations of every look-ahead on a shard."""
    return {f"{wait} ms": {k: round(v, 4) for k, v in correlations(network, shard, wait).items()} for wait in DELAYS}


def _history(folder: Path, step: int) -> list[dict[str, float]]:
    """Return the history up to the step that a run continues from."""
    path = folder / "history.json"
    entries = json.loads(path.read_text()) if step and path.exists() else []
    return [entry for entry in entries if entry["step"] <= step]


def _log_progress(run: Run, loss: float, found: dict[str, float], step_seconds: float) -> None:
    """Log the progress of a run."""
    picked = " ".join(f"{k} {found[k]:.3f}" for k in ("mean", "JawOpen", "MouthClose", "MouthPucker", "phones"))
    left = step_seconds * (run.steps - run.step) / 60
    logger.info(
        "seed %d, step %d of %d, %.0f min left, loss %.4f, held out: %s",
        *(run.seed, run.step, run.steps, left, loss, picked),
    )


def _minutes(paths: Sequence[Path]) -> dict[str, float]:
    """Return the minutes of each part of the corpus."""
    minutes: dict[str, float] = {}
    for path in paths:
        part = path.stem.rpartition("-")[0]
        minutes[part] = round(minutes.get(part, 0.0) + len(Shard.read(path).features) / 3600, 1)
    return minutes
