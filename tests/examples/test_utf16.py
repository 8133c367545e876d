"""The conversion of offsets for JavaScript, in a real browser, against Python's own counting of code points."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.browser import Page, browser

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODULE = Path(__file__).parents[2] / "examples" / "utf16.js"
TEXTS = {
    "empty": "",
    "latin": "Hello, world.",
    "emoji": "😀 Hi 👋! Bye 😀",
    "combining mark": "cafe\u0301 nai\u0308ve",
    "joined emoji": "a👩\u200d👩\u200d👧b👍🏽c",
    "music and han": "𝄞 is 𠜎 and 漢",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """A tab in which the functions of the module stand under their names."""
    source = base64.b64encode(MODULE.read_bytes()).decode()
    async with browser() as tab:
        await tab.evaluate(f"import('data:text/javascript;base64,{source}').then(m => {{ Object.assign(window, m); }})")
        yield tab
        assert tab.errors == []


async def call(page: Page, function: str, *arguments: object) -> Any:
    """Return what a function of the module returns; "RangeError" where it throws one."""
    call = f"{function}({', '.join(map(json.dumps, arguments))})"
    return await page.evaluate(f"(() => {{ try {{ return {call}; }} catch (error) {{ return error.name; }} }})()")


def units(text: str) -> int:
    """Return the number of UTF-16 units of a text."""
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_every_offset_of_a_text_is_converted_and_back(page: Page, text: str) -> None:
    offsets = range(len(text) + 1)
    indices = [units(text[:offset]) for offset in offsets]
    assert [await call(page, "toUtf16", text, offset) for offset in offsets] == indices
    assert [await call(page, "fromUtf16", text, index) for index in indices] == [*offsets]


async def test_the_ends_of_a_text_are_offsets_and_what_lies_beyond_is_not(page: Page) -> None:
    text = "👋 you"
    assert await call(page, "toUtf16", text, 0) == 0
    assert await call(page, "toUtf16", text, 5) == 6
    assert await call(page, "fromUtf16", text, 6) == 5
    for function, wrong in [("toUtf16", 6), ("fromUtf16", 7), ("toUtf16", -1), ("fromUtf16", -1), ("toUtf16", 0.5)]:
        assert await call(page, function, text, wrong) == "RangeError", (function, wrong)


async def test_an_index_inside_a_surrogate_pair_belongs_to_the_character_that_it_cuts(page: Page) -> None:
    assert [await call(page, "fromUtf16", "a😀b", index) for index in range(5)] == [0, 1, 1, 2, 3]


async def test_a_lone_surrogate_counts_as_one_character(page: Page) -> None:
    assert await page.evaluate(r"[toUtf16('\ud83dx', 1), fromUtf16('x\ude00y', 2)]") == [1, 2]


async def test_a_word_is_cut_out_by_its_offsets(page: Page) -> None:
    text = "😀😀 Hello, naïve 👋 world"
    for word in ("Hello,", "naïve", "👋", "world"):
        start = text.index(word)
        assert await call(page, "slice", text, start, start + len(word)) == word
