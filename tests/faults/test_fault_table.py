"""The fault table: each stage fails in each way, before and during a turn.

Every row has the same requirements: Live Link stays at 60 Hz, the client receives an event within 2 s, the turn ends,
and the next turn works as soon as the stage is back, without any other action.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from neurosync.v1.outcome_pb2 import TurnOutcome
from tests.faults.proxied_stack import HUNG_SECONDS, SUBJECT, ObservedTurn, ProxiedStack, proxied_stack, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals"),
]

TEXT = "One two three four five six. Seven eight nine ten. Here it ends."
PROMPT = "Tell me a long story about a fox, a river and a lantern."
ANSWER_SECONDS = 2.0
END_SECONDS = 14.0  # two sentences of a hung voice, each given up after its own limit
COMPLETED, FAILED = TurnOutcome.TURN_OUTCOME_COMPLETED, TurnOutcome.TURN_OUTCOME_FAILED
EASE_SECONDS = 0.4  # for the mouth to come to rest after its last frame
MARGIN = 0.4  # on ANSWER_SECONDS, for a busy machine

slow = pytest.mark.slow
"""Most rows take three minutes, and their limits are real time: `make test-faults`, on a machine that is quiet."""

PROXIED = ("llm", "tts", "face", "player")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[ProxiedStack]:
    async with proxied_stack() as made:
        await made.turn(session_id="warm", speak="Ready.")
        yield made


def begin(running: ProxiedStack, stage: str) -> tuple[ObservedTurn, asyncio.Task[None]]:
    if stage == "llm":
        return running.begin(session_id="fault", prompt=PROMPT)
    return running.begin(session_id="fault", speak=TEXT)


async def wait_until_working(seen: ObservedTurn, stage: str) -> None:
    """Wait until the stage is working: the turn is heard, or, for the llm, the reply has begun."""
    if stage == "llm":
        await until(lambda: "delta" in seen.kinds, 20, "the reply begins")
    else:
        await until(lambda: seen.heard_count() >= 1, 10, "the first word is heard")


async def check_end(
    running: ProxiedStack, stage: str, seen: ObservedTurn, task: asyncio.Task[None], since: float
) -> None:
    """Check that the client receives an event in time and that the turn ends in time; interrupt a long reply."""
    await until(lambda: seen.answered(since) < 60, ANSWER_SECONDS + MARGIN, "the client receives an event")
    if seen.answered(since) > ANSWER_SECONDS + MARGIN:
        pytest.fail(f"the client received nothing for {seen.answered(since):.1f} s")
    if stage == "llm":
        await until(lambda: task.done() or seen.heard_count(), END_SECONDS, "the reply is heard, or given up")
        await running.interrupt("fault")
    await asyncio.wait({task}, timeout=END_SECONDS)
    assert task.done(), f"the turn still runs: {seen.kinds} {seen.notices}"


async def check_next(running: ProxiedStack) -> None:
    """Check that the next turn is complete, on the first attempt, without a notice."""
    seen = await running.turn(session_id="next", speak="We are back.")
    assert seen.finished.outcome == COMPLETED, seen.finished.message
    assert seen.finished.heard_text == "We are back."
    late_face = {"no frames within 300 ms of the first sound"}  # reconnecting may take half a second
    assert set(seen.notices) <= late_face
    assert seen.finished.counters.frame_shown_count > 30


def check_frame_rate(running: ProxiedStack, since: float) -> None:
    """Check that frames were sent to Unreal all the time."""
    now = time.monotonic()
    assert 59 <= running.frames.rate(SUBJECT, since, now) <= 61
    assert running.frames.gap(SUBJECT, since, now) < 0.25


@pytest.mark.parametrize("stage", ["llm", "tts", "face", "player", "orchestrator"])
async def test_a_stage_is_killed_during_a_turn(running: ProxiedStack, stage: str) -> None:
    began = time.monotonic()
    seen, task = begin(running, stage)
    await wait_until_working(seen, stage)
    struck = time.monotonic()
    os.kill(running.stack.pid(stage), signal.SIGKILL)
    await check_end(running, stage, seen, task, struck)
    if stage == "orchestrator":
        assert seen.error is not None
    elif stage == "player":
        assert seen.finished.outcome == FAILED
        assert "neurosync up" in seen.finished.message
    elif stage == "face":
        assert seen.finished.outcome == COMPLETED
        assert seen.finished.heard_text == TEXT
    else:  # what had arrived before is heard
        assert seen.finished.heard_sample_count > 0 or stage == "llm"
    await running.healthy(stage)
    await check_next(running)
    if stage != "player":
        check_frame_rate(running, began)


@slow
@pytest.mark.parametrize("stage", ["llm", "tts", "face", "player", "orchestrator"])
async def test_a_stage_hangs_during_a_turn_and_is_restarted(running: ProxiedStack, stage: str) -> None:
    began = time.monotonic()
    seen, task = begin(running, stage)
    await wait_until_working(seen, stage)
    struck, pid = time.monotonic(), running.stack.pid(stage)
    os.kill(pid, signal.SIGSTOP)
    if stage != "orchestrator":  # a hung orchestrator sends nothing until it is killed
        await check_end(running, stage, seen, task, struck)
    await until(lambda: running.stack.pid(stage) != pid, HUNG_SECONDS + 8, "it is started again")
    await asyncio.wait({task}, timeout=END_SECONDS)
    assert task.done()
    if stage == "face":
        assert seen.finished.heard_text == TEXT
    await running.healthy(stage)
    await check_next(running)
    if stage != "player":
        check_frame_rate(running, began)


@slow
@pytest.mark.parametrize("stage", PROXIED)
async def test_a_stage_is_not_there_when_a_turn_begins(running: ProxiedStack, stage: str) -> None:
    await running.proxies[stage].refuse()
    began = time.monotonic()
    seen, task = begin(running, stage)
    await check_end(running, stage, seen, task, began)
    if stage == "face":
        assert seen.finished.heard_text == TEXT
        assert any("face" in notice for notice in seen.notices)
    else:
        assert seen.finished.outcome == FAILED
        assert stage in seen.finished.message
        assert "neurosync up" in seen.finished.message
        assert seen.ended - began < 4
    await running.proxies[stage].heal()
    if stage == "face":  # reconnecting takes seconds; until then the voice plays without the face
        await until(lambda: face_is_back(running), 8, "the face moves again")
    await (check_words(running) if stage == "llm" else check_next(running))
    check_frame_rate(running, began)


async def face_is_back(running: ProxiedStack) -> bool:
    seen = await running.turn(session_id="face back", speak="Are you there?")
    return seen.finished.counters.frame_shown_count > 30


async def check_words(running: ProxiedStack) -> None:
    """Check that the next question is answered, and interrupt the answer."""
    seen, task = running.begin(session_id="words", prompt="Who are you?")
    await until(lambda: "started" in seen.kinds or task.done(), 15, "the answer is heard")
    assert not seen.notices
    await running.interrupt("words")
    await task


@slow
@pytest.mark.parametrize("stage", PROXIED)
async def test_a_connection_is_half_dead_when_a_turn_begins(running: ProxiedStack, stage: str) -> None:
    running.proxies[stage].half_open()
    began = time.monotonic()
    seen, task = begin(running, stage)
    await check_end(running, stage, seen, task, began)
    assert any(stage in notice for notice in seen.notices)
    assert seen.finished.outcome != FAILED, "the stage was connected again"
    await running.proxies[stage].heal()
    await check_next(running)
    check_frame_rate(running, began)


@slow
@pytest.mark.parametrize("stage", PROXIED)
async def test_a_stage_is_slow_with_its_first_bytes(running: ProxiedStack, stage: str) -> None:
    running.proxies[stage].slow(1.8)
    began = time.monotonic()
    seen, task = begin(running, stage)
    await check_end(running, stage, seen, task, began)
    assert any(stage in notice for notice in seen.notices)
    assert seen.finished.outcome != FAILED, "a slow stage is waited for"
    await check_next(running)
    check_frame_rate(running, began)


@slow
@pytest.mark.parametrize("stage", PROXIED)
async def test_a_stream_dries_up_during_a_turn(running: ProxiedStack, stage: str) -> None:
    began = time.monotonic()
    seen, task = begin(running, stage)
    if stage == "tts":
        await until(lambda: "sentence" in seen.kinds, 10, "the sentence is sent to the voice")
    else:
        await wait_until_working(seen, stage)
    struck = time.monotonic()
    running.proxies[stage].dry()
    await check_end(running, stage, seen, task, struck)
    assert any(stage in notice for notice in seen.notices)
    if stage == "player":  # it plays the sound it has, but how much was heard is unknown
        assert seen.finished.outcome == FAILED
    await running.proxies[stage].heal()
    await check_next(running)
    check_frame_rate(running, began)


async def test_the_mouth_rests_while_the_face_is_dead_and_moves_again_in_the_same_turn(running: ProxiedStack) -> None:
    text = "One two three four five six seven. " * 6
    seen, task = running.begin(session_id="face", speak=text)
    await until(lambda: seen.heard_count() >= 2, 10, "the first words are heard")
    os.kill(running.stack.pid("face"), signal.SIGKILL)
    await running.proxies["face"].refuse()
    await until(lambda: seen.notices, 2, "the client receives a notice")
    started = next(at for at, event in seen.events if event.HasField("started"))
    noticed = seen.events[-1][0]
    await until(lambda: "no more frames have come" in seen.notices, 8, "the frames that had been made are shown")
    eased = time.monotonic() + EASE_SECONDS
    await running.healthy("face")
    await asyncio.sleep(max(eased + 0.5 - time.monotonic(), 0))
    assert max(running.frames.jaw(SUBJECT, eased, time.monotonic())) < 0.06, "the mouth rests"
    await running.proxies["face"].heal()
    back = time.monotonic()
    await asyncio.wait({task}, timeout=30)
    finished = seen.finished
    assert finished.outcome == COMPLETED
    assert finished.heard_text == text.strip()
    assert finished.counters.audio_starved_count == 0, "the voice is unbroken"
    assert finished.counters.frames_starved_count >= 1
    assert max(running.frames.jaw(SUBJECT, started, noticed)) > 0.1
    assert max(running.frames.jaw(SUBJECT, back, seen.ended)) > 0.1, "it moves again"
    check_frame_rate(running, started)
