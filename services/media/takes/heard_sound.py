"""The sound of a turn as a listener heard it, pauses included, from the samples played at each tick.

A turn pauses when its sound arrives too slowly or the device stalls, while the face goes on. A recording with one row
for each tick must therefore contain the pauses too, or rows and sound drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from services.common.types import FRAME_RATE, Pcm
from services.media.fade import INTERRUPT_FADE_SECONDS, PAUSE_FADE_SECONDS, apply_fade

_ROUNDING = 2  # samples by which whole ticks differ, as positions are rounded at two rates


@dataclass(frozen=True)
class Piece:
    """A stretch of the turn that was heard without a pause."""

    first: int
    """First sample of the turn."""
    end: int
    """One past its last sample."""
    at: int
    """Position of the first sample in the heard sound."""


@dataclass(frozen=True)
class HeardSound:
    """The sound of a turn as it was heard."""

    pcm: Pcm
    """Sound, shape (n,), at the turn's rate."""
    pieces: tuple[Piece, ...]
    """In order; between them the turn paused."""

    def place(self, sample: int) -> int:
        """Return the position in `pcm` of sample `sample` of the turn; samples that were not heard follow the end."""
        last = self.pieces[-1] if self.pieces else Piece(0, 0, 0)
        piece = next((piece for piece in self.pieces if sample < piece.end), last)
        return piece.at + sample - piece.first

    def place_end(self, sample: int) -> int:
        """Return the position of an end (one past a last sample), before any pause that follows it."""
        return self.place(sample - 1) + 1

    @property
    def pauses(self) -> list[tuple[int, int]]:
        """The pauses in `pcm`: the first sample of each, and one past its last."""
        gaps = [(one.at + one.end - one.first, two.at) for one, two in pairwise(self.pieces)]
        return [(start, end) for start, end in gaps if end > start]


def tick_sample(tick: int, rate: int) -> int:
    """Return the first sample at `rate` Hz at or after a tick, counted from tick 0."""
    return -(-tick * rate // FRAME_RATE)


def heard_sound(
    pcm: Pcm, rate: int, ticks: Sequence[int], played: Sequence[int], *, stopped: bool = False
) -> HeardSound:
    """Return the sound that was heard, laid out over time.

    Args:
        pcm: The part of the turn's sound that was heard, shape (n,).
        rate: Hertz.
        ticks: The ticks that were reported, growing; the turn began on tick 0.
        played: Samples heard by each of these ticks.
        stopped: Whether the turn was stopped, so that its sound fades out.
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
    """Extend the last piece to sample `end`, or begin the first piece."""
    if pieces:
        pieces[-1] = Piece(pieces[-1].first, end, pieces[-1].at)
    else:
        pieces.append(Piece(first, end, first))


def _joined(pcm: Pcm, rate: int, pieces: Sequence[Piece], *, stopped: bool) -> Pcm:
    """Return the pieces in their places, faded as the player fades them."""
    pause_fade, stop_fade = round(PAUSE_FADE_SECONDS * rate), round(INTERRUPT_FADE_SECONDS * rate)
    whole = np.zeros(max((piece.at + piece.end - piece.first for piece in pieces), default=0), np.int16)
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
