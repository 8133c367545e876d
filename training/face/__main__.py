"""Make the shipped face model: `python -m training.face corpus|train|export|evaluate|all`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

STEPS = 6000
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
    parser.add_argument("--seed", type=int, default=7, help="of everything that is drawn (%(default)s)")
    parser.add_argument("--name", default="lipsync", help="of the model (%(default)s)")
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    everything = stages.add_parser("all", help="corpus, train, export and evaluate")
    corpus = stages.add_parser("corpus", help="speak sentences and write features and curves")
    train = stages.add_parser("train", help="fit the network")
    for stage in (corpus, everything):
        for kind, (minutes, what) in MINUTES.items():
            stage.add_argument(
                f"--{kind}", type=float, default=minutes, metavar="MINUTES", help=f"{what} (%(default)s)"
            )
        stage.add_argument("--jobs", type=int, default=2, help="processes that speak side by side (%(default)s)")
    for stage in (train, everything):
        stage.add_argument("--steps", type=int, default=STEPS, help="of the optimizer (%(default)s)")
        stage.add_argument(
            "--resume", type=Path, metavar="STATE", help="a state-*.pt of an interrupted run to go on from"
        )
    stages.add_parser("export", help="write the ONNX file the service ships")
    evaluate = stages.add_parser("evaluate", help="judge the shipped file, and animate WAV files as CSVs")
    for stage in (evaluate, everything):
        stage.add_argument("sounds", nargs="*", type=Path, help="recordings to animate")
    return parser


def main() -> None:
    """Run one stage, or all."""
    options = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    stages = ["corpus", "train", "export", "evaluate"] if options.stage == "all" else [options.stage]
    if "corpus" in stages:
        from training.face.corpus import write_corpus

        minutes = {kind: getattr(options, kind) for kind in MINUTES}
        write_corpus(options.folder, minutes, seed=options.seed, jobs=options.jobs)
    if "train" in stages:
        from training.face.train import train

        train(options.folder, steps=options.steps, seed=options.seed, resume=options.resume)
    if "export" in stages:
        from training.face.export import export

        export(options.folder, options.name)
    if "evaluate" in stages:
        from training.face.evaluate import evaluate

        evaluate(options.sounds, options.folder / "evaluation")


if __name__ == "__main__":
    main()
