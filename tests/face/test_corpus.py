"""Voices that say when each sound is spoken, and takes made of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest

from services.face.lipsync.log_mel import ROW
from training.face.augment import telephone
from training.face.espeak import Espeak
from training.face.phones import PHONES, Segment, from_ipa
from training.face.poses import CHANNELS
from training.face.programs import Festival, Flite
from training.face.voices import Hibari, Spoken, Voice, dictionary

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
def test_a_voice_says_when_each_sound_is_spoken(name: str, seed: int) -> None:
    spoken = voice_named(name).speak(TEXT, np.random.default_rng(seed))
    assert spoken is not None
    assert {s.phone for s in spoken.segments} <= set(PHONES)
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(spoken.segments))
    assert spoken.segments[-1].end == pytest.approx(len(spoken.sound) / spoken.rate, abs=0.1)
    assert level(spoken, "AA", "EY", "AY", "OW", "EH", "AE") > level(spoken, "SIL") + 8
    assert level(spoken, "AA", "EY", "AY", "OW", "EH", "AE") > level(spoken, "P", "SH") + 5


def test_every_sentence_has_another_throat() -> None:
    voice = voice_named("hibari")
    first, second = (voice.speak(TEXT, np.random.default_rng(seed)) for seed in (1, 2))
    again = voice.speak(TEXT, np.random.default_rng(1))
    assert first is not None
    assert second is not None
    assert again is not None
    np.testing.assert_array_equal(first.sound, again.sound)
    assert len(first.sound) != len(second.sound)


def test_a_take_has_a_row_a_curve_and_a_phone_for_every_frame() -> None:
    if find_spec("soxr") is None:
        pytest.skip("soxr is not installed (extra: tts)")
    from training.face.corpus import speech_take

    rng = np.random.default_rng(4)
    spoken = [s for s in (voice_named("hibari").speak(text, rng) for text in (TEXT, "Oh, no!")) if s]
    take = speech_take(spoken, rng)
    seconds = sum(len(s.sound) / s.rate for s in spoken)
    assert seconds * 60 - 4 <= len(take.features) <= (seconds + 1.4) * 60 + 1
    assert take.features.shape == (len(take.curves), ROW)
    assert take.curves.shape == (len(take.phones), len(CHANNELS))
    shut = np.flatnonzero(take.phones == PHONES.index("B"))
    assert take.curves[shut, CHANNELS.index("MouthClose")].mean() > 0.1


def test_the_dictionary_holds_words_only() -> None:
    words = dictionary()
    if find_spec("hibari") is None:
        assert words == []
    else:
        assert len(words) > 10_000
        assert all(word.isalpha() and word.islower() for word in words)


def test_sounds_in_ipa_become_the_ones_they_look_like() -> None:
    segments = from_ipa(["", "ʁ", "yː", "oʊ", "tʃ", "", "ə"], [0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    assert [s.phone for s in segments] == ["SIL", "K", "UW", "OW", "CH", "SIL", "AX"]
    assert segments[2] == Segment("UW", 0.3, 0.4, 2)


def test_a_telephone_leaves_the_middle_of_the_voice() -> None:
    t = np.arange(16_000) / 16_000
    power = {hz: np.std(telephone((0.1 * np.sin(2 * np.pi * hz * t)).astype(np.float32))) for hz in (100, 1000, 5000)}
    assert power[1000] > 0.06
    assert max(power[100], power[5000]) < 0.1 * power[1000]
