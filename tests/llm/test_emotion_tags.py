"""Emotion tags in a model's reply stay in the sentences."""

from __future__ import annotations

import pytest

from services.llm.cleaning import ReplyCleaner
from services.text.emotion_tags import find_tags
from tests.llm.chat_server import ChatServer, serving
from tests.llm.llm_client import generate, serving_llm
from tests.llm.test_server import ONLY

WORDS = ("[hap", "py] ", "Hello", " there", ", friend.", " [", "sad:", "0.5]", " I", " must", " go", ".")


async def test_tags_come_whole_and_lead_their_sentences() -> None:
    async with (
        serving(ChatServer(words=WORDS)) as vendor,
        serving_llm(**ONLY, base_url=vendor.url, api_key="key") as stub,
    ):
        reply = await generate(stub, "Hi")
    assert reply.text == "".join(WORDS)
    assert [[tag.name for tag in find_tags(sentence.text)] for sentence in reply.sentences] == [["Happy"], [], ["Sad"]]
    assert reply.sentences[-1].text.startswith("[sad:0.5]")


@pytest.mark.parametrize("before", ["", "assistant: ", "<think>hm</think>", "<|im_start|>assistant\n"])
def test_what_is_cleaned_away_leaves_the_first_tag(before: str) -> None:
    cleaner = ReplyCleaner()
    cleaned = "".join(cleaner.push(character) for character in f"{before}[happy] Hello!") + cleaner.end()
    assert cleaned == "[happy] Hello!"
