"""ElevenLabs through its SDK, against a server with its API: streaming, failures, and failover."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import grpc
import numpy as np
import pytest

from neurosync.v1 import tts_pb2
from services.media.sound import Sound
from services.media.wav_writer import wav_bytes

TEXT = "Hello big world."
STARTS = [0.1 + 0.05 * index for index in range(len(TEXT))]
ENDS = [start + 0.05 for start in STARTS]
KEY = "xi-secret-0123456789"
Send = Callable[[bytes], Awaitable[None]]


def keyed(vendor: Any, **flags: Any) -> dict[str, Any]:
    return {"provider": "auto", "elevenlabs_api_key": KEY, "elevenlabs_url": vendor.url, "fallback": False, **flags}


async def test_sound_leaves_while_the_answer_still_comes(
    serve: Any, vendor: Any, make_piece: Any, make_tone: Any
) -> None:
    go_on = asyncio.Event()

    async def answer(send: Send) -> None:
        await send(make_piece(make_tone(0.5).tobytes()))
        await go_on.wait()
        await send(make_piece(make_tone(0.5).tobytes()))

    vendor.answer = answer
    async with serve(**keyed(vendor)) as client:
        call = aiter(client.call(TEXT))
        kinds = [(await anext(call)).WhichOneof("event") for _ in range(3)]
        assert kinds == ["header", "audio", "audio"]
        go_on.set()
        rest = [response.WhichOneof("event") async for response in call]
        assert rest[-1] == "finished"


async def test_words_and_samples_are_exact_whatever_the_pieces(
    serve: Any, vendor: Any, make_piece: Any, make_tone: Any
) -> None:
    sound = make_tone(0.9, silence=0.1)
    raw = sound.tobytes()
    cuts = [0, 4801, 20_003, 36_001, len(raw)]  # odd: pieces end within a sample
    parts = [raw[a:b] for a, b in pairwise(cuts)]
    letters = [slice(0, 3), slice(3, 8), slice(8, 14), slice(14, 16)]
    vendor.lines(*(make_piece(p, TEXT[s], STARTS[s], ENDS[s]) for p, s in zip(parts, letters, strict=True)))
    async with serve(**keyed(vendor)) as client:
        result = await client.synthesize(f"**{TEXT}**")
    assert (result.header.provider, result.header.voice, result.rate) == ("elevenlabs", "JBFqnCBsd6RMkjVDRZzb", 24_000)
    assert [(w.word, w.start_char, w.end_char, w.estimated) for w in result.words] == [
        ("**Hello", 0, 7, False),
        ("big", 8, 11, False),
        ("world.**", 12, 20, False),
    ]
    cut = 2400 - round(0.015 * 24_000)  # leading silence, less what is kept of it
    for word, first, last in zip(result.words, (0, 6, 10), (4, 8, 14), strict=True):
        assert abs(word.start_sample - (STARTS[first] * 24_000 - cut)) <= 1
        assert abs(word.end_sample - (ENDS[last] * 24_000 - cut)) <= 1
    kept = round(0.015 * 24_000)
    assert np.array_equal(result.pcm[kept : kept + 21_000], sound[2400 : 2400 + 21_000])


async def test_times_that_begin_again_with_each_piece_are_counted_on(
    serve: Any, vendor: Any, make_piece: Any, make_tone: Any
) -> None:
    half = make_tone(0.5).tobytes()
    again = [0.0, 0.1, 0.2, 0.3, 0.4]
    vendor.lines(
        make_piece(b"", "Go", again[:2], [t + 0.1 for t in again[:2]]),  # times may come before their sound
        make_piece(half, "od ", again[2:], [t + 0.1 for t in again[2:]]),
        make_piece(half, "night", again, [t + 0.1 for t in again]),
    )
    async with serve(**keyed(vendor)) as client:
        result = await client.synthesize("Good night")
    good, night = result.words
    assert (good.start_sample, good.end_sample) == (0, 9600)
    assert (night.start_sample, night.end_sample) == (12_000, 24_000)


async def test_words_without_times_are_estimated_within_the_sound(
    serve: Any, vendor: Any, make_piece: Any, make_tone: Any
) -> None:
    vendor.lines(make_piece(make_tone(1.0).tobytes(), "Hello", [0.0] * 4, [0.1] * 5))  # four starts for five characters
    async with serve(**keyed(vendor)) as client:
        result = await client.synthesize(TEXT)
    assert [(w.word, w.estimated) for w in result.words] == [("Hello", True), ("big", True), ("world.", True)]
    assert result.words[0].start_sample == 0
    assert result.words[-1].end_sample <= len(result.speech)


async def test_the_request_has_what_the_client_asks_for(
    serve: Any, vendor: Any, make_piece: Any, make_tone: Any
) -> None:
    vendor.lines(make_piece(make_tone(0.3).tobytes()))
    flags = keyed(vendor, elevenlabs_model_id="eleven_multilingual_v2")
    async with serve(**flags) as client:
        result = await client.synthesize("5 € for *smiles* tea", voice="voice-two", speed=2.0, previous_text="So far.")
    (request,) = vendor.speech_requests
    assert request.path == "/v1/text-to-speech/voice-two/stream/with-timestamps?output_format=pcm_24000"
    assert request.headers["xi-api-key"] == KEY
    assert request.body == {
        "text": "5 € for tea",
        "model_id": "eleven_multilingual_v2",
        "previous_text": "So far.",
        "voice_settings": {"speed": 1.2},
    }
    assert result.header.voice == "voice-two"


async def test_voices_are_those_of_the_account_the_default_first(serve: Any, vendor: Any) -> None:
    async with serve(**keyed(vendor, elevenlabs_voice_id="voice-two")) as client:
        listed = await client.stub.ListVoices(tts_pb2.ListVoicesRequest(), timeout=10)
        error = await client.refusal("Hi", voice="voice-three")
    assert [(v.voice, v.display_name, list(v.language_codes)) for v in listed.voices] == [
        ("voice-two", "Two", ["de"]),
        ("JBFqnCBsd6RMkjVDRZzb", "George", ["en"]),
    ]
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert len([request for request in vendor.received if request.method == "GET"]) == 1, "the list is kept for a while"


async def test_a_key_that_is_good_for_speech_alone_speaks_with_any_voice(
    serve: Any, vendor: Any, make_piece: Any, make_tone: Any
) -> None:
    vendor.voices = None
    vendor.lines(make_piece(make_tone(0.3).tobytes()))
    async with serve(**keyed(vendor)) as client:
        result = await client.synthesize("Hi", voice="voice-three")
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await client.stub.ListVoices(tts_pb2.ListVoicesRequest(), timeout=10)
    assert (result.header.provider, result.header.voice) == ("elevenlabs", "voice-three")
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
    assert len([request for request in vendor.received if request.method == "GET"]) == 1


def local(other: Any, make_tone: Any) -> dict[str, Any]:
    """Flags for an endpoint of one's own that speaks when ElevenLabs does not."""

    async def answer(send: Send) -> None:
        await send(wav_bytes(Sound(make_tone(0.6, silence=0.2), 24_000)))

    other.answer = answer
    return {"local_url": f"{other.url}/tts", "fallback": True}


@pytest.mark.parametrize("status", [401, 402, 422, 429, 500, 503])
async def test_a_refusal_falls_over_to_the_next_provider_with_its_own_voice(
    serve: Any, vendor: Any, other: Any, make_tone: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.refuse(status, {"detail": {"status": "no", "message": "not today"}}, retry_after="60")
    with caplog.at_level(logging.INFO):
        async with serve(**keyed(vendor, breaker_failures=1, **local(other, make_tone))) as client:
            first = await client.synthesize(TEXT, voice="JBFqnCBsd6RMkjVDRZzb")
            second = await client.synthesize(TEXT)
    assert [result.header.provider for result in (first, second)] == ["local", "local"]
    assert [result.header.voice for result in (first, second)] == ["local", "local"]
    requests = 2 if status == 422 else 1  # a request that the vendor cannot process does not rest it
    assert len(vendor.speech_requests) == requests, "after a failure the provider rests, and the SDK does not retry"
    assert "not today" in caplog.text
    assert KEY not in caplog.text


async def test_an_endpoint_of_ones_own_speaks_with_estimated_times(serve: Any, other: Any, make_tone: Any) -> None:
    async with serve(**{**local(other, make_tone), "provider": "local", "local_voice": "af_bella"}) as client:
        result = await client.synthesize(TEXT, sample_rate_hertz=16_000)
    assert other.speech_requests[0].body == {"text": TEXT, "voice": "af_bella"}
    assert abs(len(result.speech) - (0.6 + 0.015 + 0.06) * 16_000) <= 3
    assert [w.word for w in result.words] == TEXT.split()
    assert all(w.estimated for w in result.words)
    lead = 0.015 * 16_000
    assert abs(result.words[0].start_sample - lead) <= 3
    assert abs(result.words[-1].end_sample - (lead + 0.6 * 16_000)) <= 3


@pytest.mark.parametrize("answer", [b"<html>no speech here</html>", b""])
async def test_an_answer_that_is_no_sound_falls_over_to_the_embedded_voice(
    serve: Any, other: Any, answer: bytes
) -> None:
    other.lines(answer or b" ")
    async with serve(provider="local", local_url=other.url) as client:
        result = await client.synthesize(TEXT)
    assert result.header.provider == "hibari"


async def test_an_answer_without_sound_falls_over(
    serve: Any, vendor: Any, other: Any, make_tone: Any, make_piece: Any
) -> None:
    vendor.lines(make_piece(b""))
    async with serve(**keyed(vendor, **local(other, make_tone))) as client:
        result = await client.synthesize(TEXT)
    assert result.header.provider == "local"


async def test_a_provider_that_stalls_before_its_first_sound_is_not_waited_for(
    serve: Any, vendor: Any, other: Any, make_tone: Any
) -> None:
    async def stall(send: Send) -> None:
        await asyncio.Event().wait()

    vendor.answer = stall
    flags = keyed(vendor, first_sound_timeout=1.0, **local(other, make_tone))
    async with serve(**flags) as client:
        result = await client.synthesize(TEXT)
        assert result.header.provider == "local"
        await asyncio.wait_for(vendor.hung_up.wait(), 5)


async def test_a_provider_that_stalls_in_the_middle_ends_the_call_as_unavailable(
    serve: Any, vendor: Any, make_piece: Any, make_tone: Any
) -> None:
    async def stall(send: Send) -> None:
        await send(make_piece(make_tone(0.5).tobytes()))
        await asyncio.Event().wait()

    vendor.answer = stall
    async with serve(**keyed(vendor, stall_timeout=0.2)) as client:
        error = await client.refusal(TEXT)
        await asyncio.wait_for(vendor.hung_up.wait(), 5)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert error.details() == "no more sound for 0.2 s"


async def test_a_connection_that_breaks_in_the_middle_ends_the_call_as_unavailable(
    serve: Any, vendor: Any, make_piece: Any, make_tone: Any
) -> None:
    async def breaks(send: Send) -> None:
        await send(make_piece(make_tone(0.5).tobytes()))
        raise ConnectionResetError

    vendor.answer = breaks
    async with serve(**keyed(vendor)) as client:
        call = aiter(client.call(TEXT))
        assert (await anext(call)).WhichOneof("event") == "header"
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            async for _ in call:
                pass
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_cancelled_call_releases_the_socket(serve: Any, vendor: Any, make_piece: Any, make_tone: Any) -> None:
    async def endless(send: Send) -> None:
        await send(make_piece(make_tone(0.5).tobytes()))
        await asyncio.Event().wait()

    vendor.answer = endless
    async with serve(**keyed(vendor)) as client:
        call = client.call(TEXT)
        await call.read()
        assert not vendor.hung_up.is_set()
        call.cancel()
        await asyncio.wait_for(vendor.hung_up.wait(), 5)


async def test_without_a_fallback_a_refused_key_is_unavailable(serve: Any, vendor: Any) -> None:
    vendor.refuse(401, {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}})
    async with serve(**keyed(vendor)) as client:
        error = await client.refusal(TEXT)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert KEY not in (error.details() or "")
