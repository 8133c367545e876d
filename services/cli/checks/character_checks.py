"""Checks of the characters' names, as Unreal finds them: each is a Live Link subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.cli.checks.check import Check, State


def check_characters(names: Sequence[str]) -> Check:
    """Check the names of the characters, as Unreal would show them in its list of Live Link subjects."""
    listed = ", ".join(map(repr, names))
    folded = Counter(name.casefold() for name in names)
    problems = [
        *(f'{name!r} means "no name" in Unreal' for name in names if name.casefold() == "none"),
        *(f"{name!r} begins or ends with a space, which is invisible" for name in names if name != name.strip()),
        *(f"{name!r} comes twice; Unreal ignores case" for name, count in folded.items() if count > 1),
        *(f"{name!r} is not ASCII: other receivers than Unreal may drop it" for name in names if not name.isascii()),
        *(f"{name!r} has a control character" for name in names if not name.isprintable()),
    ]
    if problems:
        advice = "set NEUROSYNC_PLAYER_SUBJECTS, and choose the same name in the Animation Blueprint"
        return Check("subjects", State.NOTE, "; ".join(problems), advice)
    return Check("subjects", State.OK, f"{listed}: choose the same name in Unreal")
