"""Which characters are heard on which output."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.settings import load
from services.player.engine.output_assignment import OutputAssignment, output_assignments
from services.player.settings import PlayerSettings


def test_characters_of_the_same_output_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outputs = {"Bob": "USB", "Cyd": "file:a.wav", "Dan": "auto", "Eve": "USB", "Fay": f"file:{tmp_path}/./a.wav"}
    settings = load(PlayerSettings, output="auto", outputs=outputs, subjects="Ada,Eve,Bob,Dan", max_subjects=5)
    assert output_assignments(settings) == [
        OutputAssignment(
            "auto", (), ("Ada", "Dan"), 2
        ),  # Dan has no output of his own: five places less four that are kept
        OutputAssignment("USB", ("Bob", "Eve"), ("Eve", "Bob"), 2),
        OutputAssignment("file:a.wav", ("Cyd", "Fay"), (), 2),
    ]


def test_all_characters_may_have_outputs_of_their_own() -> None:
    settings = load(PlayerSettings, output="none", outputs={"Ada": "USB"}, subjects="Ada", max_subjects=1)
    assert output_assignments(settings) == [
        OutputAssignment("none", (), (), 0),
        OutputAssignment("USB", ("Ada",), ("Ada",), 1),
    ]
