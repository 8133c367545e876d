"""Voices that return the time of each phone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest

from training.face.corpus.espeak import Espeak
from training.face.corpus.flite_festival import Festival, Flite
from training.face.corpus.voices import Hibari, Spoken, Voice, dictionary
from training.face.targets.phones import PHONES

TEXT = "Maybe Bob and Emma will push the big piano over the bridge. Why not?"


def voice_named(name: str) -> Voice:
    programs: dict[str, tuple[bool, Callable[[], Voice]]] = {
        "flite": (Flite.available(), lambda: Flite("slt")),
        "festival": (Festival.available(), lambda: Festival("kal")),
        "espeak": (Espeak.available(), Espeak),
        "hibari": (find_spec("hibari") is not None, Hibari),
    }
    is_installed, make = programs[name]
    if not is_installed:
        pytest.skip(f"{name} is not installed; the corpus can be made without it")
    return make()


def level(spoken: Spoken, *phones: str) -> float:
    """Return the mean level of some sounds in decibels."""
    parts = [
        spoken.sound[max(0, round(s.start * spoken.rate)) : round(s.end * spoken.rate)]
        for s in spoken.segments
        if s.phone in phones
    ]
    return float(10 * np.log10(np.mean(np.concatenate(parts) ** 2) + 1e-12))


@pytest.mark.parametrize("name", ["hibari", "flite", "festival", "espeak"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_voice_returns_when_each_phone_is_spoken(name: str, seed: int) -> None:
    spoken = voice_named(name).speak(TEXT, np.random.default_rng(seed))
    assert spoken is not None
    assert {s.phone for s in spoken.segments} <= set(PHONES)
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(spoken.segments))
    assert spoken.segments[-1].end == pytest.approx(len(spoken.sound) / spoken.rate, abs=0.1)
    assert level(spoken, "AA", "EY", "AY", "OW", "EH", "AE") > level(spoken, "SIL") + 8
    assert level(spoken, "AA", "EY", "AY", "OW", "EH", "AE") > level(spoken, "P", "SH") + 5


def test_every_sentence_has_another_speaker() -> None:
    voice = voice_named("hibari")
    first, second = (voice.speak(TEXT, np.random.default_rng(seed)) for seed in (1, 2))
    again = voice.speak(TEXT, np.random.default_rng(1))
    assert first is not None
    assert second is not None
    assert again is not None
    np.testing.assert_array_equal(first.sound, again.sound)
    assert len(first.sound) != len(second.sound)


def test_the_dictionary_holds_words_only() -> None:
    words = dictionary()
    if find_spec("hibari") is None:
        assert words == []
    else:
        assert len(words) > 10_000
        assert all(word.isalpha() and word.islower() for word in words)
