"""Metrics of the shipped model: correlation with target curves, lip closures, and motion without speech.

The targets are those of the reference rule: the pose table without any shift in time, whatever the training uses.
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
from training.face.corpus.augment import coloured_noise, decibels, rms, telephone
from training.face.corpus.non_speech import breath, clatter, music, steady_noise, tones
from training.face.corpus.voices import Spoken
from training.face.targets.poses import BILABIALS, CHANNELS
from training.face.targets.rules import REFERENCE
from training.face.targets.target_curves import target_curves

ACTIVE_DBFS = -22.0
WITHIN = 4
"""Frames (67 ms) from the middle of a /p b m/ within which the lips must close."""
CLOSED_PERCENTILE = 80
IDLE_SECONDS, IDLE_DRAWS = 8.0, 12
MOUTH = [index for index, name in enumerate(CHANNELS) if name.startswith(("Jaw", "Mouth"))]
_COLUMN = {name: CURVE_NAMES.index(name if name in CURVE_NAMES else name + "Left") for name in CHANNELS}

Condition = Callable[[Floats], Floats]
"""A degradation of audio at 16 kHz before the model."""


def pcm_of(sound: Floats) -> Pcm:
    """Return samples of full scale 1.0 as PCM16."""
    return np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)


def animate(model: LipModel, pcm: Pcm, rate: int) -> Weights:
    """Return the frames of a whole clip."""
    stream = model.open(rate)
    return np.concatenate([stream.push(pcm), stream.end()])


def trained_curves(frames: Weights) -> Floats:
    """Return the trained curves of frames, shape (n, len(CHANNELS))."""
    return frames[:, [_COLUMN[name] for name in CHANNELS]]


def target(sentence: Spoken, frames: int) -> Floats:
    """Return the target curves of a sentence by the reference rule."""
    return target_curves(sentence.segments, sentence.sound, sentence.rate, frames, REFERENCE)


def at_16k(sentence: Spoken) -> Floats:
    """Return a sentence's audio at 16 kHz and the level of good recordings."""
    sound: Floats = soxr.resample(sentence.sound, sentence.rate, SAMPLE_RATE).astype(np.float32)
    return sound * np.float32(decibels(ACTIVE_DBFS) / rms(sound))


def _with_noise(sound: Floats) -> Floats:
    noise = coloured_noise(len(sound), 0.0, np.random.default_rng(len(sound)))
    return sound + noise * np.float32(rms(sound) * decibels(-20))


CONDITIONS: dict[str, Condition] = {
    "clean": lambda sound: sound,
    "20 dB softer": lambda sound: sound * np.float32(decibels(-20)),
    "telephone band": telephone,
    "noise at 20 dB": _with_noise,
}
"""Recording conditions, by name."""


def correlations(
    model: LipModel, sentences: Sequence[Spoken], condition: Condition = CONDITIONS["clean"]
) -> dict[str, float]:
    """Return Pearson r of each trained curve over all sentences, and the mean over those of mouth and jaw."""
    given, wanted = [], []
    for sentence in sentences:
        frames = trained_curves(animate(model, pcm_of(condition(at_16k(sentence))), SAMPLE_RATE))
        given.append(frames)
        wanted.append(target(sentence, len(frames)))
    a, b = np.concatenate(given), np.concatenate(wanted)
    found = {name: float(np.corrcoef(a[:, i], b[:, i])[0, 1]) for i, name in enumerate(CHANNELS)}
    return {"mean": float(np.mean([found[CHANNELS[i]] for i in MOUTH]))} | found


def _shut(frames: Floats) -> NDArray[np.float64]:
    """Return MouthClose + MouthRollLower, shape (n,)."""
    both = frames[:, CHANNELS.index("MouthClose")] + frames[:, CHANNELS.index("MouthRollLower")]
    return np.asarray(both, np.float64)


def closures(model: LipModel, sentences: Sequence[Spoken]) -> dict[str, float]:
    """Return recall and precision of lip closures at /p b m/, and the recall that chance would give.

    The lips count as closed while MouthClose + MouthRollLower is above the sentence's 80th percentile; the peak of a
    closure is correct if the middle of some /p b m/ is within 67 ms.
    """
    hits, right, chance = list[bool](), list[bool](), list[float]()
    for sentence in sentences:
        shut = _shut(trained_curves(animate(model, pcm_of(at_16k(sentence)), SAMPLE_RATE)))
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
    """Return mean and largest JawOpen of audio without speech, without its first half second."""
    count = int(IDLE_SECONDS * SAMPLE_RATE)
    rng = np.random.default_rng(seed)
    sounds: dict[str, list[Floats]] = {"silence": [np.zeros(count, np.float32)]}
    for name, slope in {"blue": -3.0, "white": 0.0, "pink": 3.0, "brown": 6.0}.items():
        sounds[f"{name} noise, -30 dBFS"] = [coloured_noise(count, slope, rng) * np.float32(decibels(-30))]
    for kind in (steady_noise, breath, clatter, music, tones):
        sounds[kind.__name__.replace("_", " ")] = [kind(count, rng) for _ in range(IDLE_DRAWS)]
    found = {}
    for name, draws in sounds.items():
        jaws = np.concatenate([trained_curves(animate(model, pcm_of(draw), SAMPLE_RATE))[30:, 0] for draw in draws])
        found[name] = (float(jaws.mean()), float(jaws.max()))
    return found
