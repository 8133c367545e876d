"""Imports between the modules and packages of `services`: none of them form a cycle."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.structure.tree import check, dotted, modules_of, parsed

Graph = Mapping[str, Iterable[str]]


def imports_of(path: Path, known: set[str]) -> Iterator[str]:
    """Yield the modules of `known` that a module imports anywhere, type checking and functions included."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from ({inner, node.module} & known if inner not in known else {inner})


@cache
def import_graph() -> dict[str, set[str]]:
    """Return which module of `services` imports which."""
    by_name = {dotted(path): path for path in modules_of("services")}
    return {name: set(imports_of(path, set(by_name))) - {name} for name, path in by_name.items()}


def cycles(graph: Graph) -> list[list[str]]:
    """Return the groups of nodes of which each reaches every other (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return sorted(found)


def child_graph(folder: str) -> dict[str, set[str]]:
    """Return the imports between what lies directly in a folder: its modules, and its subfolders as one node each."""
    edges: dict[str, set[str]] = defaultdict(set)
    depth = folder.count(".") + 1
    for source, targets in import_graph().items():
        for target in targets:
            if source.startswith(f"{folder}.") and target.startswith(f"{folder}."):
                one, other = (".".join(name.split(".")[: depth + 1]) for name in (source, target))
                if one != other:
                    edges[one].add(other)
    return edges


def test_no_modules_import_each_other_in_a_circle() -> None:
    check("import cycles between modules", map(" <-> ".join, cycles(import_graph())))


def test_no_packages_import_each_other_in_a_circle() -> None:
    packages = {dotted(path) for path in modules_of("services") if path.stem == "__init__"} | {"services"}
    check(
        "import cycles between packages",
        (" <-> ".join(group) for package in packages for group in cycles(child_graph(package))),
    )


def test_cycles_are_found() -> None:
    assert cycles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == [["a", "b", "c"]]
    assert cycles({"a": ["b", "c"], "b": ["c"]}) == []
