"""Target curves for timed phones, by a coarticulation rule.

At each moment a curve is the mean of all phones' poses, weighted by their dominance and distance in time (Cohen and
Massaro, "Modeling Coarticulation in Synthetic Visual Speech", 1993). Then lips that must meet are made to meet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.common.types import FRAME_RATE
from training.face.targets.phones import PHONES, VOWELS, Segment
from training.face.targets.poses import (
    BILABIALS,
    CHANNELS,
    DIPHTHONG_SPLIT,
    DIPHTHONGS,
    DOMINANCE,
    LABIODENTALS,
    ROLL_SECONDS,
    group_of,
)
from training.face.targets.rules import TRAINING, Rule

LOUD_PERCENTILE = 80
"""A voice's loud level: the vowels' mean levels, at this percentile."""
CLOSE_IN, CLOSE_OUT = 0.060, 0.050
"""Seconds that lips take to meet, and to part."""
SMOOTHING = 1.1
"""Standard deviation of the final Gaussian smoothing, frames."""


def _split(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments with each diphthong split into its two poses."""
    parts = []
    for segment in segments:
        if segment.phone in DIPHTHONGS:
            middle = segment.start + DIPHTHONG_SPLIT * (segment.end - segment.start)
            parts.append(Segment(segment.phone + "1", segment.start, middle, segment.stress))
            parts.append(Segment(segment.phone + "2", middle, segment.end, segment.stress))
        else:
            parts.append(segment)
    return parts


def _is_vowel(phone: str) -> bool:
    return phone.rstrip("12") in VOWELS


def _levels(segments: Sequence[Segment], sound: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Return each segment's mean level in decibels above the voice's loud level."""
    squares = np.concatenate([[0.0], np.cumsum(sound.astype(np.float64) ** 2)])
    edges = np.clip([[round(s.start * rate), round(s.end * rate)] for s in segments], 0, len(sound))
    energy = (squares[edges[:, 1]] - squares[edges[:, 0]]) / np.maximum(1, edges[:, 1] - edges[:, 0])
    levels = 10 * np.log10(energy + 1e-9)
    vowels = [level for level, s in zip(levels, segments, strict=True) if _is_vowel(s.phone)]
    loud = np.percentile(vowels, LOUD_PERCENTILE) if vowels else 0.0
    return np.asarray(levels - loud, np.float64)


def _targets(segments: Sequence[Segment], levels: NDArray[np.float64], rule: Rule) -> NDArray[np.float64]:
    """Return each segment's pose, opened by stress, length and loudness; shape (segments, channels)."""
    targets = np.zeros((len(segments), len(CHANNELS)))
    for row, segment in enumerate(segments):
        pose = rule.poses[segment.phone]
        targets[row] = [pose.get(channel, 0.0) for channel in CHANNELS]
        if _is_vowel(segment.phone):
            length = np.clip(0.72 + 0.28 * (segment.end - segment.start) / 0.090, 0.75, 1.15)
            loudness = np.clip(1 + 0.03 * levels[row], 0.6, 1.25)
            gain = rule.stress[segment.stress] * length * loudness
            for channel in ("JawOpen", "MouthLowerDown"):
                targets[row, CHANNELS.index(channel)] *= gain
    return targets


def _smoothstep(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)


def _close_lips(
    curves: NDArray[np.float64], segments: Sequence[Segment], targets: NDArray[np.float64], times: NDArray[np.float64]
) -> None:
    """Make the lips meet in /p b m/ and the lip meet the teeth in /f v/, in place."""
    closing = [i for i, channel in enumerate(CHANNELS) if group_of(channel) == "closure"]
    parting = [CHANNELS.index("MouthLowerDown"), CHANNELS.index("MouthUpperUp"), CHANNELS.index("MouthStretch")]
    rounding = [CHANNELS.index("MouthFunnel"), CHANNELS.index("MouthPucker")]
    jaw = CHANNELS.index("JawOpen")
    for segment, target in zip(segments, targets, strict=True):
        if segment.phone not in BILABIALS + LABIODENTALS:
            continue
        met = segment.start + 0.25 * min(segment.end - segment.start, CLOSE_IN)
        parted = segment.end - 0.25 * min(segment.end - segment.start, CLOSE_OUT)
        near = slice(*np.searchsorted(times, [met - CLOSE_IN, parted + CLOSE_OUT]))
        t = times[near]
        shut = np.minimum(_smoothstep((t - met) / CLOSE_IN + 1), _smoothstep((parted - t) / CLOSE_OUT + 1))[:, None]
        part = curves[near]
        closed = part[:, closing] * (1 - shut) + shut * np.maximum(part[:, closing], target[closing])
        part[:, closing] = closed
        part[:, parting] = part[:, parting] * (1 - shut) + shut * np.minimum(part[:, parting], target[parting])
        if segment.phone in BILABIALS:
            part[:, jaw] *= 1 - 0.25 * shut[:, 0]  # captured jaws stay open behind closed lips
            part[:, rounding] *= 1 - 0.5 * shut


def _draw_corners_in(curves: NDArray[np.float64], rule: Rule) -> None:
    """Reduce smile and stretch where lips protrude, in place."""
    if rule.corners_in:
        remaining = np.clip(1 - curves[:, CHANNELS.index("MouthPucker")] / rule.corners_in, 0.0, 1.0)
        for channel in ("MouthSmile", "MouthStretch", "CheekSquint"):
            curves[:, CHANNELS.index(channel)] *= remaining


def _smoothed(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return curves (frames, channels) after Gaussian smoothing in time."""
    radius = 4
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SMOOTHING) ** 2)
    padded = np.pad(curves, ((radius, radius), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel / kernel.sum(), "valid") for column in padded.T], axis=1)


def target_curves(
    segments: Sequence[Segment],
    sound: NDArray[np.float32],
    rate: int,
    frames: int,
    rule: Rule = TRAINING,
) -> NDArray[np.float32]:
    """Return the curves of a mouth that speaks the segments.

    Args:
        segments: in order, without gaps, seconds from the first sample.
        sound: the voice before any effect, shape (n,); loud vowels open the mouth further.
        rate: of `sound`, hertz.
        frames: number of frames to return; frame k is for time k / 60 s.
        rule: of the mouth; the evaluation uses `REFERENCE`.

    Returns:
        float32, shape (frames, len(CHANNELS)), 0 to 1.
    """
    parts = _split(segments)
    targets = _targets(parts, _levels(parts, sound, rate), rule)
    times = np.arange(frames) / FRAME_RATE
    centres = np.array([(s.start + s.end) / 2 for s in parts])
    halves = np.array([(s.end - s.start) / 2 for s in parts])
    away = times[:, None] - centres  # (frames, segments)
    curves = np.zeros((frames, len(CHANNELS)))
    for group, (before, after) in ROLL_SECONDS.items():
        reach = 0.75 * halves + np.where(away < 0, before, after)
        strength = np.array([DOMINANCE[s.phone][group] for s in parts])
        exponent = -2.2 * (np.abs(away) / reach) ** 1.7 + np.log(strength)
        exponent -= exponent.max(axis=1, keepdims=True)  # far from everything the ratio still counts
        weights = np.exp(exponent)
        weights /= weights.sum(axis=1, keepdims=True)
        columns = [i for i, channel in enumerate(CHANNELS) if group_of(channel) == group]
        curves[:, columns] = weights @ targets[:, columns]
    _draw_corners_in(curves, rule)
    _close_lips(curves, parts, targets, times)
    smooth = _smoothed(curves)
    index = np.arange(frames)
    for column, channel in enumerate(CHANNELS):
        smooth[:, column] = np.interp(index + rule.lead.get(group_of(channel), 0.0), index, smooth[:, column])
    legal: NDArray[np.float32] = np.clip(smooth, 0.0, 1.0).astype(np.float32)
    return legal


def phones_of(segments: Sequence[Segment], frames: int) -> NDArray[np.int64]:
    """Return the index in `PHONES` of the phone at each frame's time, shape (frames,)."""
    starts = np.array([s.start for s in segments])
    index = np.searchsorted(starts, np.arange(frames) / FRAME_RATE, side="right") - 1
    names = np.array([PHONES.index(s.phone) for s in segments])
    return np.asarray(names[np.clip(index, 0, len(names) - 1)], np.int64)
