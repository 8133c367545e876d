"""Checks of names that Unreal could not find."""

from __future__ import annotations

import pytest

from services.cli.checks.character_checks import check_characters
from services.cli.checks.check import State


@pytest.mark.parametrize(
    ("subjects", "said"),
    [
        (["Zoë"], "'Zoë' is not ASCII"),
        (["None"], "'None' means \"no name\" in Unreal"),
        (["Ada ", "Bob"], "'Ada ' begins or ends with a space"),
        (["Ada", "ADA"], "'ada' comes twice; Unreal ignores case"),
        (["A\nda"], "has a control character"),
    ],
)
def test_names_that_unreal_would_not_find_are_noted(subjects: list[str], said: str) -> None:
    check = check_characters(subjects)
    assert check.state is State.NOTE
    assert said in check.found
    assert "NEUROSYNC_PLAYER_SUBJECTS" in check.advice


def test_plain_names_are_fine() -> None:
    assert check_characters(["NeuroSync", "Ada Lovelace"]).state is State.OK
