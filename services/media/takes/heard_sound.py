"""The sound of a turn as it was heard, pauses included, laid out from how much had been heard on each tick.

A turn pauses when its sound comes too slowly, or the device does; the face goes on meanwhile. A recording with one row
of the face for each tick must therefore hold the pauses too, or rows and sound drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from services.common.types import FRAME_RATE, Pcm
from services.media.fade import INTERRUPT_FADE_SECONDS, PAUSE_FADE_SECONDS, apply_fade

_ROUNDING = 2  # samples by which whole ticks differ, as positions are rounded at two rates


class HeardTick(NamedTuple):
    """How far a turn was on one tick."""

    tick: int
    """Counted from the tick on which the turn began."""
    heard: int
    """Samples of the turn that had been heard."""


@dataclass(frozen=True)
class Piece:
    """A stretch of the turn that was heard without a pause."""

    first: int
    """First sample of the turn."""
    end: int
    """One past its last sample."""
    at: int
    """Position of the first sample in the heard sound."""

    @property
    def end_at(self) -> int:
        """Position of its end in the heard sound."""
        return self.at + self.end - self.first


@dataclass(frozen=True)
class HeardSound:
    """What was heard of a turn; maps samples of the turn to samples of it."""

    pcm: Pcm
    """Sound, shape (n,), at the turn's rate."""
    pieces: tuple[Piece, ...]
    """In order; between them the turn paused."""

    @classmethod
    def without_pauses(cls, pcm: Pcm) -> Self:
        """Return the sound of a turn that was heard from its first to its last sample."""
        return cls(pcm, (Piece(0, len(pcm), 0),))

    def place(self, sample: int) -> int:
        """Return the position in `pcm` of sample `sample` of the turn; samples that were not heard follow the end."""
        last = self.pieces[-1] if self.pieces else Piece(0, 0, 0)
        piece = next((piece for piece in self.pieces if sample < piece.end), last)
        return piece.at + sample - piece.first

    def place_end(self, sample: int) -> int:
        """Return the position of an end (one past a last sample), before any pause that follows it."""
        return self.place(sample - 1) + 1

    def place_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the positions in `pcm` of a span of the turn: its first sample, and one past its last."""
        first = self.place(start)
        return first, max(first, self.place_end(end))

    @property
    def pauses(self) -> list[tuple[int, int]]:
        """The pauses in `pcm`: the first sample of each, and one past its last."""
        gaps = [(one.end_at, two.at) for one, two in pairwise(self.pieces)]
        return [(start, end) for start, end in gaps if end > start]


def tick_sample(tick: int, rate: int) -> int:
    """Return the first sample at `rate` Hz at or after a tick, counted from tick 0."""
    return -(-tick * rate // FRAME_RATE)


def heard_sound(pcm: Pcm, rate: int, ticks: Sequence[HeardTick], *, stopped: bool = False) -> HeardSound:
    """Return the sound that was heard, laid out over time.

    Args:
        pcm: The part of the turn's sound that was heard, shape (n,).
        rate: Hertz.
        ticks: What is known, by growing tick; ticks may be missing. The turn began on tick 0.
        stopped: Whether the turn was stopped, so that its sound fades.
    """
    count = len(pcm)
    known = [HeardTick(0, 0), *(HeardTick(tick, min(heard, count)) for tick, heard in ticks if tick > 0)]
    pieces = _pieces(known, count, rate)
    return HeardSound(_joined(pcm, rate, pieces, stopped=stopped), tuple(pieces))


def _pieces(known: Sequence[HeardTick], count: int, rate: int) -> list[Piece]:
    """Return the parts of a turn of `count` samples between which it paused."""
    pieces: list[Piece] = []
    is_sounding = True  # from tick 0 on
    for index, ((tick, first), (next_tick, end)) in enumerate(pairwise(known)):
        start, stop = tick_sample(tick, rate), tick_sample(next_tick, rate)
        is_whole = end - first >= stop - start - _ROUNDING * (next_tick - tick)
        if end <= first:
            is_sounding = False
        elif is_sounding:
            _extend(pieces, first, end)
            is_sounding = is_whole
        else:  # the turn goes on after a pause: at a tick, or within one and through the next
            goes_on = index + 2 < len(known) and known[index + 2].heard > end
            begins_within = goes_on and not is_whole
            pieces.append(Piece(first, end, stop - (end - first) if begins_within else start))
            is_sounding = is_whole or goes_on
    rest = pieces[-1].end if pieces else 0
    if rest < count and is_sounding:
        _extend(pieces, rest, count)
    elif rest < count:
        pieces.append(Piece(rest, count, tick_sample(known[-1].tick, rate)))
    return pieces


def _extend(pieces: list[Piece], first: int, end: int) -> None:
    """Extend the last piece to sample `end`, or begin the first piece."""
    if pieces:
        pieces[-1] = Piece(pieces[-1].first, end, pieces[-1].at)
    else:
        pieces.append(Piece(first, end, first))


def _joined(pcm: Pcm, rate: int, pieces: Sequence[Piece], *, stopped: bool) -> Pcm:
    """Return the pieces in their places, faded as the player fades them."""
    pause_fade, stop_fade = round(PAUSE_FADE_SECONDS * rate), round(INTERRUPT_FADE_SECONDS * rate)
    whole = np.zeros(max((piece.end_at for piece in pieces), default=0), np.int16)
    for index, piece in enumerate(pieces):
        part = pcm[piece.first : piece.end].astype(np.float32)
        if index:
            apply_fade(part, 0, pause_fade, rising=True)
        last = index == len(pieces) - 1
        if not last or stopped:
            fade = stop_fade if last else pause_fade
            apply_fade(part, fade - len(part), fade, rising=False)
        whole[piece.at : piece.at + len(part)] = part.astype(np.int16)
    return whole
