"""What a turn leaves behind when it is over, on an orchestrator and a player in this process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref

from neurosync.v1.orchestrator_pb2 import ConverseRequest, InterruptRequest
from services.cli.processes.service_process import service_named
from services.cli.processes.stack import Stack, started
from services.orchestrator.turn import Turn
from tests.faults.proxied_stack import until
from tests.faults.recorded_character import RecordedCharacter, recorded_character

TEXT = "Nothing of this is kept. Or is it?"


async def _speak(character: RecordedCharacter, *, interrupted: bool) -> weakref.ref[Turn]:
    """Perform a turn and return a reference that does not hold it."""
    reference = None
    async for event in character.stub.Converse(ConverseRequest(session_id="one", speak=TEXT), timeout=30):
        if event.HasField("started"):
            session = character.service._sessions.find("one")
            assert session is not None
            assert session.turns
            reference = weakref.ref(session.turns[0])
            if interrupted:
                await character.stub.Interrupt(InterruptRequest(session_id="one"), timeout=10)
    assert reference is not None
    return reference


async def test_a_turn_that_is_over_leaves_at_once_and_leaves_nothing() -> None:
    async with contextlib.AsyncExitStack() as resources:
        services = [service_named("tts"), service_named("face")]
        stack = await resources.enter_async_context(
            started(Stack(notify=lambda _: None, services=services, free_ports=True))
        )
        one = await resources.enter_async_context(
            recorded_character("Ada", stack.addresses["tts"], stack.addresses["face"])
        )
        gc.collect()
        gc.disable()  # what a collection of cycles would find is left behind
        resources.callback(gc.enable)
        for interrupted in (False, True):
            turn = await _speak(one, interrupted=interrupted)
            await until(lambda turn=turn: turn() is None, 5, "the turn has gone")  # type: ignore[misc]
        await one.wait_until_idle()
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not names & {"read from a stage", "watch a stage", "send to the face", "send to the player"}
