"""Audio without speech, for which the mouth must rest: noise, breath, clatter, music and tones.

A network that was trained on voices only opens the jaw for a fan or a chord. All float32 at 16 kHz, shape (n,).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from services.common.types import Floats
from services.face.lipsync.log_mel import SAMPLE_RATE
from training.face.corpus.augment import background, coloured_noise, decibels, hum

Envelope = NDArray[np.float64]


def _bumps(count: int, rng: np.random.Generator, shortest: float, longest: float, density: float) -> Envelope:
    """Return an envelope of bumps, 0 to 1, each `shortest` to `longest` seconds."""
    envelope = np.zeros(count)
    for _ in range(max(1, round(density * count / SAMPLE_RATE))):
        length = int(rng.uniform(shortest, longest) * SAMPLE_RATE)
        start = int(rng.integers(0, max(1, count - length)))
        shape = np.sin(np.pi * np.linspace(0, 1, length) ** rng.uniform(0.5, 2)) ** rng.uniform(0.5, 2)
        stop = min(count, start + length)
        envelope[start:stop] = np.maximum(envelope[start:stop], rng.uniform(0.3, 1) * shape[: stop - start])
    return envelope


def silence(count: int, rng: np.random.Generator) -> Floats:
    """Return digital silence, sometimes with the last bit flickering."""
    return (rng.integers(-1, 2, count) * int(rng.random() < 0.5) / 32768).astype(np.float32)


def steady_noise(count: int, rng: np.random.Generator) -> Floats:
    """Return noise of any colour or a hum, -60 to -15 dBFS, sometimes switched on late."""
    noise = background(count, rng) * np.float32(decibels(float(rng.uniform(-60, -15))))
    if rng.random() < 0.4:
        noise[: int(rng.integers(0, count))] *= np.float32(decibels(float(rng.uniform(-60, -6))))
    return noise


def swelling_noise(count: int, rng: np.random.Generator) -> Floats:
    """Return wind or traffic: noise that comes and goes over seconds."""
    return _shaped(coloured_noise(count, float(rng.uniform(0, 8)), rng), _bumps(count, rng, 0.8, 4.0, 0.6), rng)


def breath(count: int, rng: np.random.Generator) -> Floats:
    """Return breathing: noise through one to four broad resonances, coming and going."""
    spectrum = np.fft.rfft(coloured_noise(count, float(rng.uniform(-1, 5)), rng))
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    gain = np.full(len(hertz), decibels(float(rng.uniform(-50, -15))))
    for _ in range(int(rng.integers(1, 5))):
        gain += rng.uniform(0.2, 1) * np.exp(-0.5 * ((hertz - rng.uniform(300, 5500)) / rng.uniform(150, 1200)) ** 2)
    air = np.fft.irfft(spectrum * gain, count)
    swells = _bumps(count, rng, 0.25, 2.0, float(rng.uniform(0.3, 0.9)))
    return _shaped((air / air.std()).astype(np.float32), swells, rng)


def clatter(count: int, rng: np.random.Generator) -> Floats:
    """Return keys, taps and drums: short decaying bursts."""
    t = np.arange(int(0.25 * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros(count)
    for _ in range(int(rng.uniform(1, 9) * count / SAMPLE_RATE)):
        decay = np.exp(-t / rng.uniform(0.003, 0.06))
        ring = np.sin(2 * np.pi * rng.uniform(60, 3000) * t) * rng.uniform(0, 1)
        hit = (ring + rng.standard_normal(len(t)) * rng.uniform(0, 1)) * decay * rng.uniform(0.2, 1)
        start = int(rng.integers(0, max(1, count - len(t))))
        sound[start : start + len(t)] += hit[: count - start]
    hits: Floats = (sound * decibels(float(rng.uniform(-35, -10)))).astype(np.float32)
    return hits


def music(count: int, rng: np.random.Generator) -> Floats:
    """Return chords that change a few times a second, plucked or held, perhaps over a beat."""
    sound = np.zeros(count)
    beat = int(rng.uniform(0.15, 1.2) * SAMPLE_RATE)
    decay = rng.uniform(0.1, 3.0)
    partials = int(rng.integers(1, 12))
    fall = rng.uniform(0.5, 2.0)
    root = rng.uniform(60, 330)
    t = np.arange(beat + SAMPLE_RATE // 20) / SAMPLE_RATE
    edges = np.minimum(1, t / 0.01) * np.minimum(1, (t[-1] - t) / 0.05) * np.exp(-t / decay)
    for start in range(0, count, beat):
        for step in rng.choice([-5, -3, 0, 2, 4, 5, 7, 9, 12, 16, 19], int(rng.integers(1, 5)), replace=False):
            note = root * 2 ** (step / 12)
            phase = note * t + rng.uniform(0, 0.004) * note / 6 * np.sin(2 * np.pi * 5.5 * t)
            stop = min(count, start + len(t))
            for n in range(1, partials + 1):
                if n * note < 7600:
                    sound[start:stop] += (np.sin(2 * np.pi * n * phase) * edges / n**fall)[: stop - start]
    if rng.random() < 0.4:
        sound += sound.std() * 8 * clatter(count, rng).astype(np.float64)
    played: Floats = (sound / (sound.std() + 1e-9) * decibels(float(rng.uniform(-45, -14)))).astype(np.float32)
    return played


def tones(count: int, rng: np.random.Generator) -> Floats:
    """Return beeps, whistles and sweeps, one or a few at a time, pure or buzzing, switched on and off."""
    t = np.arange(count) / SAMPLE_RATE
    tone = np.zeros(count)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        hertz = np.exp(rng.uniform(np.log(70), np.log(5000))) * np.ones(count)
        if rng.random() < 0.6:
            hertz *= 2 ** (rng.uniform(0, 1.5) * np.sin(2 * np.pi * rng.uniform(0.02, 6) * t + rng.uniform(0, 7)))
        phase = 2 * np.pi * np.cumsum(np.minimum(hertz, 7000)) / SAMPLE_RATE
        tone += rng.uniform(0.2, 1) * (np.sin(phase) + rng.choice([0, 0, 0.3]) * np.sin(2 * phase))
    if rng.random() < 0.3:
        tone = np.sign(tone) * 0.5 + 0.5 * hum(count, rng) * int(rng.random() < 0.3)
    gate = np.ones(count) if rng.random() < 0.3 else _bumps(count, rng, 0.05, 2.0, float(rng.uniform(0.5, 3)))
    if rng.random() < 0.4:  # beeps begin and end at once
        gate = (gate > 0.25).astype(np.float64)
    return _shaped(tone.astype(np.float32), gate, rng)


def _shaped(sound: Floats, envelope: Envelope, rng: np.random.Generator) -> Floats:
    """Return the audio under an envelope, at a random level, over a faint noise floor."""
    loud = np.float32(decibels(float(rng.uniform(-50, -15))))
    floor = np.float32(decibels(float(rng.uniform(-90, -50))))
    noise = coloured_noise(len(sound), float(rng.uniform(0, 6)), rng)
    return (sound * envelope.astype(np.float32) * loud + noise * floor).astype(np.float32)


KINDS: dict[str, tuple[Callable[[int, np.random.Generator], Floats], float]] = {
    "silence": (silence, 0.04),
    "steady noise": (steady_noise, 0.24),
    "swelling noise": (swelling_noise, 0.08),
    "breath": (breath, 0.20),
    "clatter": (clatter, 0.08),
    "music": (music, 0.22),
    "tones": (tones, 0.18),
}
"""Name to (generator, share of the minutes without speech)."""


def draw(count: int, rng: np.random.Generator) -> Floats:
    """Return audio of a random kind, drawn by its share, full scale 1.0."""
    shares = np.array([share for _, share in KINDS.values()])
    makers = [maker for maker, _ in KINDS.values()]
    sound = makers[int(rng.choice(len(makers), p=shares / shares.sum()))](count, rng)
    return np.clip(sound, -1.0, 1.0).astype(np.float32)
