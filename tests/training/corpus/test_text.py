"""Sentences of the corpus."""

from __future__ import annotations

from training.face.corpus.text import sentences


def test_the_same_seed_gives_the_same_sentences() -> None:
    words = ["bob", "map", "wave", "tea", "key"]
    first, again, other = (sentences(seed, words) for seed in (1, 1, 2))
    drawn = [next(first) for _ in range(50)]
    assert drawn == [next(again) for _ in range(50)]
    assert drawn != [next(other) for _ in range(50)]
    assert len(set(drawn)) > 40
