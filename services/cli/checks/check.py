"""The result of one check of `neurosync doctor`: what was found, how bad it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; `neurosync up` works all the same."""
    PROBLEM = "problem"
    """`neurosync up` does not work like this."""


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    state: State
    found: str
    advice: str = ""
    """What to do; empty where nothing is to be done."""
