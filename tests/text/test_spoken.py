"""The spoken form of a text, and the original characters that it stands for."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.text.spoken import spoken, words

CASES = {
    "Hello, world!": "Hello, world!",
    "**Bold** and _soft_ and ~~gone~~.": "Bold and soft and gone.",
    "# Title\n- milk\n- eggs\n\nText that\nwraps": "Title. milk. eggs. Text that wraps",
    "- [x] done\n- [ ] open": "done. open",
    "> quoted": "quoted",
    "1. First\n2. Second": "one. First. two. Second",
    "```python\nx = 1\n```\nDone.": "Done.",
    "Before.\n```\nunclosed": "Before.",
    "x = 1\n```\n": "",
    "Use `make run` now.": "Use make run now.",
    "See [the docs](https://example.com/a). Ok.": "See the docs. Ok.",
    "![a cat](cat.png)": "a cat",
    "See https://www.example.com/a?b=1. Then.": "See example dot com. Then.",
    "Mail joe@example.org!": "Mail joe at example dot org!",
    "<https://example.com>": "example dot com",
    "Line<br>break <b>bold</b>": "Linebreak bold",
    "| a | b |\n|---|---|\n| 1 | 2 |": "a b. one two",
    "---": "",
    "Hi 😀! 👨‍👩‍👧 ok": "Hi! ok",
    "I love it <3 :)": "I love it",
    "*waves* Hello!": "Hello!",
    "*smiles softly* Hi (laughs) there.": "Hi there.",
    "[sighs] Fine.": "Fine.",
    "*the room goes quiet*": "",
    "I *really* mean it.": "I really mean it.",
    "*Really?* I see.": "Really? I see.",
    "It (the cat) sat.": "It (the cat) sat.",
    "snake_case name": "snake case name",
    "a\x00b\u200bc\ufeff": "abc",
    "  \t\n ": "",
    "...": "",
    "It is 50%, 5 & 6, 20°C.": "It is fifty percent, five and six, twenty degrees Celsius.",
    "$5, $1, $3.50, €1,000 and $2.5 million": (
        "five dollars, one dollar, three dollars and fifty cents, one thousand euros and two point five million dollars"
    ),
    "5 € or £0.01": "five euros or zero pounds and one penny",
    "1,234,567 and 3.14 and -5": (
        "one million two hundred thirty-four thousand five hundred sixty-seven and three point one four and minus five"
    ),
    "Agent 007": "Agent zero zero seven",
    "In 1984, by 2005, since 1900, in 2024.": (
        "In nineteen eighty-four, by two thousand five, since nineteen hundred, in twenty twenty-four."
    ),
    "the 1990s": "the nineteen nineties",
    "1984 people": "one thousand nine hundred eighty-four people",
    "the 1st, 2nd, 3rd, 12th, 20th and 21st": "the first, second, third, twelfth, twentieth and twenty-first",
    "at 10:30, 9:05 am, 7:00": "at ten thirty, nine oh five am, seven o'clock",
    "v1.2.3": "version one point two point three",
    "5-10 or 5–10": "five-ten or five to ten",
    "#3, ~20, 5kg": "number three, about twenty, five kg",
    "and/or": "and or",
    "run main.py": "run main dot py",
    "太好了！我们走吧": "太好了！我们走吧",
    "Ça coûte très cher.": "Ça coûte très cher.",
}


@pytest.mark.parametrize("text", CASES)
def test_text_is_spoken_as_in_the_table(text: str) -> None:
    assert spoken(text).text == CASES[text]


def test_spoken_words_map_to_the_original() -> None:
    text = "**$5** for [tea](https://example.com)? 😀 In 1984!"
    result = spoken(text)

    pairs = [
        (result.text[word.start : word.end], text[word.origin_start : word.origin_end])
        for word in result.words
    ]  # fmt: skip
    assert pairs == [
        ("five dollars", "**$5**"),
        ("for", "for"),
        ("tea", "[tea](https://example.com)?"),
        ("In", "In"),
        ("nineteen eighty-four", "1984!"),
    ]


def test_numbers_and_symbols_stay_for_voices_that_expand_them() -> None:
    assert spoken("**5%** of $3", expand=False).text == "5% of $3"


def test_words_of_a_text_are_its_spans() -> None:
    text = "Hello, big—wide 太好。 world"

    assert [text[start:end] for start, end in words(text)] == ["Hello,", "big—", "wide", "太", "好。", "world"]


@given(
    st.one_of(st.text(max_size=300), st.text(alphabet=" \n.*_`~[](){}<>#|-+1,$%5a:/@太😀", max_size=200)), st.booleans()
)
def test_origins_never_decrease_and_words_stay_in_bounds(text: str, expand: bool) -> None:
    result = spoken(text, expand=expand)

    assert len(result.origins) == len(result.text)
    assert list(result.origins) == sorted(result.origins)
    assert all(0 <= origin < len(text) for origin in result.origins)
    assert result.text == result.text.strip()
    ends = 0
    for word in result.words:
        assert ends <= word.start < word.end <= len(result.text)
        assert text[word.origin_start : word.origin_end].strip()
        assert any(map(str.isalnum, result.text[word.start : word.end]))
        ends = word.end
    assert [word.origin_start for word in result.words] == sorted({word.origin_start for word in result.words})


@given(st.text(alphabet="abcdefg ,.!?", max_size=200))
def test_plain_prose_is_spoken_unchanged(text: str) -> None:
    result = spoken(text)

    assert all(text[origin] == character for character, origin in zip(result.text, result.origins, strict=True))
    assert [c for c in result.text if c.isalpha()] == [c for c in text if c.isalpha()]


@pytest.mark.parametrize(
    "text",
    [
        "-",
        "`",
        "*",
        "[",
        "<",
        "<!--",
        " \n",
        "1,",
        "1",
        "a.",
        "(*",
        "|-",
        "```\n",
        "a@",
        "1.1.",
        "_",
        "> ",
        "http://a",
        "\\",
    ],
)
def test_every_text_is_normalised_in_under_a_second(text: str) -> None:
    started = time.process_time()

    spoken((text * 5000)[:5000])

    assert time.process_time() - started < 1
