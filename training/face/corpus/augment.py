"""Augmentation of clean synthetic speech with simulated rooms, microphones, noise and telephone lines.

All functions take and return float32 audio at 16 kHz, shape (n,). Filters have no delay, so the target curves of the
clean voice stay valid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.common.types import Floats
from services.face.lipsync.log_mel import SAMPLE_RATE

ACTIVE_DBFS = -22.0
"""Level that speech is normalised to before a random gain is applied."""


def decibels(value: float) -> float:
    """Return the amplitude factor of a level."""
    return float(10 ** (value / 20))


def rms(sound: Floats) -> float:
    """Return the root mean square of the louder half of 20 ms blocks, so that pauses do not count."""
    blocks = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    powers = np.sort(np.mean(blocks.astype(np.float64) ** 2, axis=1))
    return float(np.sqrt(np.mean(powers[len(powers) // 2 :]) + 1e-12))


def coloured_noise(count: int, slope: float, rng: np.random.Generator) -> Floats:
    """Return steady noise of RMS 1 whose spectrum falls by `slope` dB an octave (0 white, 3 pink, 6 brown)."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 40.0)
    spectrum *= (hertz / 1000.0) ** (-slope / 6.02)
    noise = np.fft.irfft(spectrum, count)
    normalised: Floats = (noise / (noise.std() + 1e-12)).astype(np.float32)
    return normalised


def hum(count: int, rng: np.random.Generator) -> Floats:
    """Return mains hum or a fan's drone of RMS 1: harmonics of one low note."""
    base = rng.choice([50.0, 60.0, 100.0, 120.0, float(rng.uniform(70, 300))])
    t = np.arange(count) / SAMPLE_RATE
    partials = [
        rng.uniform(0.1, 1) / n * np.sin(2 * np.pi * (base * n * t + rng.random()))
        for n in range(1, int(rng.integers(2, 14)))
    ]
    sound = np.sum(partials, axis=0)
    normalised: Floats = (sound / (sound.std() + 1e-12)).astype(np.float32)
    return normalised


def background(count: int, rng: np.random.Generator) -> Floats:
    """Return some steady noise of RMS 1."""
    if rng.random() < 0.12:
        return hum(count, rng)
    noise = coloured_noise(count, float(rng.uniform(-3, 9)), rng)
    if rng.random() < 0.3:
        noise = noise + hum(count, rng) * np.float32(rng.uniform(0.1, 0.6))
    return noise


def telephone(sound: Floats) -> Floats:
    """Return the audio as over a telephone line: 300 to 3400 Hz, with 8-bit mu-law quantisation."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    spectrum *= 1 / (1 + (300 / np.maximum(hertz, 1)) ** 8) / (1 + (hertz / 3400) ** 16)
    filtered = np.fft.irfft(spectrum, len(sound))
    compressed = np.sign(filtered) * np.log1p(255 * np.minimum(np.abs(filtered), 1)) / np.log(256)
    quantised = np.round(compressed * 127) / 127
    expanded: Floats = (np.sign(quantised) * np.expm1(np.abs(quantised) * np.log(256)) / 255).astype(np.float32)
    return expanded


def _frequency_response(hertz: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a random microphone's gain at each frequency."""
    octaves = np.log2(np.maximum(hertz, 60.0) / 1000.0)
    level = rng.uniform(-3.5, 3.5) * octaves
    for _ in range(int(rng.integers(0, 4))):
        centre, width = rng.uniform(-3.5, 3), rng.uniform(0.3, 1.2)
        level += rng.uniform(-9, 9) * np.exp(-0.5 * ((octaves - centre) / width) ** 2)
    if rng.random() < 0.3:
        level -= 24 * np.maximum(0.0, np.log2(np.maximum(hertz, 1) / rng.uniform(3300, 6500)))
    if rng.random() < 0.3:
        level -= 18 * np.maximum(0.0, np.log2(rng.uniform(80, 300) / np.maximum(hertz, 1)))
    return np.asarray(10 ** (np.clip(level, -80, 20) / 20), np.float64)


def _room(size: int, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Return the spectrum of a random room's impulse response: the direct sound, then decaying reverberation."""
    seconds = rng.uniform(0.1, 0.5)
    count = int(seconds * SAMPLE_RATE)
    tail = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    tail[: int(rng.uniform(0.001, 0.008) * SAMPLE_RATE)] = 0
    tail *= decibels(float(rng.uniform(-16, -1))) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return np.fft.rfft(tail, size)


def recorded(sound: Floats, rng: np.random.Generator) -> Floats:
    """Return a clean voice as recorded by a random microphone in a random room."""
    size = 1 << int(len(sound) + SAMPLE_RATE // 2).bit_length()
    spectrum = np.fft.rfft(sound, size)
    if rng.random() < 0.8:
        spectrum *= _frequency_response(np.fft.rfftfreq(size, 1 / SAMPLE_RATE).astype(np.float64), rng)
    if rng.random() < 0.4:
        spectrum *= _room(size, rng)
    result = np.fft.irfft(spectrum, size)[: len(sound)].astype(np.float32)
    result *= np.float32(decibels(ACTIVE_DBFS) / rms(result))
    if rng.random() < 0.15:  # a limiter, or an overdriven microphone
        drive = np.float32(rng.uniform(1.5, 6))
        result = np.tanh(result * drive) / drive
    if rng.random() < 0.65:
        snr = rng.uniform(8, 45)
        result = result + background(len(result), rng) * np.float32(decibels(ACTIVE_DBFS - snr))
    if rng.random() < 0.08:
        result = telephone(result)
    result = result * np.float32(decibels(float(rng.uniform(-26, 8))))
    return np.clip(np.round(result * 32768), -32768, 32767).astype(np.float32) / np.float32(32768)
