"""The files of the project and its Python modules, read without importing them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def files() -> tuple[Path, ...]:
    """Return the files of the project, relative to its root: those that git tracks, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(path for path in map(Path, sorted(set(listed))) if (ROOT / path).is_file())


def modules_of(*folders: str) -> list[Path]:
    return [path for path in files() if path.parts[0] in folders and path.suffix == ".py"]


def is_dunder(path: Path) -> bool:
    return path.stem.startswith("__")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def dotted(path: Path) -> str:
    """Return the import name of a module; that of a package for its `__init__`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def check(rule: str, problems: Iterable[str]) -> None:
    """Fail with one line for each problem."""
    listed = sorted(problems)
    assert not listed, "\n  ".join([f"{rule}: {len(listed)}", *listed])
