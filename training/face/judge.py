"""Judge the shipped model as a user gets it: frames of a voice it never heard against the teacher's curves.

The teacher is fixed here: the pose table without any shift in time, whatever training moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from services.common.types import FRAME_RATE, Floats, Pcm, Weights
from services.face.lipsync.lip_model import LipModel
from services.face.lipsync.log_mel import SAMPLE_RATE
from services.media.curves import CURVE_NAMES
from training.face.augment import coloured_noise, decibels, rms, telephone
from training.face.negatives import breath, clatter, music, steady_noise, tones
from training.face.poses import BILABIALS, CHANNELS
from training.face.rules import FIXED
from training.face.teacher import curves_of
from training.face.voices import Spoken

ACTIVE_DBFS = -22.0
WITHIN = 4
"""Frames (67 ms) from the middle of a /p b m/ within which lips must close."""
CLOSED_PERCENTILE = 80
IDLE_SECONDS, IDLE_DRAWS = 8.0, 12
MOUTH = [index for index, name in enumerate(CHANNELS) if name.startswith(("Jaw", "Mouth"))]
_COLUMN = {name: CURVE_NAMES.index(name if name in CURVE_NAMES else name + "Left") for name in CHANNELS}

Heard = Callable[[Floats], Floats]
"""What becomes of a sound at 16 kHz on its way to the model."""


def pcm_of(sound: Floats) -> Pcm:
    """Return samples of full scale 1.0 as PCM16."""
    return np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)


def animate(model: LipModel, pcm: Pcm, rate: int) -> Weights:
    """Return the frames of a whole sound."""
    stream = model.open(rate)
    return np.concatenate([stream.push(pcm), stream.end()])


def taught(frames: Weights) -> Floats:
    """Return the trained curves of frames, shape (n, len(CHANNELS))."""
    return frames[:, [_COLUMN[name] for name in CHANNELS]]


def target(sentence: Spoken, frames: int) -> Floats:
    """Return the fixed teacher's curves."""
    return curves_of(sentence.segments, sentence.sound, sentence.rate, frames, FIXED)


def at_16k(sentence: Spoken) -> Floats:
    """Return a sentence's sound as the model hears it best: 16 kHz, at the level of good recordings."""
    sound: Floats = soxr.resample(sentence.sound, sentence.rate, SAMPLE_RATE).astype(np.float32)
    return sound * np.float32(decibels(ACTIVE_DBFS) / rms(sound))


def _with_noise(sound: Floats) -> Floats:
    noise = coloured_noise(len(sound), 0.0, np.random.default_rng(len(sound)))
    return sound + noise * np.float32(rms(sound) * decibels(-20))


WAYS: dict[str, Heard] = {
    "clean": lambda sound: sound,
    "20 dB softer": lambda sound: sound * np.float32(decibels(-20)),
    "telephone band": telephone,
    "noise at 20 dB": _with_noise,
}
"""Ways that a voice comes by."""


def correlations(model: LipModel, said: Sequence[Spoken], heard: Heard = WAYS["clean"]) -> dict[str, float]:
    """Return Pearson r of each trained curve over all sentences, and the mean over those of mouth and jaw."""
    given, wanted = [], []
    for sentence in said:
        frames = taught(animate(model, pcm_of(heard(at_16k(sentence))), SAMPLE_RATE))
        given.append(frames)
        wanted.append(target(sentence, len(frames)))
    a, b = np.concatenate(given), np.concatenate(wanted)
    found = {name: float(np.corrcoef(a[:, i], b[:, i])[0, 1]) for i, name in enumerate(CHANNELS)}
    return {"mean": float(np.mean([found[CHANNELS[i]] for i in MOUTH]))} | found


def _shut(frames: Floats) -> NDArray[np.float64]:
    """Return how far lips are closed and rolled in, shape (n,)."""
    both = frames[:, CHANNELS.index("MouthClose")] + frames[:, CHANNELS.index("MouthRollLower")]
    return np.asarray(both, np.float64)


def closures(model: LipModel, said: Sequence[Spoken]) -> dict[str, float]:
    """Return how many /p b m/ close the lips in time, how many closings are one, and what chance would hit.

    A closing is a moment at which MouthClose + MouthRollLower lies above the sentence's 80th percentile; a closing's
    peak is right if some /p b m/ has its middle within 67 ms.
    """
    hits, right, chance = list[bool](), list[bool](), list[float]()
    for sentence in said:
        shut = _shut(taught(animate(model, pcm_of(at_16k(sentence)), SAMPLE_RATE)))
        above = shut > np.percentile(shut, CLOSED_PERCENTILE)
        middles = [
            round((s.start + s.end) / 2 * FRAME_RATE) for s in sentence.segments if s.phone in BILABIALS and s.end > 0
        ]
        near = [above[max(0, m - WITHIN) : m + WITHIN + 1].any() for m in range(len(above))]
        chance.append(float(np.mean(near)))
        hits += [bool(near[m]) for m in middles if m < len(near)]
        peaks = [i for i in range(1, len(shut) - 1) if above[i] and shut[i - 1] < shut[i] >= shut[i + 1]]
        right += [any(abs(peak - m) <= WITHIN for m in middles) for peak in peaks]
    return {
        "hits": float(np.mean(hits)),
        "precision": float(np.mean(right)),
        "chance": float(np.mean(chance)),
        "count": float(len(hits)),
    }


def idle(model: LipModel, seed: int = 99) -> dict[str, tuple[float, float]]:
    """Return mean and largest JawOpen of sounds without speech, the first half second excepted."""
    count = int(IDLE_SECONDS * SAMPLE_RATE)
    rng = np.random.default_rng(seed)
    sounds: dict[str, list[Floats]] = {"silence": [np.zeros(count, np.float32)]}
    for name, slope in {"blue": -3.0, "white": 0.0, "pink": 3.0, "brown": 6.0}.items():
        sounds[f"{name} noise, -30 dBFS"] = [coloured_noise(count, slope, rng) * np.float32(decibels(-30))]
    for kind in (steady_noise, breath, clatter, music, tones):
        sounds[kind.__name__.replace("_", " ")] = [kind(count, rng) for _ in range(IDLE_DRAWS)]
    found = {}
    for name, draws in sounds.items():
        jaws = np.concatenate([taught(animate(model, pcm_of(draw), SAMPLE_RATE))[30:, 0] for draw in draws])
        found[name] = (float(jaws.mean()), float(jaws.max()))
    return found
