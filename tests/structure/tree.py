"""The files of a checkout, its Python modules, and what they import."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = {".py", ".js", ".html", ".css", ".proto", ".sh", ".yaml", ".md", ".Dockerfile"}
NO_CODE_FOLDERS = {"assets", "data"}
_BUILT_FOLDERS = {"build", "dist", "__pycache__", "node_modules"}

Graph = Mapping[str, set[str]]


@cache
def files(root: Path = ROOT) -> tuple[Path, ...]:
    """Return the paths of all files that belong to a checkout, relative to `root`: those that git tracks, or all."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True, encoding="utf-8"
        ).stdout
        found = [Path(name) for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = []
    found = found or [path.relative_to(root) for path in _walk(root)]
    return tuple(sorted(path for path in found if (root / path).is_file()))


def code_files(*folders: str, root: Path = ROOT) -> list[Path]:
    """Return the files of code below `folders`, without those that only mark or run a package, and without data."""
    return [
        path
        for path in files(root)
        if path.parts[0] in folders
        and path.suffix in CODE
        and not path.stem.startswith("__")
        and not NO_CODE_FOLDERS.intersection(path.parts[:-1])
    ]


def python_files(*folders: str, root: Path = ROOT) -> list[Path]:
    """Return all Python files below `folders`."""
    return [path for path in files(root) if path.suffix == ".py" and path.parts[0] in folders]


@cache
def parse(path: Path, root: Path = ROOT) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse((root / path).read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    """Return the dotted name of a module; that of its package for an `__init__`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(package: str, root: Path = ROOT) -> dict[str, set[str]]:
    """Return which modules of a package each of its modules imports, wherever in the module the import stands."""
    modules = {name_of(path): path for path in python_files(package, root=root)}
    return {
        name: {found for found in _imported(parse(path, root), name, path, modules) if found != name}
        for name, path in modules.items()
    }


def packages(graph: Graph) -> dict[str, set[str]]:
    """Join the modules of each folder to one node; beside subfolders, a module stays a node of its own."""
    folders = {name.rpartition(".")[0] for name in graph}
    with_subfolders = {folder.rpartition(".")[0] for folder in folders}

    def node(name: str) -> str:
        folder = name.rpartition(".")[0]
        return name if name in folders or folder in with_subfolders or not folder else folder

    joined: dict[str, set[str]] = {}
    for name, targets in graph.items():
        joined.setdefault(node(name), set()).update(node(target) for target in targets)
    return {name: targets - {name} for name, targets in joined.items()}


def cycles(graph: Graph) -> list[list[str]]:
    """Return the shortest cycle through each node that lies on one, without repeating a cycle."""
    found: dict[frozenset[str], list[str]] = {}
    for start in sorted(graph):
        cycle = _shortest_cycle(graph, start)
        if cycle:
            found.setdefault(frozenset(cycle), cycle)
    return sorted(found.values(), key=lambda cycle: (len(cycle), cycle))


def expect_none(offenders: Iterable[str]) -> None:
    """Fail with the list of offenders, if there are any."""
    found = list(offenders)
    if found:
        pytest.fail("\n".join([f"{len(found)} found:", *found]), pytrace=False)


def _shortest_cycle(graph: Graph, start: str) -> list[str]:
    came_from: dict[str, str] = {}
    waiting = [start]
    for name in waiting:  # grows while it is walked: the nearest come first
        for target in sorted(graph.get(name, ())):
            if target == start:
                path = [name]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if target not in came_from:
                came_from[target] = name
                waiting.append(target)
    return []


def _imported(tree: ast.Module, name: str, path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names if alias.name in modules)
        elif isinstance(statement, ast.ImportFrom):
            base = statement.module or ""
            if statement.level:
                above = package.split(".")[: len(package.split(".")) - statement.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            for alias in statement.names:
                inner = f"{base}.{alias.name}"
                if inner in modules:
                    yield inner
                elif base in modules:
                    yield base


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if not path.name.startswith(".") and path.name not in _BUILT_FOLDERS:
                yield from _walk(path)
        elif "_pb2" not in path.name:
            yield path
