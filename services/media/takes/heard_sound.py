"""A turn's sound, and how much of it was heard on each tick, to what a listener heard: pauses counted in.

A turn pauses when its sound comes too slowly, or the device does; the face goes on meanwhile. So a recording that keeps
one row for each tick must hold the pauses too, or row and sound drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from services.common.types import FRAME_RATE, Pcm

JOINT_SECONDS = 0.005  # ramp into and out of a pause, as the player shapes it
FADE_SECONDS = 0.004  # of a turn that is interrupted; longer is softer, shorter clicks: the person speaks already
_ROUNDING = 2  # samples by which whole ticks differ, as positions are rounded at two rates


@dataclass(frozen=True)
class Piece:
    """A run of the turn that was heard without a pause."""

    first: int
    """First sample of the turn."""
    end: int
    """One past its last sample."""
    at: int
    """Where the first sample lies in what was heard."""


@dataclass(frozen=True)
class HeardSound:
    """What was heard of a turn."""

    pcm: Pcm
    """Sound, shape (n,), at the turn's rate."""
    pieces: tuple[Piece, ...]
    """In order; between them the turn paused."""

    def place(self, sample: int) -> int:
        """Return where sample `sample` of the turn lies in `pcm`; what was not heard follows the end."""
        last = self.pieces[-1] if self.pieces else Piece(0, 0, 0)
        piece = next((piece for piece in self.pieces if sample < piece.end), last)
        return piece.at + sample - piece.first

    def place_end(self, sample: int) -> int:
        """Return the same for one past the last sample of something: a pause that follows it is no part of it."""
        return self.place(sample - 1) + 1

    @property
    def pauses(self) -> list[tuple[int, int]]:
        """Where the turn paused in `pcm`: first sample, and one past the last."""
        gaps = [(one.at + one.end - one.first, two.at) for one, two in pairwise(self.pieces)]
        return [(start, end) for start, end in gaps if end > start]


def tick_sample(tick: int, rate: int) -> int:
    """Return the sample at `rate` Hz on which a tick lies, counted from tick 0: the first at or after it."""
    return -(-tick * rate // FRAME_RATE)


def heard_sound(
    pcm: Pcm, rate: int, ticks: Sequence[int], played: Sequence[int], *, stopped: bool = False
) -> HeardSound:
    """Lay out what was heard.

    Args:
        pcm: The turn's sound, shape (n,); all that was heard of it.
        rate: Hertz.
        ticks: Ticks that are known, growing; the turn began on tick 0.
        played: For each, how many samples had been heard.
        stopped: Whether somebody stopped the turn, so that its sound fades.
    """
    count = len(pcm)
    known = [(0, 0), *((tick, min(heard, count)) for tick, heard in zip(ticks, played, strict=True) if tick > 0)]
    pieces: list[Piece] = []
    sounding = True  # from tick 0 on
    for index, ((tick, first), (after, end)) in enumerate(pairwise(known)):
        start, stop = tick_sample(tick, rate), tick_sample(after, rate)
        whole = end - first >= stop - start - _ROUNDING * (after - tick)
        if end <= first:
            sounding = False
        elif sounding:
            _extend(pieces, first, end)
            sounding = whole
        else:  # the turn goes on after a pause: at a tick, or within one and through the next
            sounding = whole or (index + 2 < len(known) and known[index + 2][1] > end)
            pieces.append(Piece(first, end, start if whole or not sounding else stop - (end - first)))
    rest = pieces[-1].end if pieces else 0
    if rest < count and sounding:
        _extend(pieces, rest, count)
    elif rest < count:
        pieces.append(Piece(rest, count, tick_sample(known[-1][0], rate)))
    return HeardSound(_joined(pcm, rate, pieces, stopped=stopped), tuple(pieces))


def _extend(pieces: list[Piece], first: int, end: int) -> None:
    """Let the last piece go on to sample `end`; the first of all begins the turn."""
    if pieces:
        pieces[-1] = Piece(pieces[-1].first, end, pieces[-1].at)
    else:
        pieces.append(Piece(first, end, first))


def _joined(pcm: Pcm, rate: int, pieces: Sequence[Piece], *, stopped: bool) -> Pcm:
    """Return the pieces in their places, with the ramps that the player gives them."""
    whole = np.zeros(max((piece.at + piece.end - piece.first for piece in pieces), default=0), np.int16)
    for index, piece in enumerate(pieces):
        part = pcm[piece.first : piece.end].astype(np.float32)
        if index:
            part *= _ramp(len(part), round(JOINT_SECONDS * rate))
        last = index == len(pieces) - 1
        if not last or stopped:
            part *= _ramp(len(part), round((FADE_SECONDS if last else JOINT_SECONDS) * rate))[::-1]
        whole[piece.at : piece.at + len(part)] = part.astype(np.int16)
    return whole


def _ramp(count: int, length: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return gains, shape (count,): a raised cosine from 0 to 1 over `length` samples, then 1."""
    phase = np.clip((np.arange(count, dtype=np.float32) + 0.5) / max(length, 1), 0, 1)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * phase), np.float32)
