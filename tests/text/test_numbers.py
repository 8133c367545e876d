"""Numbers as English words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.text.numbers import cardinal, digits, ordinal, whole, year


def test_numbers_are_spoken_as_counts_ranks_and_years() -> None:
    assert cardinal(0) == "zero"
    assert cardinal(1_000_015) == "one million fifteen"
    assert ordinal("100") == "one hundredth"
    assert [year(text) for text in ("1905", "2000", "2010", "1066")] == [
        "nineteen oh five", "two thousand", "twenty ten", "ten sixty-six",
    ]  # fmt: skip


@given(st.integers(0, 10**15 - 1))
def test_every_count_has_words_of_letters_only(number: int) -> None:
    assert cardinal(number).replace(" ", "").replace("-", "").isalpha()


def test_leading_zeros_and_very_large_numbers_are_spoken_digit_by_digit() -> None:
    assert whole("007") == digits("007") == "zero zero seven"
    assert whole("1" * 16) == " ".join(["one"] * 16)
    assert whole("1,000") == "one thousand"
