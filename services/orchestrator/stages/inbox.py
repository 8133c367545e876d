"""The inbox of a turn: runs its stages as tasks, and queues their events in the order they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TypeAlias

from neurosync.v1.orchestrator_pb2 import Stage
from services.orchestrator.stages.connections import StageError
from services.orchestrator.stages.events import StageEnded
from services.orchestrator.stages.face_stage import FaceEvent
from services.orchestrator.stages.llm_stage import WordEvent
from services.orchestrator.stages.player_stage import PlayerEvent
from services.orchestrator.stages.tts_stage import SpeechEvent

MAX_EVENTS = 64  # that wait to be handled, which takes microseconds; a full inbox holds the stages back

StageEvent: TypeAlias = WordEvent | SpeechEvent | FaceEvent | PlayerEvent
Event: TypeAlias = StageEvent | StageEnded


class Inbox:
    """Merges the events of stages; each stage runs in a task of its own."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue(MAX_EVENTS)

    async def collect(self, stage: Stage.ValueType, events: AsyncGenerator[StageEvent, None]) -> None:
        """Run one stage to its end; its last event is `StageEnded`, with the error that ended it."""
        error = None
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    await self._events.put(event)
        except StageError as failure:
            error = failure.with_traceback(None)  # else its frames keep the turn alive
        await self._events.put(StageEnded(stage, error))

    async def next(self) -> Event:
        """Return the next event."""
        return await self._events.get()
