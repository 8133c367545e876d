"""Make the shipped face model: `python -m training.face corpus|train|export|evaluate|all`."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.face.progress import tell_progress

STEPS, MEMBERS = 6000, 2
MINUTES = {
    "hibari": (300.0, "of hibari"),
    "flite": (45.0, "of each flite voice"),
    "festival": (22.0, "of each Festival voice"),
    "espeak": (75.0, "of espeak-ng in all its throats and languages"),
    "other": (80.0, "without speech"),
}
"""Kind of sound to its default length in the corpus, and what it is."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.face", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/face"), help="corpus and checkpoints (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=7, help="of everything that is drawn; members count on from it (%(default)s)"
    )
    parser.add_argument("--name", default="lipsync", help="of the model (%(default)s)")
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    everything = stages.add_parser("all", help="corpus, train, export and evaluate")
    corpus = stages.add_parser("corpus", help="speak sentences and write features and curves")
    train = stages.add_parser("train", help="fit the networks")
    for stage in (corpus, everything):
        for kind, (minutes, what) in MINUTES.items():
            stage.add_argument(
                f"--{kind}", type=float, default=minutes, metavar="MINUTES", help=f"{what} (%(default)s)"
            )
    for stage in (train, everything):
        stage.add_argument("--steps", type=int, default=STEPS, help="of the optimizer (%(default)s)")
        stage.add_argument("--members", type=int, default=MEMBERS, help="networks that answer as one (%(default)s)")
        stage.add_argument("--resume", action="store_true", help="go on where an interrupted training was")
    for stage in (corpus, train, everything):
        stage.add_argument("--jobs", type=int, default=2, help="processes side by side (%(default)s)")
    stages.add_parser("export", help="write the ONNX file the service ships")
    evaluate = stages.add_parser("evaluate", help="judge the shipped file, and animate WAV files as CSVs")
    for stage in (evaluate, everything):
        stage.add_argument("sounds", nargs="*", type=Path, help="recordings to animate")
    return parser


def main() -> None:
    """Run one stage, or all."""
    options = _parser().parse_args()
    tell_progress()
    stages = ["corpus", "train", "export", "evaluate"] if options.stage == "all" else [options.stage]
    if "corpus" in stages:
        from training.face.corpus import write_corpus

        minutes = {kind: getattr(options, kind) for kind in MINUTES}
        write_corpus(options.folder, minutes, seed=options.seed, jobs=options.jobs)
    if "train" in stages:
        from training.face.members import train_members

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
        from training.face.evaluate import evaluate

        evaluate(options.sounds, options.folder / "evaluation")


if __name__ == "__main__":
    main()
