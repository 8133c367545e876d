"""Times of words from the times of their characters."""

from __future__ import annotations

from services.tts.providers.character_times import CharacterTimes


def test_characters_that_the_vendor_adds_or_leaves_out_do_not_shift_the_words() -> None:
    times = CharacterTimes("ab cd ef", ((0, 2), (3, 5), (6, 8)), 1000)
    found = times.push(
        [" ", "a", "b", " ", "c", "d", " "], [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.1 * i for i in range(1, 8)], 0
    )
    found += times.push(["e"], [0.7], [0.9], 700)
    found += times.end(1000)
    assert [(word.index, word.start, word.end, word.estimated) for word in found] == [
        (0, 100, 300, False),
        (1, 400, 600, False),
        (2, 700, 900, False),
    ]


def test_a_word_that_the_vendor_left_out_shares_the_time_between_its_neighbours() -> None:
    times = CharacterTimes("ab cd ef", ((0, 2), (3, 5), (6, 8)), 1000)
    found = times.push(["a", "b", "e", "f"], [0.1, 0.2, 0.6, 0.7], [0.2, 0.3, 0.7, 0.8], 0) + times.end(1000)
    assert [(word.index, word.start, word.end, word.estimated) for word in found] == [
        (0, 100, 300, False),
        (1, 300, 600, True),
        (2, 600, 800, False),
    ]
