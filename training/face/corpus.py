"""Write the training corpus: feature rows, target curves and phones of synthetic takes.

A take is one to four sentences by one voice with pauses between them, through one microphone, or some
seconds of something that is not speech. One `.npz` per shard holds takes end to end; `starts` marks
where each begins, since the network's state and the features' peak start anew there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from services.face.features import FRAME_RATE, SAMPLE_RATE, Floats, rows_of
from training.face.augment import recorded
from training.face.negatives import draw
from training.face.phones import PHONES
from training.face.poses import CHANNELS
from training.face.teacher import curves_of, phones_of
from training.face.text import sentences
from training.face.voices import Flite, Hibari, Spoken, Voice, dictionary

logger = logging.getLogger(__name__)

LATEST_PAUSE = 0.7
"""Seconds; pauses between a take's sentences are drawn up to this."""
SHARD_MINUTES = 15.0


@dataclass(frozen=True)
class Take:
    """Aligned rows of one take: all have the same length."""

    features: Floats
    """(frames, ROW)"""
    curves: Floats
    """(frames, CHANNELS)"""
    phones: NDArray[np.int64]
    """(frames,)"""


def _frames(sound: Floats) -> int:
    return len(sound) * FRAME_RATE // SAMPLE_RATE


def speech_take(spoken: list[Spoken], rng: np.random.Generator, *, clean: bool = False) -> Take:
    """Return sentences joined with pauses and sent through one microphone (none if `clean`)."""
    sounds: list[Floats] = []
    curves: list[Floats] = []
    phones: list[NDArray[np.int64]] = []
    for sentence in spoken:
        sound = soxr.resample(sentence.sound, sentence.rate, SAMPLE_RATE).astype(np.float32)
        pause = int(rng.uniform(0, LATEST_PAUSE) * FRAME_RATE)
        frames = _frames(sound) + pause
        padded = np.zeros(-(-frames * SAMPLE_RATE // FRAME_RATE), np.float32)
        count = min(len(sound), len(padded))
        padded[:count] = sound[:count]
        said = curves_of(sentence.segments, sentence.sound, sentence.rate, frames)
        sounds.append(padded)
        curves.append(said)
        phones.append(phones_of(sentence.segments, frames))
    joined = np.concatenate(sounds)
    rows = rows_of(joined if clean else recorded(joined, rng))
    count = min(len(rows), sum(map(len, curves)))
    return Take(rows[:count], np.concatenate(curves)[:count], np.concatenate(phones)[:count])


def other_take(rng: np.random.Generator) -> Take:
    """Return seconds of something that is not speech, with a resting mouth."""
    rows = rows_of(draw(int(rng.uniform(5, 12) * SAMPLE_RATE), rng))
    rest = np.zeros((len(rows), len(CHANNELS)), np.float32)
    return Take(rows, rest, np.full(len(rows), PHONES.index("SIL"), np.int64))


def takes(voice: Voice, seed: int) -> Iterator[Take]:
    """Yield takes of one voice without end."""
    rng = np.random.default_rng([seed, 1])
    lines = sentences(seed, dictionary())
    while True:
        said = [voice.speak(next(lines), rng) for _ in range(int(rng.integers(1, 5)))]
        spoken = [sentence for sentence in said if sentence is not None]
        if spoken:
            yield speech_take(spoken[:1] if isinstance(voice, Hibari) and rng.random() < 0.2 else spoken, rng)


def others(seed: int) -> Iterator[Take]:
    """Yield takes without speech, without end."""
    rng = np.random.default_rng([seed, 2])
    while True:
        yield other_take(rng)


def _write(path: Path, written: list[Take]) -> None:
    lengths = [len(take.features) for take in written]
    np.savez(
        path,
        features=np.concatenate([take.features for take in written]).astype(np.float16),
        curves=np.concatenate([take.curves for take in written]).astype(np.float16),
        phones=np.concatenate([take.phones for take in written]).astype(np.int8),
        starts=np.cumsum([0, *lengths])[:-1],
    )


def write_corpus(folder: Path, *, minutes: float, flite_minutes: float, other_minutes: float, seed: int) -> None:
    """Write all shards; `held-out.npz` is five minutes of hibari from another seed.

    Args:
        folder: made if it is not there.
        minutes: of hibari.
        flite_minutes: of each flite voice; left out where the program is not installed.
        other_minutes: of sounds that are not speech.
        seed: of everything that is drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hibari = Hibari()
    plans: list[tuple[str, Iterator[Take], float]] = [
        ("held-out", takes(hibari, seed + 1000), min(5.0, minutes)),
        ("hibari", takes(hibari, seed), minutes),
        ("other", others(seed), other_minutes),
    ]
    if Flite.available():
        plans += [
            (f"flite-{v}", takes(Flite(v), seed + i), flite_minutes) for i, v in enumerate(("rms", "awb", "slt"), 1)
        ]
    else:
        logger.warning("flite is not installed: the corpus has one voice less variety")
    for name, source, length in plans:
        begun, shard, total = time.monotonic(), 0, 0.0
        while total < length:
            written: list[Take] = []
            frames, wanted = 0, min(SHARD_MINUTES, length - total) * 60 * FRAME_RATE
            while frames < wanted:
                written.append(next(source))
                frames += len(written[-1].features)
            _write(folder / (f"{name}.npz" if name == "held-out" else f"{name}-{shard:02d}.npz"), written)
            total += frames / 60 / FRAME_RATE
            shard += 1
            spent = time.monotonic() - begun
            logger.info("%s: %.0f of %.0f min, %.0f times real time", name, total, length, total * 60 / spent)
