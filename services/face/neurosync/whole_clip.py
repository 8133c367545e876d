"""Animate a whole clip exactly as the published model does it, window by window, but several windows at once.

Windows of 128 rows start every 96 rows for as long as there are rows; each overlaps the one before by 32, over which
they are cross-faded. What a window lacks is filled with its last row. So for some lengths the last window brings no
row of its own and rewrites the end from mostly filled context; that is part of the result and kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from services.common.types import Floats
from services.face.deferred_work import Work, done
from services.face.neurosync.network import WINDOW
from services.face.neurosync.runner import Runner
from services.media.curves import CURVE_COUNT, INDEX, ROTATIONS

OVERLAP = 32
"""Rows that a window shares with the one before."""
STEP = WINDOW - OVERLAP
LOT = 8
"""Windows answered between two parts of the result. More: parts come later; fewer: smaller batches."""
EASE_ROWS = 6
"""Rows over which the face leaves zero at the start of a clip."""
PERCENT = 100.0
UNTAUGHT = np.array(
    sorted({*range(5), *range(7, 12), INDEX["TongueOut"], *range(ROTATIONS.start, ROTATIONS.stop)}), np.intp
)
"""Columns that the model was never taught (blinks, gaze, tongue, head and eyeballs): always 0."""


def animate(runner: Runner, rows: Tensor) -> Floats:
    """Map the feature rows of a clip, (n, inputs), to frames (n, outputs): curves 0 to 1, emotions 0 to 100.

    Values are not clamped; small negative ones occur.
    """
    return np.concatenate([np.empty((0, runner.outputs), np.float32), *(done(part) for part in parts(runner, rows))])


def parts(runner: Runner, rows: Tensor) -> Iterator[Work[Floats]]:
    """Yield the work of which each makes the next frames of `animate`, those that no later window can change.

    It has to be done in this order, each before the next is asked for.
    """
    rest = np.empty((0, runner.outputs), np.float32)  # frames that the next window will be faded into
    starts = range(0, len(rows), STEP)

    def part(lot: range) -> Work[Floats]:
        nonlocal rest
        answers = yield runner.submit(torch.stack([filled(rows[start : start + WINDOW]) for start in lot]))
        known = [answer[: len(rows) - start] for start, answer in zip(lot, answers, strict=True)]
        frames = joined([rest, *known])
        count = min(lot.stop, len(rows)) - lot.start  # the next lot's first window starts after these
        rest = frames[count:]
        return scaled(frames[:count]) if lot.start else eased(scaled(frames[:count]))

    for at in range(0, len(starts), LOT):
        yield part(starts[at : at + LOT])


def joined(pieces: list[Floats], overlap: int = OVERLAP) -> Floats:
    """Join pieces (m, outputs), each cross-faded into the next over `overlap` rows or what there is of them."""
    whole = np.empty((sum(map(len, pieces)), pieces[0].shape[1]), np.float32)
    end = 0
    for piece in pieces:
        count = min(overlap, end, len(piece))
        share = (np.arange(count, dtype=np.float32) / np.float32(max(1, count)))[:, None]  # of the new piece: 0 to < 1
        whole[end - count : end] = (1 - share) * whole[end - count : end] + share * piece[:count]
        whole[end : end + len(piece) - count] = piece[count:]
        end += len(piece) - count
    return whole[:end]


def scaled(frames: Floats) -> Floats:
    """Return raw answers (n, outputs) with curves from percent to 0 to 1, and untaught ones 0; emotions stay."""
    scaled = frames.copy()
    scaled[:, :CURVE_COUNT] /= PERCENT
    scaled[:, UNTAUGHT] = 0.0
    return scaled


def eased(frames: Floats) -> Floats:
    """Return frames that grow from nothing over the first six."""
    eased = frames.copy()
    count = min(EASE_ROWS, len(eased))
    eased[:count] *= np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    return eased


def filled(window: Tensor) -> Tensor:
    """Return (m, inputs) rows with the last one repeated up to WINDOW."""
    return torch.cat([window, window[-1:].expand(WINDOW - len(window), -1)])
