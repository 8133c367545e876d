"""Trimming of silence, and where each sample goes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tts.trim import PhraseTrack, Trimmer

RATE = 16_000


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=12), st.integers(0, 5000), st.integers(0, 5000))
@settings(deadline=None)
def test_trimming_does_not_depend_on_the_chunks(cuts: list[int], lead: int, tail: int) -> None:
    noise = np.random.default_rng(1).integers(-6000, 6000, 9000).astype(np.int16)
    noise[3000:5000] = 0
    sound = np.concatenate([np.zeros(lead, np.int16), noise, np.zeros(tail, np.int16)])
    whole, parted = Trimmer(RATE), Trimmer(RATE)
    expected = np.concatenate([whole.push(sound), whole.end()])
    places = np.cumsum(cuts)
    found = np.concatenate(
        [*(parted.push(part) for part in np.split(sound, places[places < len(sound)])), parted.end()]
    )
    assert np.array_equal(found, expected)
    assert len(expected) == min(lead, 240) + 9000 + min(tail, 960)


def test_a_track_maps_the_samples_of_the_provider() -> None:
    track = PhraseTrack(RATE)
    first = np.concatenate([np.zeros(4000, np.int16), np.full(8000, 5000, np.int16), np.zeros(6000, np.int16)])
    out = [track.push(first), track.end_phrase()]
    assert [track.place(sample) for sample in (0, 4000, 12_000, 18_000)] == [0, 240, 8240, 9200]
    out += [track.next_phrase(0.25), track.push(first), track.end_phrase()]
    assert [track.place(18_000 + sample) for sample in (0, 4000, 12_000)] == [13_200, 13_440, 21_440]
    assert len(np.concatenate(out)) == track.length == 2 * 9200 + 4000


def test_silence_is_no_speech() -> None:
    track = PhraseTrack(RATE)
    assert not len(track.push(np.full(20_000, 50, np.int16)))
    assert not len(track.end_phrase())
    assert track.length == 0
