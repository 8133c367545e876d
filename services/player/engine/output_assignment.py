"""Which sound outputs are in use, and which characters are heard on each, from the settings."""

from __future__ import annotations

import os
from dataclasses import dataclass

from services.player.audio.open_device import FILE_PREFIX
from services.player.settings import PlayerSettings


@dataclass(frozen=True)
class OutputAssignment:
    """One sound output, and the characters that are heard there."""

    output: str
    """As the settings name it."""
    assigned: tuple[str, ...]
    """Characters that the settings assign to it by name; empty for the main output, where all others are heard."""
    initial: tuple[str, ...]
    """Characters that live here from the start."""
    max_characters: int
    """Characters that may live here at once."""

    @property
    def setting(self) -> str:
        """The setting that names this output, for people."""
        return ", ".join(f"outputs.{name}" for name in self.assigned) or "output"


def output_assignments(settings: PlayerSettings) -> list[OutputAssignment]:
    """Return an assignment for each output in use, the main one first.

    Outputs are the same if the settings name them in the same words, files also if it is the same path. A character
    with an output of its own keeps its place there, so the main output gets the places that are left.
    """
    main = _identity(settings.output)
    assigned: dict[str, list[str]] = {}
    for name, output in settings.outputs.items():
        if _identity(output) != main:
            assigned.setdefault(_identity(output), []).append(name)
    elsewhere = {name for names in assigned.values() for name in names}
    staying = tuple(name for name in settings.subjects if name not in elsewhere)
    places = max(settings.max_subjects - len(elsewhere), len(staying))
    return [
        OutputAssignment(settings.output, (), staying, places),
        *(
            OutputAssignment(
                settings.outputs[names[0]],
                tuple(names),
                tuple(name for name in settings.subjects if name in names),
                len(names),
            )
            for names in assigned.values()
        ),
    ]


def _identity(output: str) -> str:
    """Return what is equal for settings that mean the same output."""
    path = output.removeprefix(FILE_PREFIX)
    return output if path == output else FILE_PREFIX + os.path.realpath(path)
