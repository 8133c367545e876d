"""Trains the networks of the ensemble in parallel: same corpus, but different initial weights and crops."""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from training.face.progress import log_progress
from training.face.train import train


def folders(folder: Path) -> list[Path]:
    """Return the folders of the networks that were trained on a corpus folder."""
    return sorted(folder.glob("member-*"))


def train_members(folder: Path, *, members: int, steps: int, seed: int, jobs: int, resume: bool) -> None:
    """Write `member-<seed>` folders as `train` does, one for each of `members` seeds from `seed` on; delete others.

    Args:
        folder: of the corpus.
        members: how many networks.
        steps: of the optimizer, for each.
        seed: of the first member.
        jobs: parallel processes, one thread each.
        resume: whether each continues from its newest saved state that is before its final phase.
    """
    wanted = {one: folder / f"member-{one}" for one in range(seed, seed + members)}
    for old in folders(folder):
        if not resume or old not in wanted.values():
            shutil.rmtree(old)
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=log_progress, max_tasks_per_child=1
    ) as pool:
        runs = [pool.submit(train, folder, path, steps=steps, seed=one, resume=resume) for one, path in wanted.items()]
        for run in runs:
            run.result()
