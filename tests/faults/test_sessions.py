"""Several characters and several conversations at once."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from neurosync.v1 import orchestrator_pb2
from neurosync.v1.outcome_pb2 import TurnOutcome
from tests.faults.proxied_stack import ProxiedStack, proxied_stack, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = tuple(f"Character{number}" for number in range(8))
TEXT = "We all speak at once, all eight of us. Does anybody listen?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[ProxiedStack]:
    async with proxied_stack(subjects=",".join(NAMES)) as made:
        await made.turn(session_id="warm", speak="Ready.")
        yield made


async def test_eight_characters_speak_at_once_and_every_character_stays_at_sixty_hertz(running: ProxiedStack) -> None:
    began = time.monotonic()
    turns = [running.begin(session_id=name, subject=name, speak=f"{name}. {TEXT}") for name in NAMES]
    await asyncio.wait({task for _, task in turns}, timeout=60)
    until_now = time.monotonic()
    for name, (seen, _) in zip(NAMES, turns, strict=True):
        assert seen.finished.outcome == TurnOutcome.TURN_OUTCOME_COMPLETED
        assert seen.finished.heard_text == f"{name}. {TEXT}"
    rates = {name: running.frames.rate(name, began, until_now) for name in NAMES}
    first = [t.duration.ToMilliseconds() for s, _ in turns for t in s.finished.timings if t.stage == "first_sound"]
    starved = sum(seen.finished.counters.audio_starved_count for seen, _ in turns)
    print(f"\nhertz {min(rates.values()):.2f} to {max(rates.values()):.2f}, load {os.getloadavg()[0]:.1f}")
    print(f"first sound {min(first)} to {max(first)} ms, {starved} pauses without sound")
    for name in NAMES:
        assert 57 <= rates[name] <= 60.5, "a busy machine may skip one frame in twenty"
        assert running.frames.gap(name, began, until_now) < 0.25
        assert max(running.frames.jaw(name, began, until_now)) > 0.1


async def test_an_interruption_silences_one_character_only(running: ProxiedStack) -> None:
    one, other = (running.begin(session_id=name, subject=name, speak=TEXT) for name in NAMES[:2])
    await until(lambda: one[0].heard_count() and other[0].heard_count(), 15, "both speak")
    await running.interrupt(NAMES[0])
    await asyncio.wait({one[1], other[1]}, timeout=30)
    assert one[0].finished.outcome == TurnOutcome.TURN_OUTCOME_INTERRUPTED
    assert other[0].finished.heard_text == TEXT


async def test_each_session_has_its_own_history_and_clears_its_own(running: ProxiedStack) -> None:
    await asyncio.gather(
        *(running.turn(session_id=f"own {name}", subject=name, speak=f"I am {name}.") for name in NAMES[:3])
    )
    request = orchestrator_pb2.ClearHistoryRequest(session_id=f"own {NAMES[1]}")
    assert (await running.stub.ClearHistory(request, timeout=5)).entry_count == 1
    for number, name in enumerate(NAMES[:3]):
        asked = orchestrator_pb2.GetHistoryRequest(session_id=f"own {name}")
        history = await running.stub.GetHistory(asked, timeout=5)
        assert [entry.exchange.assistant_text for entry in history.entries] == (
            [f"I am {name}."] if number != 1 else []
        )
