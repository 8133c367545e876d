"""Writes the training corpus: feature rows, target curves and phones of synthetic takes.

A take is one to four sentences by one voice with pauses between them, recorded by one simulated microphone, or some
seconds of audio without speech. One `.npz` per shard holds takes end to end; `starts` marks where each begins, since
the network's state and the features' peak are reset there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from services.common.types import FRAME_RATE, Floats
from services.face.lipsync.log_mel import SAMPLE_RATE, log_mel_rows
from training.face.corpus.augment import recorded
from training.face.corpus.espeak import Espeak
from training.face.corpus.flite_festival import FESTIVAL_VOICES, FLITE_VOICES, Festival, Flite
from training.face.corpus.non_speech import draw
from training.face.corpus.text import sentences
from training.face.corpus.voices import Hibari, Spoken, Voice, dictionary
from training.face.targets.phones import PHONES
from training.face.targets.poses import CHANNELS
from training.face.targets.target_curves import phones_of, target_curves

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 0.7
"""Seconds; pauses between a take's sentences are drawn from 0 to this."""
SHARD_MINUTES = 15.0


@dataclass(frozen=True)
class Take:
    """Aligned rows of one take, all of the same length."""

    features: Floats
    """(frames, ROW)"""
    curves: Floats
    """(frames, CHANNELS)"""
    phones: NDArray[np.int64]
    """(frames,)"""


def _frames(sound: Floats) -> int:
    return len(sound) * FRAME_RATE // SAMPLE_RATE


def speech_take(spoken: list[Spoken], rng: np.random.Generator, *, clean: bool = False) -> Take:
    """Return sentences joined with pauses, recorded by one simulated microphone (none if `clean`)."""
    sounds: list[Floats] = []
    curves: list[Floats] = []
    phones: list[NDArray[np.int64]] = []
    for sentence in spoken:
        sound = soxr.resample(sentence.sound, sentence.rate, SAMPLE_RATE).astype(np.float32)
        pause = int(rng.uniform(0, LONGEST_PAUSE) * FRAME_RATE)
        frames = _frames(sound) + pause
        padded = np.zeros(-(-frames * SAMPLE_RATE // FRAME_RATE), np.float32)
        count = min(len(sound), len(padded))
        padded[:count] = sound[:count]
        sounds.append(padded)
        curves.append(target_curves(sentence.segments, sentence.sound, sentence.rate, frames))
        phones.append(phones_of(sentence.segments, frames))
    joined = np.concatenate(sounds)
    rows = log_mel_rows(joined if clean else recorded(joined, rng))
    count = min(len(rows), sum(map(len, curves)))
    return Take(rows[:count], np.concatenate(curves)[:count], np.concatenate(phones)[:count])


def other_take(rng: np.random.Generator) -> Take:
    """Return some seconds of audio without speech, with the mouth at rest."""
    rows = log_mel_rows(draw(int(rng.uniform(5, 12) * SAMPLE_RATE), rng))
    rest = np.zeros((len(rows), len(CHANNELS)), np.float32)
    return Take(rows, rest, np.full(len(rows), PHONES.index("SIL"), np.int64))


def takes(voice: Voice, seed: int) -> Iterator[Take]:
    """Yield takes of one voice forever."""
    rng = np.random.default_rng([seed, 1])
    texts = sentences(seed, dictionary())
    while True:
        attempts = [voice.speak(next(texts), rng) for _ in range(int(rng.integers(1, 5)))]
        spoken = [sentence for sentence in attempts if sentence is not None]
        if spoken:
            yield speech_take(spoken, rng)


def others(seed: int) -> Iterator[Take]:
    """Yield takes without speech forever."""
    rng = np.random.default_rng([seed, 2])
    while True:
        yield other_take(rng)


@dataclass(frozen=True)
class Part:
    """A part of the corpus, written by one process as one or more shards."""

    name: str
    """Prefix of the file names; its part before the first dash is the kind."""
    minutes: float
    seed: int

    def source(self) -> Iterator[Take]:
        """Return the part's takes."""
        kind, _, voice = self.name.partition("-")
        match kind:
            case "hibari" | "held":
                return takes(Hibari(), self.seed)
            case "flite":
                return takes(Flite(voice), self.seed)
            case "festival":
                return takes(Festival(voice), self.seed)
            case "espeak":
                return takes(Espeak(), self.seed)
            case _:
                return others(self.seed)


def parts(minutes: Mapping[str, float], seed: int) -> list[Part]:
    """Return the corpus in parts; kinds whose program is not installed are left out, with a warning.

    Args:
        minutes: of each kind; of each voice of flite and Festival.
        seed: random seed.
    """
    half = minutes["hibari"] / 2
    plan = [Part(f"hibari-{half_name}", half, seed + n) for n, half_name in ((0, "a"), (2000, "b"))]
    voices = {
        "flite": (Flite.available(), FLITE_VOICES),
        "festival": (Festival.available(), FESTIVAL_VOICES),
        "espeak": (Espeak.available(), ("all",)),
    }
    for kind, (is_installed, names) in voices.items():
        if not is_installed:
            logger.warning("%s is not installed: the corpus is made without its voices", kind)
            continue
        plan += [Part(f"{kind}-{name}", minutes[kind], seed + i) for i, name in enumerate(names, 1)]
    return [*plan, Part("other", minutes["other"], seed), Part("held-out", min(5.0, half), seed + 1000)]


def _write(path: Path, written: list[Take]) -> None:
    lengths = [len(take.features) for take in written]
    np.savez(
        path,
        features=np.concatenate([take.features for take in written]).astype(np.float16),
        curves=np.concatenate([take.curves for take in written]).astype(np.float16),
        phones=np.concatenate([take.phones for take in written]).astype(np.int8),
        starts=np.cumsum([0, *lengths])[:-1],
    )


def write_part(folder: Path, part: Part) -> str:
    """Write the shards of one part and return a summary of length and speed."""
    source, begun, shard, total = part.source(), time.monotonic(), 0, 0.0
    while total < part.minutes - 0.1:
        written: list[Take] = []
        frames, wanted = 0, min(SHARD_MINUTES, part.minutes - total) * 60 * FRAME_RATE
        while frames < wanted:
            written.append(next(source))
            frames += len(written[-1].features)
        _write(folder / (f"{part.name}.npz" if part.name == "held-out" else f"{part.name}-{shard:02d}.npz"), written)
        total += frames / 60 / FRAME_RATE
        shard += 1
    return f"{part.name}: {total:.0f} min, {total * 60 / (time.monotonic() - begun):.0f} times real time"


def write_corpus(folder: Path, minutes: Mapping[str, float], *, seed: int, jobs: int) -> None:
    """Write all shards; `held-out.npz` is five minutes of hibari from another seed.

    Args:
        folder: created if it does not exist; shards of an earlier corpus are deleted from it.
        minutes: of each kind, see `parts`.
        seed: random seed; the same seed gives the same corpus, whatever `jobs` is.
        jobs: parallel processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.npz"):
        old.unlink()
    plan = parts(minutes, seed)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for done, future in enumerate(as_completed(pool.submit(write_part, folder, part) for part in plan), 1):
            logger.info("part %d of %d: %s", done, len(plan), future.result())
