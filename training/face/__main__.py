"""Command line of the training: `python -m training.face corpus|train|export|evaluate|all`."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.face.progress import log_progress

STEPS, MEMBERS = 6000, 2
MINUTES = {
    "hibari": (300.0, "of hibari"),
    "flite": (45.0, "of each flite voice"),
    "festival": (22.0, "of each Festival voice"),
    "espeak": (75.0, "of espeak-ng in all its voice variants and languages"),
    "other": (80.0, "without speech"),
}
"""Kind of audio to its default minutes in the corpus, and its description for `--help`."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.face", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path("build/face"), help="for corpus and checkpoints (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=7, help="random seed; network k of the ensemble uses seed + k (%(default)s)"
    )
    parser.add_argument("--name", default="lipsync", help="of the exported model (%(default)s)")
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    everything = stages.add_parser("all", help="corpus, train, export and evaluate")
    corpus = stages.add_parser("corpus", help="synthesize sentences and write features and target curves")
    train = stages.add_parser("train", help="train the networks")
    for stage in (corpus, everything):
        for kind, (minutes, what) in MINUTES.items():
            stage.add_argument(
                f"--{kind}", type=float, default=minutes, metavar="MINUTES", help=f"{what} (%(default)s)"
            )
    for stage in (train, everything):
        stage.add_argument("--steps", type=int, default=STEPS, help="optimizer steps of each network (%(default)s)")
        stage.add_argument("--members", type=int, default=MEMBERS, help="networks in the ensemble (%(default)s)")
        stage.add_argument("--resume", action="store_true", help="continue an interrupted training")
    for stage in (corpus, train, everything):
        stage.add_argument("--jobs", type=int, default=2, help="parallel processes (%(default)s)")
    stages.add_parser("export", help="write the ONNX file that the service loads")
    evaluate = stages.add_parser("evaluate", help="evaluate the shipped model, and animate recordings to CSV files")
    for stage in (evaluate, everything):
        stage.add_argument("sounds", nargs="*", type=Path, help="recordings to animate")
    return parser


def main() -> None:
    """Run one stage, or all."""
    options = _parser().parse_args()
    log_progress()
    stages = ["corpus", "train", "export", "evaluate"] if options.stage == "all" else [options.stage]
    if "corpus" in stages:
        from training.face.corpus.takes import write_corpus

        minutes = {kind: getattr(options, kind) for kind in MINUTES}
        write_corpus(options.folder, minutes, seed=options.seed, jobs=options.jobs)
    if "train" in stages:
        from training.face.ensemble import train_members

        train_members(
            options.folder,
            members=options.members,
            steps=options.steps,
            seed=options.seed,
            jobs=options.jobs,
            resume=options.resume,
        )
    if "export" in stages:
        from training.face.export import export

        export(options.folder, options.name)
    if "evaluate" in stages:
        from training.face.evaluation.evaluate import evaluate

        evaluate(options.sounds, options.folder / "evaluation")


if __name__ == "__main__":
    main()
