"""Docstrings of modules: the first sentence says what the module is."""

from __future__ import annotations

import ast
import re

from tests.structure.tree import check, modules_of, parsed

MAX_SENTENCE_CHARACTERS = 160  # of the first sentence of a module


def test_every_module_of_services_says_in_one_sentence_what_it_is() -> None:
    wrong: list[str] = []
    for path in modules_of("services"):
        first = " ".join((ast.get_docstring(parsed(path)) or "").split("\n\n")[0].split())
        ending = re.search(r"[.!?](?=\s|$)", first)
        if ending is None:
            wrong.append(f"{path}: no sentence ends in the first paragraph of its docstring")
        elif ending.end() > MAX_SENTENCE_CHARACTERS:
            wrong.append(f"{path}: its first sentence has {ending.end()} characters")
    check(f"modules without a first sentence of at most {MAX_SENTENCE_CHARACTERS} characters", wrong)
