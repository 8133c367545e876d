"""Phone sequences from the voices' alphabets."""

from __future__ import annotations

import itertools

import pytest

from training.face.targets.phones import Segment, from_ipa, from_misaki, without_gaps


def test_stress_marks_join_the_phone_after_them_and_short_gaps_vanish() -> None:
    segments = from_misaki("həlˈO ðɛɹ.", [0.05, 0.05, 0.1, 0.02, 0.2, 0.04, 0.05, 0.1, 0.1, 0.3])
    assert [s.phone for s in segments] == ["HH", "AX", "L", "OW", "DH", "EH", "R", "SIL"]
    assert segments[3].stress == 1
    assert (segments[3].start, segments[3].end) == pytest.approx((0.2, 0.44))
    assert all(a.end == b.start for a, b in itertools.pairwise(segments))


def test_audible_pauses_stay() -> None:
    spoken = [Segment("AA", 0, 0.2), Segment("SIL", 0.2, 0.3), Segment("SIL", 0.3, 0.35), Segment("M", 0.35, 0.5)]
    assert without_gaps(spoken)[1] == Segment("SIL", 0.2, 0.35)


def test_phones_in_ipa_map_to_the_ones_they_look_like() -> None:
    segments = from_ipa(["", "ʁ", "yː", "oʊ", "tʃ", "", "ə"], [0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    assert [s.phone for s in segments] == ["SIL", "K", "UW", "OW", "CH", "SIL", "AX"]
    assert segments[2] == Segment("UW", 0.3, 0.4, 2)
