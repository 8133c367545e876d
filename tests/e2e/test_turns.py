"""Turns through the real processes, as users and clients ask for them."""

from __future__ import annotations

import asyncio
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest, ConverseResponse, TurnFinished
from neurosync.v1.outcome_pb2 import TurnOutcome
from services.media.curves import INDEX
from services.media.takes.take_folder import load_take
from services.serving.dialing import dial
from tests.browser import browser
from tests.e2e.conftest import RunningStack

LONG = "One two three four five six seven eight nine ten. " * 4
STAGES = {"first_sentence", "first_audio", "first_frame", "first_sound", "total"}
OWN_STAGES = {"tts.first_audio", "tts.total", "face.compute"}
OWN_STAGES |= {"player.first_sound", "player.since_audio", "player.first_frame"}
LLM_STAGES = {"first_word", "llm.first_word", "llm.first_sentence", "llm.total"}


async def converse(
    stub: orchestrator_pb2_grpc.OrchestratorServiceAsyncStub, request: ConverseRequest
) -> list[ConverseResponse]:
    return [event async for event in stub.Converse(request, timeout=60)]


def finished(events: list[ConverseResponse]) -> TurnFinished:
    assert events[0].HasField("accepted")
    assert events[-1].HasField("finished")
    return events[-1].finished


def test_ask_prints_the_reply_the_stages_and_the_take(stack: RunningStack, tmp_path: Path) -> None:
    folder = tmp_path / "take"
    done = stack.command("ask", "Who are you?", "--take-dir", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["outcome"] == "completed"
    assert summary["heard_text"] == summary["text"].strip() != ""
    assert set(summary["stages"]) == STAGES | OWN_STAGES | LLM_STAGES
    assert summary["providers"]["llm"].startswith("embedded")
    assert summary["take"] == str(folder)
    take = load_take(folder)
    assert abs(len(take.weights) - round(60 * take.seconds)) <= 1
    assert take.seconds == pytest.approx(summary["heard_seconds"], abs=0.01)
    assert take.info.prompt == "Who are you?"
    assert "".join(word.word for word in take.info.words)
    assert take.info.phonemes


def test_the_mouth_of_a_take_moves_with_its_sound_and_rests_at_its_end(stack: RunningStack, tmp_path: Path) -> None:
    folder = tmp_path / "take"
    done = stack.command("say", "Papa bought a big apple pie. Mama ate all of it!", "--take-dir", str(folder))
    assert done.returncode == 0, done.stderr
    take = load_take(folder)
    jaw = take.weights[:, INDEX["JawOpen"]]
    loud = np.array([rms(take.pcm, frame, take.rate) for frame in range(len(jaw))])
    assert jaw.max() > 0.1
    assert np.corrcoef(jaw, np.convolve(loud, np.ones(7) / 7, "same"))[0, 1] > 0.4
    assert jaw[-3:].max() < 0.05
    assert jaw[loud < 1e-4].mean() < 0.3 * jaw[loud > 0.02].mean()


def rms(pcm: np.ndarray, frame: int, rate: int) -> float:
    part = pcm[frame * rate // 60 : (frame + 1) * rate // 60].astype(np.float64) / 32768
    return math.sqrt(float(np.mean(part**2))) if len(part) else 0.0


async def test_sentences_of_one_turn_join_without_a_gap_that_the_text_does_not_ask_for(stack: RunningStack) -> None:
    async with dial(stack.addresses["orchestrator"]) as channel:
        stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        text = "The first sentence is here. The second one follows. And a third one ends it."
        events = await converse(stub, ConverseRequest(session_id="joins", speak=text, include_media=True))
    end = finished(events)
    assert end.outcome == TurnOutcome.TURN_OUTCOME_COMPLETED
    assert end.counters.audio_starved_count == end.counters.frames_starved_count == end.counters.frame_late_count == 0
    spans = [event.timings for event in events if event.HasField("timings")]
    assert [span.start_sample for span in spans[1:]] == [span.end_sample for span in spans[:-1]]
    assert end.heard_sample_count == spans[-1].end_sample
    pauses = [b.timings.words[0].start_sample - a.timings.words[-1].end_sample for a, b in pairwise(spans)]
    assert all(0.1 < pause / end.sample_rate_hertz < 0.8 for pause in pauses)
    audio = [event.audio for event in events if event.HasField("audio")]
    assert sum(len(chunk.pcm) // 2 for chunk in audio) == end.heard_sample_count
    frames = [event.frames for event in events if event.HasField("frames")]
    assert sum(batch.frame_count for batch in frames) == math.ceil(end.heard_sample_count * 60 / end.sample_rate_hertz)


async def test_words_are_sent_as_they_are_heard_and_slice_the_text(stack: RunningStack) -> None:
    text = "Dr. Smith paid $5 for 3 apples, *smiling*. Was it **worth** it?"
    async with dial(stack.addresses["orchestrator"]) as channel:
        stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        events = await converse(stub, ConverseRequest(session_id="words", speak=text))
    words = [word for event in events for word in event.heard.words]
    assert [text[word.start_char : word.end_char] for word in words] == [word.word for word in words]
    assert {"Smith", "apples", "worth"} <= {word.word.strip(",.?*") for word in words}
    ends = [word.end_sample for word in words]
    assert ends == sorted(ends)
    assert finished(events).heard_text == text


async def test_an_interruption_keeps_exactly_the_heard_words(stack: RunningStack) -> None:
    async with dial(stack.addresses["orchestrator"]) as channel:
        stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        heard: list[str] = []
        events: list[ConverseResponse] = []
        async for event in stub.Converse(ConverseRequest(session_id="stop", speak=LONG), timeout=60):
            events.append(event)
            heard += [word.word for word in event.heard.words]
            if len(heard) >= 4:
                break_off = orchestrator_pb2.InterruptRequest(session_id="stop")
                answer = await stub.Interrupt(break_off, timeout=5)
                assert answer.interrupted
                heard = heard[:0]
        end = finished(events)
        assert end.outcome == TurnOutcome.TURN_OUTCOME_INTERRUPTED
        assert end.outcome == TurnOutcome.TURN_OUTCOME_INTERRUPTED
        words = [word.word for event in events for word in event.heard.words]
        assert end.heard_text.split()[-1].strip(".") == words[-1].strip(".")
        assert len(end.heard_text.split()) == len(words)
        assert LONG.startswith(end.heard_text)
        history = await stub.GetHistory(orchestrator_pb2.GetHistoryRequest(session_id="stop"), timeout=5)
        assert [entry.exchange.assistant_text for entry in history.entries] == [end.heard_text]
        assert history.entries[0].exchange.interrupted
        cleared = await stub.ClearHistory(orchestrator_pb2.ClearHistoryRequest(session_id="stop"), timeout=5)
        assert cleared.entry_count == 1


async def test_cancelling_the_call_interrupts_and_the_next_turn_starts_clean(stack: RunningStack) -> None:
    async with dial(stack.addresses["orchestrator"]) as channel:
        stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        call = stub.Converse(ConverseRequest(session_id="cancel", speak=LONG), timeout=60)
        async for event in call:
            if event.HasField("heard"):
                break
        call.cancel()
        events = await converse(stub, ConverseRequest(session_id="cancel", speak="Fresh start."))
        end = finished(events)
        assert end.heard_text == "Fresh start."
        history = await stub.GetHistory(orchestrator_pb2.GetHistoryRequest(session_id="cancel"), timeout=5)
    assert [entry.exchange.interrupted for entry in history.entries] == [True, False]
    assert LONG.startswith(history.entries[0].exchange.assistant_text)


async def test_a_second_prompt_replaces_what_is_being_said(stack: RunningStack) -> None:
    async with dial(stack.addresses["orchestrator"]) as channel:
        stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        first = asyncio.create_task(converse(stub, ConverseRequest(session_id="replace", speak=LONG)))
        await asyncio.wait({first}, timeout=1.5)
        second = await converse(stub, ConverseRequest(session_id="replace", speak="I have the floor."))
        assert finished(await first).outcome == TurnOutcome.TURN_OUTCOME_SUPERSEDED
        assert finished(second).outcome == TurnOutcome.TURN_OUTCOME_COMPLETED


async def test_the_page_of_a_take_plays_it_and_its_mouth_follows_the_sound(stack: RunningStack, tmp_path: Path) -> None:
    folder = tmp_path / "take"
    done = await asyncio.to_thread(stack.command, "say", "Papa was amazed: oh, what a show!", "--take-dir", str(folder))
    assert done.returncode == 0, done.stderr
    jaw = load_take(folder).weights[:, INDEX["JawOpen"]]
    async with browser() as page:
        await page.open((folder / "take.html").as_uri())
        assert await page.evaluate("neurosyncTake.frameCount") == len(jaw)
        openings = []
        for frame in (int(jaw.argmax()), len(jaw) - 1):
            await page.evaluate(f"neurosyncTake.seek({(frame + 0.5) / 60})")
            openings.append((await page.evaluate("neurosyncTake.mouth()"))["openingHeight"])
        assert openings[0] > 3 * openings[1] + 3
        await page.evaluate("neurosyncTake.seek(0); neurosyncTake.play()")
        async with asyncio.timeout(20):
            while await page.evaluate("neurosyncTake.currentFrame()") < 10:
                await page.evaluate("new Promise(requestAnimationFrame)")
        assert page.errors == []
        assert page.requests == []
