"""From settings to routes: which outputs are in use, and who is heard on each."""

from __future__ import annotations

import os
from dataclasses import dataclass

from services.player.audio.open_device import FILE_PREFIX
from services.player.settings import PlayerSettings


@dataclass(frozen=True)
class Route:
    """One output, and who is heard there."""

    output: str
    """As the settings name it."""
    named: tuple[str, ...]
    """Subjects that the settings send here by name; empty for the main output, where everybody else is heard."""
    alive: tuple[str, ...]
    """Subjects that live here from the start."""
    max_subjects: int
    """Subjects that may live here at once."""

    @property
    def setting(self) -> str:
        """The setting that wants this output, for people."""
        return ", ".join(f"outputs.{name}" for name in self.named) or "output"


def routes_of(settings: PlayerSettings) -> list[Route]:
    """Return a route for each output in use, the main one first.

    Outputs are the same if the settings name them in the same words, files also if it is the same path. A subject with
    an output of its own keeps its place there, so the main output gets the places that are left.
    """
    main = _identity(settings.output)
    named: dict[str, list[str]] = {}
    for name, output in settings.outputs.items():
        if _identity(output) != main:
            named.setdefault(_identity(output), []).append(name)
    away = {name for names in named.values() for name in names}
    staying = tuple(name for name in settings.subjects if name not in away)
    places = max(settings.max_subjects - len(away), len(staying))
    return [
        Route(settings.output, (), staying, places),
        *(
            Route(
                settings.outputs[names[0]],
                tuple(names),
                tuple(name for name in settings.subjects if name in names),
                len(names),
            )
            for names in named.values()
        ),
    ]


def _identity(output: str) -> str:
    """Return what is equal for settings that mean the same output."""
    path = output.removeprefix(FILE_PREFIX)
    return output if path == output else FILE_PREFIX + os.path.realpath(path)
