"""Inference over a whole clip exactly as the published model does it, but several windows at a time.

Windows of 128 rows start every 96 rows for as long as there are rows; each overlaps the one before by 32 rows, over
which they are cross-faded. A window that is too short is padded with its last row. So for some lengths the last window
has no row of its own and rewrites the end from mostly padded context; that is part of the published result and kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from services.common.types import Floats
from services.face.deferred_work import Work, run_work
from services.face.neurosync.network import WINDOW
from services.face.neurosync.runner import WindowRunner
from services.media.curves import CURVE_COUNT, INDEX, ROTATIONS

OVERLAP = 32
"""Rows that a window shares with the one before."""
STEP = WINDOW - OVERLAP
BATCH = 8
"""Windows run between two parts of the result. More: parts come later; fewer: smaller batches."""
EASE_ROWS = 6
"""Rows over which the face leaves zero at the start of a clip."""
PERCENT = 100.0
UNTRAINED = np.array(
    sorted({*range(5), *range(7, 12), INDEX["TongueOut"], *range(ROTATIONS.start, ROTATIONS.stop)}), np.intp
)
"""Columns that the model was not trained on (blinks, gaze, tongue, head and eyeballs): always 0."""


def animate(runner: WindowRunner, rows: Tensor) -> Floats:
    """Map the feature rows of a clip, (n, inputs), to frames (n, outputs): curves 0 to 1, emotions 0 to 100.

    Values are not clamped; small negative ones occur.
    """
    frames = (run_work(part) for part in parts(runner, rows))
    return np.concatenate([np.empty((0, runner.outputs), np.float32), *frames])


def parts(runner: WindowRunner, rows: Tensor) -> Iterator[Work[Floats]]:
    """Yield the work of which each returns the next frames of `animate`, those that no later window can change.

    It has to be run in this order, each before the next is requested.
    """
    rest = np.empty((0, runner.outputs), np.float32)  # frames that the next window is faded into
    starts = range(0, len(rows), STEP)

    def part(batch: range) -> Work[Floats]:
        nonlocal rest
        answers = yield runner.submit(torch.stack([padded(rows[start : start + WINDOW]) for start in batch]))
        pieces = [answer[: len(rows) - start] for start, answer in zip(batch, answers, strict=True)]
        frames = crossfaded([rest, *pieces])
        count = min(batch.stop, len(rows)) - batch.start  # the next batch's first window starts after these
        rest = frames[count:]
        return unscaled(frames[:count]) if batch.start else eased_in(unscaled(frames[:count]))

    for at in range(0, len(starts), BATCH):
        yield part(starts[at : at + BATCH])


def crossfaded(pieces: list[Floats], overlap: int = OVERLAP) -> Floats:
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


def unscaled(frames: Floats) -> Floats:
    """Return raw outputs (n, outputs) with curves from percent to 0 to 1, and untrained ones 0; emotions stay."""
    curves = frames.copy()
    curves[:, :CURVE_COUNT] /= PERCENT
    curves[:, UNTRAINED] = 0.0
    return curves


def eased_in(frames: Floats) -> Floats:
    """Return frames that grow from zero over the first six."""
    eased = frames.copy()
    count = min(EASE_ROWS, len(eased))
    eased[:count] *= np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    return eased


def padded(window: Tensor) -> Tensor:
    """Return (m, inputs) rows with the last one repeated up to WINDOW."""
    return torch.cat([window, window[-1:].expand(WINDOW - len(window), -1)])
