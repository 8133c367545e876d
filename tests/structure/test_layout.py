"""Sizes of folders and modules, unique names, and the docstring that opens each module."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict

from tests.structure.tree import NO_CODE_FOLDERS, ROOT, code_files, expect_none, files, name_of, parse, python_files

FOLDERS = ("services", "tests", "bench", "training", "examples", "protos", "docs", "deploy")
MOST_FILES = 14  # in a folder; more, and one no longer finds a module by looking
MOST_LINES = 300  # in a module; more, and it holds a second noun
MOST_CHARACTERS = 160  # in the first sentence of a module
SHARED_NAMES = {"server", "settings", "registry"}
_SENTENCE_END = re.compile(r"[.!?][\"'`)]*(?=\s|$)")


def test_no_folder_has_too_many_files() -> None:
    folders = Counter(path.parent for path in code_files(*FOLDERS))
    expect_none(f"{folder}: {count} files" for folder, count in sorted(folders.items()) if count > MOST_FILES)


def test_no_module_is_too_long() -> None:
    lengths = {
        path: len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in python_files("services", "bench", "training", "tests", "examples")
    }
    expect_none(f"{path}: {count} lines" for path, count in lengths.items() if count > MOST_LINES)


def test_no_two_modules_have_one_name() -> None:
    modules = defaultdict(list)
    for path in python_files("services"):
        if not path.stem.startswith("__") and path.stem not in SHARED_NAMES:
            modules[path.stem].append(name_of(path))
    expect_none(f"{stem}: {', '.join(names)}" for stem, names in sorted(modules.items()) if len(names) > 1)


def test_no_two_classes_have_one_name() -> None:
    classes = defaultdict(list)
    for path in python_files("services"):
        for name in dict.fromkeys(_classes(parse(path))):
            classes[name].append(name_of(path))
    expect_none(f"{name}: {', '.join(names)}" for name, names in sorted(classes.items()) if len(names) > 1)


def test_every_module_opens_with_a_short_sentence() -> None:
    offenders = []
    for path in python_files("services"):
        sentence = first_sentence(ast.get_docstring(parse(path)) or "")
        if sentence is None:
            offenders.append(f"{path}: its first sentence does not end within the first paragraph")
        elif not sentence:
            offenders.append(f"{path}: has no docstring")
        elif len(sentence) > MOST_CHARACTERS:
            offenders.append(f"{path}: its first sentence has {len(sentence)} characters")
    expect_none(offenders)


def test_every_folder_of_services_is_a_package_with_one_line_about_it() -> None:
    offenders = []
    for folder in sorted({parent for path in files() for parent in path.parents if parent.parts[:1] == ("services",)}):
        if NO_CODE_FOLDERS.intersection(folder.parts):
            continue
        init = folder / "__init__.py"
        if init not in files():
            offenders.append(f"{folder}: has no __init__.py")
        elif len((ast.get_docstring(parse(init)) or "").splitlines()) != 1:
            offenders.append(f"{init}: its docstring is not one line")
    expect_none(offenders)


def test_the_first_sentence_ends_at_its_full_stop_or_does_not_end() -> None:
    assert (
        first_sentence("A clock, in samples: `a.b` counts\nthem. It is fed.")
        == "A clock, in samples: `a.b` counts them."
    )
    assert first_sentence("Reads the table\n\nbelow. And more.") is None
    assert first_sentence("") == ""


def first_sentence(docstring: str) -> str | None:
    """Return the first sentence on one line; None if it does not end within the first paragraph."""
    paragraph = " ".join(docstring.split("\n\n", maxsplit=1)[0].split())
    end = _SENTENCE_END.search(paragraph)
    return paragraph[: end.end()] if end else (None if paragraph else "")


def _classes(tree: ast.Module) -> list[str]:
    """Return the classes at the top level of a module, those under an `if` or `try` too."""
    found, waiting = [], list[ast.stmt](tree.body)
    for statement in waiting:  # grows while it is walked
        if isinstance(statement, ast.ClassDef):
            found.append(statement.name)
        elif isinstance(statement, ast.If | ast.Try):
            waiting.extend([*statement.body, *statement.orelse])
    return found
