"""Estimated times of words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.tts.word_time_estimate import spread


@given(
    st.lists(st.sampled_from(["a", "cat,", "extraordinary", "42", "東京", "end."]), max_size=8), st.integers(0, 50_000)
)
def test_estimated_words_follow_each_other_from_the_start_to_the_end(words: list[str], length: int) -> None:
    spans = spread(words, 1000, 1000 + length)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert len(spans) == len(words)
    if words:
        assert (edges[0], edges[-1]) == (1000, 1000 + length)


def test_a_long_word_is_estimated_to_take_longer() -> None:
    (short, long), (comma, plain) = spread(["I", "remember"], 0, 900), spread(["well,", "well"], 0, 900)
    assert long[1] - long[0] > 3 * (short[1] - short[0])
    assert plain[0] > comma[1], "a comma leaves a pause"
