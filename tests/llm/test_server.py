"""The service over gRPC, with a local server in place of the paid vendor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from neurosync.v1 import llm_pb2, outcome_pb2
from services.common.wire import seconds_of
from tests.llm.chat_server import ChatServer, serving
from tests.llm.llm_client import Reply, generate, serving_llm

if TYPE_CHECKING:
    from tests.llm.llm_client import Stub

ONLY = {"provider": "endpoint", "fallback": False}


async def refused(stub: Stub, prompt: str = "Hi", **fields: Any) -> grpc.aio.AioRpcError:
    """Return the error of a call that must fail, before anything was sent."""
    reply = Reply()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for response in stub.Generate(llm_pb2.GenerateRequest(prompt=prompt, **fields), timeout=30):
            reply.take(response)
    assert reply.kinds == []
    return caught.value


async def test_reply_streams_as_deltas_sentences_and_an_ending() -> None:
    async with serving(ChatServer()) as vendor, serving_llm(**ONLY, base_url=vendor.url, api_key="key") as stub:
        reply = await generate(stub, "Hi", max_output_token_count=50, temperature=0.25)

    assert (reply.started.provider, reply.started.model) == ("endpoint", "stand-in")
    assert reply.kinds[0] == "started"
    assert reply.kinds[-1] == "finished"
    assert reply.kinds.index("sentence") < len(reply.kinds) - 2, "the first sentence comes before the end"
    assert reply.text == "".join(vendor.words) == "".join(sentence.text for sentence in reply.sentences)
    assert [(s.index, s.start_char, s.end_char, s.text) for s in reply.sentences] == [
        (0, 0, 13, "Hello there, "),
        (1, 13, 24, "my friend. "),
        (2, 24, 36, "How are you?"),
    ]
    assert reply.finished.reason == llm_pb2.FINISH_REASON_STOP
    assert (reply.finished.usage.input_token_count, reply.finished.usage.output_token_count) == (7, 10)
    first_word, first_sentence, total = map(
        seconds_of, (reply.finished.first_word, reply.finished.first_sentence, reply.finished.total)
    )
    assert 0 < first_word <= first_sentence <= total
    assert vendor.requests[0]["max_tokens"] == 50
    assert vendor.requests[0]["temperature"] == pytest.approx(0.25)
    assert vendor.keys[-1] == "bearer key"


async def test_model_reads_persona_history_and_prompt_in_order() -> None:
    history = [
        llm_pb2.Exchange(user_text="One?", assistant_text="One."),
        llm_pb2.Exchange(user_text="Two?", assistant_text="Tw", interrupted=True),
        llm_pb2.Exchange(user_text="Three?", assistant_text="", interrupted=True),
    ]
    async with serving(ChatServer()) as vendor, serving_llm(**ONLY, base_url=vendor.url) as stub:
        await generate(stub, "Four?", history=history, system_prompt="You are Bob.")

    messages = [(message["role"], message["content"]) for message in vendor.requests[0]["messages"]]
    assert messages == [
        ("system", "You are Bob."),
        ("user", "One?"), ("assistant", "One."),
        ("user", "Two?"), ("assistant", "Tw"),
        ("user", "Three?\nFour?"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "code"), [("length", llm_pb2.FINISH_REASON_LENGTH), ("content_filter", llm_pb2.FINISH_REASON_FILTERED)]
)
async def test_vendors_reason_is_passed_on(reason: str, code: int) -> None:
    async with serving(ChatServer(finish_reason=reason)) as vendor, serving_llm(**ONLY, base_url=vendor.url) as stub:
        reply = await generate(stub)

    assert reply.finished.reason == code


@pytest.mark.parametrize(
    "fault", [{"breaks_before": 7}, {"malformed_at": 7}, {"error_at": 7}, {"silent_before": 7}, {"finish_reason": None}]
)
async def test_reply_that_breaks_off_keeps_the_text_so_far(fault: dict[str, Any]) -> None:
    async with (
        serving(ChatServer(**fault)) as vendor,
        serving_llm(base_url=vendor.url, provider="endpoint", inactivity_timeout=0.2) as stub,
    ):
        reply = await generate(stub)

    assert reply.started.provider == "endpoint", "a reply that has begun is not begun again elsewhere"
    assert reply.finished.reason == llm_pb2.FINISH_REASON_ERROR
    assert reply.finished.error_message.startswith("endpoint")
    assert reply.finished.error_reason == outcome_pb2.REASON_UNAVAILABLE
    assert reply.text.startswith("Hello there, my friend.")
    assert "".join(sentence.text for sentence in reply.sentences) == reply.text


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"status": 401}, "answered 401: "),
        ({"status": 429}, "answered 429: "),
        ({"status": 500}, "answered 500: "),
        ({"silent_before": 0}, "silent for 0.2 s"),
        ({"silent_before": 0, "status": 200, "words": ["x"]}, "silent for 0.2 s"),
        ({"breaks_before": 0}, "endpoint"),
        ({"malformed_at": 0}, "malformed"),
        ({"error_at": 0}, "out of memory"),
        ({"words": []}, "the reply is empty"),
        ({"words": [" ", "\n"]}, "the reply is empty"),
    ],
)
async def test_vendor_that_fails_before_the_first_word_is_unavailable(fault: dict[str, Any], message: str) -> None:
    async with (
        serving(ChatServer(**fault)) as vendor,
        serving_llm(**ONLY, base_url=vendor.url, first_word_timeout=0.2) as stub,
    ):
        error = await refused(stub)

    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert message in (error.details() or "")


async def test_vendor_that_fails_is_followed_by_the_next_and_left_out_for_a_while() -> None:
    async with (
        serving(ChatServer(status=429)) as first,
        serving(ChatServer()) as second,
        serving_llm(openai_api_key="key", openai_base_url=first.url, base_url=second.url) as stub,
    ):
        replies = [await generate(stub), await generate(stub)]
        first.status = 200
        replies.append(await generate(stub, model="gpt-4o-mini"))
        replies.append(await generate(stub))

    assert [reply.started.provider for reply in replies] == ["endpoint", "endpoint", "openai", "openai"]
    assert len(first.requests) == 3, "the second reply did not try the vendor that had just failed"
    assert "max_completion_tokens" in first.requests[0]


async def test_vendor_that_refuses_one_request_is_tried_by_the_next() -> None:
    async with (
        serving(ChatServer(status=400)) as first,
        serving(ChatServer()) as second,
        serving_llm(openai_api_key="key", openai_base_url=first.url, base_url=second.url) as stub,
    ):
        replies = [await generate(stub)]
        first.status = 200
        replies.append(await generate(stub))

    assert [reply.started.provider for reply in replies] == ["endpoint", "openai"]


async def test_vendor_that_is_away_at_the_start_is_followed_by_the_next() -> None:
    async with serving(ChatServer()) as gone:
        pass
    async with (
        serving(ChatServer()) as second,
        serving_llm(openai_api_key="key", openai_base_url=gone.url, base_url=second.url) as stub,
    ):
        assert (await generate(stub)).started.provider == "endpoint"


async def test_cancelled_call_closes_the_vendors_stream_and_frees_its_place() -> None:
    async with (
        serving(ChatServer(silent_before=6)) as vendor,
        serving_llm(**ONLY, base_url=vendor.url, max_generations=1) as stub,
    ):
        call = stub.Generate(llm_pb2.GenerateRequest(prompt="Hi"))
        responses = aiter(call)
        assert (await anext(responses)).WhichOneof("event") == "started"

        assert (await refused(stub)).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        call.cancel()
        async with asyncio.timeout(5):
            await vendor.left.wait()
        vendor.silent_before = None

        assert (await generate(stub)).finished.reason == llm_pb2.FINISH_REASON_STOP


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": ""}, "prompt: "),
        ({"prompt": " \n"}, "prompt: "),
        ({"prompt": "a\0b"}, "prompt: "),
        ({"prompt": "a" * 100_001}, "prompt: "),
        ({"prompt": "a" * 90_000}, "prompt: "),
        ({"system_prompt": "\0"}, "system_prompt: "),
        ({"history": [llm_pb2.Exchange(user_text="a", assistant_text="\0")]}, "history[0].assistant_text: "),
        ({"max_output_token_count": -1}, "max_output_token_count: "),
        ({"max_output_token_count": 8193}, "max_output_token_count: "),
        ({"temperature": 2.5}, "temperature: "),
        ({"temperature": float("nan")}, "temperature: "),
        ({"model": "nobody"}, "model: expected empty or one of stand-in"),
    ],
)
async def test_wrong_field_is_named(fields: dict[str, Any], field: str) -> None:
    async with serving(ChatServer()) as vendor, serving_llm(**ONLY, base_url=vendor.url) as stub:
        error = await refused(stub, **fields)

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert (error.details() or "").startswith(field)
    assert vendor.requests == []


async def test_models_are_listed_with_the_default_first() -> None:
    async with (
        serving(ChatServer(models=["a", "b"])) as vendor,
        serving_llm(openai_api_key="key", provider="endpoint", base_url=vendor.url) as stub,
    ):
        listed = (await stub.ListModels(llm_pb2.ListModelsRequest())).models

    assert [(model.provider, model.model) for model in listed][:3] == [
        ("endpoint", "a"), ("endpoint", "b"), ("openai", "gpt-4o-mini"),
    ]  # fmt: skip


async def test_role_names_and_special_tokens_are_no_part_of_the_reply() -> None:
    words = ["<|im_", "start|>assis", "tant\n", "Hel", "lo.", "<|im", "_end|>", "\nUser: more"]
    async with serving(ChatServer(words=words)) as vendor, serving_llm(**ONLY, base_url=vendor.url) as stub:
        reply = await generate(stub)

    assert reply.text == "Hello."
    assert reply.finished.reason == llm_pb2.FINISH_REASON_STOP


async def test_missing_weights_leave_the_other_providers(tmp_path: Path) -> None:
    async with (
        serving(ChatServer()) as vendor,
        serving_llm(base_url=vendor.url, embedded_weights=tmp_path / "none.gguf") as stub,
    ):
        assert (await generate(stub)).started.provider == "endpoint"
