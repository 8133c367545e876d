"""Words of an earlier vocabulary, which no file uses any more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tests.structure.tree import ROOT, check, files

GONE_WORDS = (
    "farewell",
    "venue",
    "tape",
    "patience",
    "weakly",
    "intake",
    "manner",
    "feelings",
    "told",
    "witness",
    "wishes",
    "seeking",
    "horizon",
    "forsake",
)
NOT_OUR_WORDS = (
    "LICENSE",
    "requirements.lock",
    "tests/data/*",
    "training/face/text.py",  # English sentences to be spoken, as in the next
    "bench/latency/texts.py",
    "*.svg",
    "*.binpb",
    "*.lock",
    "tests/structure/test_words.py",
)

NAMES_OF_OTHERS = re.compile(r"audio\.seeking|NEUROSYNC_PLAYER_HORIZON")  # of browsers, and of settings files of users


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case, those inside snake_case and CamelCase names too."""
    for match in re.finditer(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text):
        yield match[0].lower()


def test_words_are_found_inside_names_and_not_inside_other_words() -> None:
    assert list(words_of("_open_venue TAPE_LENGTH TapeLength")) == ["open", "venue", "tape", "length", "tape", "length"]
    assert list(words_of("tapered estape")) == ["tapered", "estape"]


def test_gone_words_are_gone() -> None:
    gone = {form for word in GONE_WORDS for form in (word, f"{word}s", f"{word}n", f"{word}es")}
    found: list[str] = []
    for path in files():
        if any(path.match(pattern) for pattern in NOT_OUR_WORDS) or path.is_relative_to("tests/data"):
            continue
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture, a sound, a model
            continue
        for place, line in [(f"{path}", str(path)), *((f"{path}:{n}", line) for n, line in _numbered(text))]:
            found += [f"{place}: {word}" for word in gone.intersection(words_of(NAMES_OF_OTHERS.sub("", line)))]
    check("gone words", found)


def _numbered(text: str) -> Iterable[tuple[int, str]]:
    return enumerate(text.splitlines(), 1)
