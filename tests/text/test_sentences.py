"""Cutting streamed text: the joined output is the input, and chunks change nothing."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.text.sentences import CODE_MAX_CHARS, MAX_CHARS, SentenceSplitter, sentences

LOOKAHEAD = 700  # of a link at the limit, the longest that is ever waited for


def split(*chunks: str, first_min_chars: int = 1000, max_chars: int = MAX_CHARS) -> list[str]:
    """Return the pieces of a text; by default without the early first cut."""
    splitter = SentenceSplitter(first_min_chars=first_min_chars, max_chars=max_chars)
    return [piece for chunk in chunks for piece in splitter.push(chunk)] + splitter.end()


CASES = [
    # plain sentences
    "Hello. |Bye.",
    "Hi! |How are you? |Fine.",
    "One.  |Two.",
    "What?! |No way!!! |Yes.",
    "lower case here. |and here. |ok?",
    "No mark at the end",
    "I like it.",
    # abbreviations
    "Hello, Dr. Who. |Bye",
    "Mr. and Mrs. Smith met Prof. X. |They talked.",
    "Use fruit, e.g. apples, i.e. the red ones. |Then stop.",
    "Ms. Marple vs. Mr. Poirot. |Fight!",
    "Bring pens, paper, etc. and go. |Now.",
    "Bring pens, paper, etc. |Then go.",
    "The U.S. Government met in the U.S. |He left.",
    "At 5 p.m. we left. |At 6 a.m. |We slept.",
    "It is at 5 p.m. Monday. |Good.",
    "It is at 5 p.m. EST. |Good.",
    "No. 5 is alive. |No. |I won't.",
    "See Fig. 3 and p. 12 of Vol. 2. |Done.",
    "She lives on Main St. |The house is red.",
    "St. Paul is a city. |Yes.",
    "J. R. R. Tolkien wrote it. |George W. Bush did not.",
    "J. A. Smith came. |Hi.",
    "It was you and I. |Then he came.",
    "We took plan B. |Then we left.",
    "Apple Inc. makes phones. |Right.",
    "He works at Apple Inc. |He likes it.",
    "She has a Ph.D. in maths. |Wow.",
    "Gen. Grant was the next gen. |Then he left.",
    "It is 5 ft. tall and 2 hrs. away. |Go.",
    "P.S. I love you. |Bye.",
    "On Jan. 5 we met. |On Dec. 6 not.",
    # numbers, versions, times, addresses, files
    "Pi is 3.14. |It is 3.14159.",
    "It costs $1,000.50. |Really.",
    "Version 1.2.3 is out. |Get v2.0.",
    "At 10:30 we go. |At 11.15 not.",
    "In 1999. |The year.",
    "See https://example.com/a.b?c=d!e. |Then go.",
    "Mail joe.doe@example.co.uk. |He answers.",
    "Open main.py and README.md. |Run it.",
    "Go to example.com. |It works.",
    "Use Node.js or .NET. |Both work.",
    # ellipses
    "Well... maybe. |No.",
    "Hmm... |I see.",
    "Wait… what? |Oh…",
    "wait...what? |Yes.",
    # quotes and brackets
    'He said "Hi." |Then he left.',
    '"Really?" she asked. |"Yes!" |He laughed.',
    "“Is it?” |“It is.”",
    "(It was late.) |We left.",
    "It was late (very late!) and dark. |We left.",
    "He left. |(She did not.) |End.",
    "'Stop!' |She stopped.",
    # emoji
    "Great! 😀 |Let's go!🎉 |Yes",
    "Wow! 👨‍👩‍👧‍👦❤️ |Next.",
    "Done. ✅ |Next 👍🏽 one. |End",
    # Chinese and Japanese
    "太好了！|我们走吧。|好的",
    "今日は晴れ。|明日は雨？|そう！",
    "他说「你好。」|然后走了。",
    "「すごい！」と言った。|はい。",
    "真的吗？！|是的。",
    "你好! |我是小明。|嗯",
    "太好了!|我们走",
    # lines
    "First line\n|Second line\n|Third",
    "A paragraph.\n\n|Another one.",
    "\n\nHello.\n|Bye",
    "This is a long line of prose that somebody wrapped\nat a column. |Yes.",
    "roses are red\n|violets are blue",
    "One.\r\n|Two.\r\n",
    # markdown
    "# A title\n|Text. |More.",
    "1. First\n|2. Second\n|3. Third",
    "1. First. |More of it.\n|2. Second",
    "- milk\n|- eggs. |Fresh.\n|- bread",
    "a. one\n|b. two",
    "**Bold.** |Next. |*Soft!* |End",
    "See [the docs. really](https://x.y/a b. c) now. |Then.",
    "See [1]. |Then [a] go.",
    "Use `a. B! c` here. |Then.",
    "*waves. And smiles* Hello. |Bye.",
    "Code:\n|```python\nx = 1. y\n\nprint('Hi. You')\n```\n|Done. |Ok",
    "~~~\na. B\n~~~\n|Then. |End",
    "Inline ```a. B``` here. |End",
    "5 * 3. |Then 2 * 4.",
    "> A quote. |More.\n|End",
]


@pytest.mark.parametrize("case", CASES)
def test_text_is_cut_at_the_bars(case: str) -> None:
    pieces = case.split("|")

    assert split("".join(pieces)) == pieces
    assert split(*"".join(pieces)) == pieces


def test_first_piece_ends_at_a_clause_once_it_is_long_enough() -> None:
    text = "Oh, well then, here we go, my friend. Now, listen, please."

    assert split(text, first_min_chars=12) == ["Oh, well then, ", "here we go, my friend. ", "Now, listen, please."]
    assert split(text, first_min_chars=3) == ["Oh, ", "well then, here we go, my friend. ", "Now, listen, please."]


@pytest.mark.parametrize(
    "pause", ["so it is; ", "so it is: ", "so it is — ", "so it is - ", "so it is—", "就是这样的，"]
)
def test_first_piece_ends_at_any_kind_of_pause(pause: str) -> None:
    assert split(pause + "but then again", first_min_chars=6) == [pause, "but then again"]


@pytest.mark.parametrize(
    "text", ["I have 1,000,000 of them", "at 10:30 or 11:45 then", "a well-known pre- and post-war man"]
)
def test_marks_inside_words_and_numbers_are_no_pause(text: str) -> None:
    assert split(text, first_min_chars=3) == [text]


def test_long_sentence_is_cut_at_its_best_pause_then_at_a_space() -> None:
    pauses = "word " * 20 + "word; " + "word " * 10 + "word, " + "word " * 30
    spaces = "word " * 60

    assert split(pauses)[0] == "word " * 20 + "word; "
    assert split(spaces) == ["word " * 44, "word " * 16]


def test_link_at_the_limit_is_not_cut() -> None:
    link = "[a link of some words](https://example.com/a_long_address)"

    pieces = split("word " * 40 + link + " word" * 20)

    assert any(link in piece for piece in pieces)


def test_joined_emoji_and_accents_stay_together_where_there_is_no_space() -> None:
    family = "👨\u200d👩\u200d👧"

    assert all(not piece.startswith("\u200d") and not piece.endswith("\u200d") for piece in split(family * 200))
    assert all(not piece.startswith("\u0301") for piece in split("e\u0301" * 333, max_chars=41))


def test_code_block_stays_whole_up_to_its_limit() -> None:
    block = "```\n" + "x = 1. y\n" * 300 + "```\n"
    longer = "```\n" + "x = 1. y\n" * 900 + "```\n"

    assert split("Look:\n" + block + "Done.") == ["Look:\n", block, "Done."]
    assert all(len(piece) <= CODE_MAX_CHARS for piece in split(longer))


def test_sentence_comes_as_soon_as_the_next_one_has_begun() -> None:
    splitter = SentenceSplitter()

    assert splitter.push("Sure!") == []
    assert splitter.push(" ") == []
    assert splitter.push("I") == ["Sure! "]
    assert splitter.end() == ["I"]
    assert splitter.end() == []


TRICKY = st.text(
    alphabet=st.sampled_from(list(" \n.!?…,;:-—–。，」\"'()[]*_`~#1aAI五😀\u200d\u0301\t\r")), max_size=400
)
WORDS = st.lists(
    st.sampled_from(
        ["Mr.", "e.g.", "U.S.", "p.m.", "No.", "etc.", "J.", "The", "then", "5", "3.14", "...", "```", "\n",
         "[a b](c d)", "*waves*", "**Oh!**", '"Hi."', "https://a.b/c.", "。", "word,", "end.", "😀", "—", "- ", "1. "]
    ),
    max_size=80,
).map(" ".join)  # fmt: skip
TEXTS = st.one_of(TRICKY, WORDS, st.text(max_size=300))


@given(TEXTS, st.data(), st.sampled_from([0, 12]), st.sampled_from([40, 220]))
@example("a" * 500, None, 12, 40)
def test_chunks_change_nothing_and_nothing_is_lost(
    text: str, data: st.DataObject | None, first_min_chars: int, max_chars: int
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20))) if data else [1, 250]
    bounds = [0, *cuts, len(text)]
    chunks = [text[begin:end] for begin, end in itertools.pairwise(bounds)]

    whole = split(text, first_min_chars=first_min_chars, max_chars=max_chars)

    assert "".join(whole) == text
    assert all(whole)
    assert split(*chunks, first_min_chars=first_min_chars, max_chars=max_chars) == whole
    assert split(*text, first_min_chars=first_min_chars, max_chars=max_chars) == whole


@pytest.mark.parametrize(
    "text", ["`", "~", "*", "[", "(", "-", ".", " ", "\n", '"', "😀", "a", "[a](", "`a", "```\na "]
)
def test_no_repetition_is_held_back_forever(text: str) -> None:
    splitter = SentenceSplitter()
    held = 0

    for character in text * 10_000:
        held += 1 - sum(map(len, splitter.push(character)))
        assert held <= CODE_MAX_CHARS + LOOKAHEAD


@given(TEXTS)
def test_held_back_text_is_bounded(text: str) -> None:
    splitter = SentenceSplitter()
    out = 0

    for count, character in enumerate(text * 4, start=1):
        out += sum(map(len, splitter.push(character)))
        assert count - out <= CODE_MAX_CHARS + LOOKAHEAD


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300).map(lambda text: text.replace("`", "")))
def test_pieces_without_code_stay_within_the_limit(text: str) -> None:
    assert all(len(piece) <= MAX_CHARS + LOOKAHEAD for piece in split(text * 3))


async def test_async_iterator_cuts_as_the_splitter_does() -> None:
    async def tokens() -> AsyncIterator[str]:
        for token in "Hel|lo, Dr.| Who. |Bye".split("|"):
            yield token

    assert [piece async for piece in sentences(tokens())] == ["Hello, Dr. Who. ", "Bye"]


@pytest.mark.parametrize(
    "text", ["Hello there, my friend. ", "a", " ", ".", "[", "*a ", "`", "\n", "-- ", "((", "```\na\n"]
)
def test_time_grows_with_the_length_only(text: str) -> None:
    def seconds(count: int) -> float:
        long = (text * count)[:count]
        started = time.process_time()
        split(*(long[at : at + 4] for at in range(0, count, 4)))
        return time.process_time() - started

    seconds(1_000)
    assert seconds(40_000) < 40 * (seconds(4_000) + 0.005)
