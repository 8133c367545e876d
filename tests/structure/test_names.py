"""Names of `services`: no two modules or classes share one, and every reason of an error is in the contract."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from neurosync.v1 import outcome_pb2
from services.common import errors
from tests.structure.tree import check, is_dunder, modules_of, parsed

SHARED_NAMES = {"server", "settings", "registry"}  # every service has them, and they mean the same in each


def duplicates(named: Iterable[tuple[str, Path]]) -> list[str]:
    """Return, for each name that several modules have, the name and the modules."""
    paths: dict[str, list[str]] = defaultdict(list)
    for name, path in named:
        paths[name].append(str(path))
    return [f"{name}: {', '.join(places)}" for name, places in paths.items() if len(places) > 1]


def test_no_two_modules_of_services_have_one_name() -> None:
    named = (
        (path.stem, path) for path in modules_of("services") if not is_dunder(path) and path.stem not in SHARED_NAMES
    )
    check("module names used twice", duplicates(named))


def test_no_two_classes_of_services_have_one_name() -> None:
    named = (
        (node.name, path)
        for path in modules_of("services")
        for node in parsed(path).body
        if isinstance(node, ast.ClassDef)
    )
    check("class names used twice", duplicates(named))


def error_types(kind: type[errors.NeuroSyncError] = errors.NeuroSyncError) -> Iterator[type[errors.NeuroSyncError]]:
    """Yield the base of all errors and every error below it."""
    yield kind
    for child in kind.__subclasses__():
        yield from error_types(child)


def test_every_reason_of_an_error_is_one_of_the_contract() -> None:
    names = set(outcome_pb2.Reason.keys())
    check(
        "reasons that neurosync.v1.Reason lacks",
        (f"{kind.__name__}: {kind.reason}" for kind in error_types() if f"REASON_{kind.reason}" not in names),
    )
