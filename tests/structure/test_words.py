"""Words that the project gave up for the ones its fields use; they do not come back."""

from __future__ import annotations

import re
from pathlib import Path

from tests.structure.tree import ROOT, expect_none, files

GONE = {
    *("farewell", "feelings", "forsake", "horizon", "intake", "manner", "mood", "patience"),
    *("seeking", "tape", "told", "venue", "weakly", "wishes", "witness"),
}
"""With an `s` behind them they are gone too."""
NAMES = {
    "audio.seeking": "a property that browsers give to sound",
    "NEUROSYNC_PLAYER_HORIZON": "the former name of a setting, which is still read",
}
"""Names that hold such a word and stay, each with the reason."""
NOT_OURS = {"LICENSE", "requirements.lock"}
DATA_FOLDERS = {"data", "assets"}
DATA = {".svg", ".json", ".binpb"}
THIS = Path(__file__).resolve().relative_to(ROOT)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def test_no_text_and_no_name_holds_a_word_that_is_gone() -> None:
    offenders = []
    for path in files():
        offenders += [f"{path}: file name: {word}" for word in dict.fromkeys(gone_words(path.as_posix()))]
        if not is_read(path):
            continue
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            words = dict.fromkeys(gone_words(line))
            offenders += [f"{path}:{number}: {word}: {line.strip()[:100]}" for word in words]
    expect_none(offenders)


def test_words_are_found_in_identifiers_and_not_in_other_words() -> None:
    found = "a tape, ring_TAPE_size TapeDeck UDPTape WEAKLY_HELD tapes _mood2 .horizon"
    assert gone_words(found) == ["tape"] * 4 + ["weakly", "tapes", "mood", "horizon"]
    assert not gone_words("tapered avenue outpatience moody untold retold horizontal feeling audio.seeking")


def is_read(path: Path) -> bool:
    """Whether a file holds words of the project: not data, not made by a tool, not by others, not spoken by voices."""
    if path == THIS or path.name in NOT_OURS:
        return False
    if path.suffix in DATA and (path.suffix != ".json" or DATA_FOLDERS.intersection(path.parts)):
        return False
    if path.parts[:2] == ("tests", "data"):
        return False
    return not (path.is_relative_to("training/face/corpus") and "text" in path.name)


def gone_words(text: str) -> list[str]:
    """Return the words of a text that are gone, in lower case; identifiers count as the words they are made of."""
    for name in NAMES:
        text = text.replace(name, "")
    parts = (part.lower() for part in _PART.findall(text))
    return [part for part in parts if part in GONE or part.removesuffix("s") in GONE]
