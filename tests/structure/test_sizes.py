"""Limits on the number of modules in a folder and on the length of a module."""

from __future__ import annotations

from collections import Counter

from tests.structure.tree import ROOT, check, files, is_dunder, modules_of

SOURCE_FOLDERS = ("services", "tests", "bench", "training", "examples", "protos", "docs")
MODULE_ENDINGS = {".py", ".proto", ".js", ".md"}
MAX_MODULES = 14  # in one folder; more is a list to search, not a place to look
MAX_LINES = 300  # of one module


def test_no_folder_has_too_many_modules() -> None:
    counted = Counter(
        path.parent
        for path in files()
        if path.parts[0] in SOURCE_FOLDERS and path.suffix in MODULE_ENDINGS and not is_dunder(path)
    )
    check(
        f"folders with more than {MAX_MODULES} modules",
        (f"{folder}: {count}" for folder, count in counted.items() if count > MAX_MODULES),
    )


def test_no_module_is_too_long() -> None:
    lengths = {
        path: len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in modules_of("services", "bench", "training", "tests", "examples")
    }
    check(
        f"modules of more than {MAX_LINES} lines",
        (f"{path}: {count}" for path, count in lengths.items() if count > MAX_LINES),
    )
