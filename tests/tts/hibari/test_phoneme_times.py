"""Times of phonemes from the durations of the network."""

from __future__ import annotations

from services.tts.hibari import acoustic_model as model
from services.tts.hibari.phoneme_times import LATENESS, segments


def test_stress_belongs_to_its_vowel_and_short_gaps_to_their_neighbours() -> None:
    durations = [4, 2, 2, 1, 3, 1, 2, 4, 4, 2, 3, 1]  # of: pad t  space ˈ A space b , space i t pad
    found = segments("t ˈA b, it", durations)
    assert [segment.symbol for segment in found] == ["t", "ˈeɪ", "b", "", "i", "t"]
    unit, late = model.UNIT, LATENESS
    assert found[0].start == 4 * unit - late
    assert found[0].end == found[1].start == 7 * unit - late, "two steps of space, one for each side"
    assert (found[3].start, found[3].end) == (15 * unit - late, 23 * unit - late)
    assert found[-1].end == 28 * unit - late
