"""Watchdog of a call to a stage: reads its answers, and reports a stage that is slow or no longer answers.

A plain time limit on reading would end a call at every quiet moment, and a turn has many: while the person listens,
nobody owes an answer. So time counts only while an answer is expected. After a while the stage is reported as slow and
asked for its health over the same connection. A stage that answers that is only busy and gets its whole limit; one that
does not is hung, or its connection is, and is given up at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

import grpc

from neurosync.v1.orchestrator_pb2 import Stage
from neurosync.v1.outcome_pb2 import Reason
from services.common.errors import InactiveError
from services.orchestrator.stages.connections import NAMES, Connections, StageError

T = TypeVar("T")
Call = grpc.aio.UnaryStreamCall[Any, T] | grpc.aio.StreamStreamCall[Any, T]


class Watchdog:
    """Whether the stage behind one call owes an answer, and for how long it has."""

    def __init__(self, connections: Connections, stage: Stage.ValueType) -> None:
        self._connections, self._stage = connections, stage
        self._channel = connections.channel(stage)
        self._expected, self._answered = asyncio.Event(), asyncio.Event()
        self._answer_count = 0

    def expect(self) -> None:
        """Note that an answer is expected, if none was."""
        self._expected.set()
        self._answered.clear()

    def note_answer(self) -> None:
        """Note that an answer came."""
        self._answer_count += 1
        self._expected.clear()
        self._answered.set()

    async def slow(self) -> StageError:
        """Wait until an answer has been expected for so long that the client should know, and return the notice."""
        limit = self._connections.limits[self._stage]
        after = min(self._connections.slow_after, limit)
        while True:
            await self._expected.wait()
            if not await self._is_answered(after):
                name = NAMES[self._stage]
                text = f"{name} has not answered for {after:g} s; it gets up to {limit:g} s if it is alive"
                return StageError(self._stage, Reason.REASON_STAGE_SLOW, text, retryable=True)

    async def hung(self) -> bool:
        """Wait for the answer of a slow stage; return True if it is given up, after its channel was replaced."""
        count, limit = self._answer_count, self._connections.limits[self._stage]
        began = asyncio.get_running_loop().time()
        is_alive = await self._connections.is_alive(self._stage)
        if self._answer_count != count:
            return False
        spent = min(self._connections.slow_after, limit) + asyncio.get_running_loop().time() - began
        if is_alive and await self._is_answered(max(limit - spent, 0)):
            return False
        self._connections.renew(self._stage, self._channel)
        return True

    async def _is_answered(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._answered.wait()
        except TimeoutError:
            return False


async def read(call: Call[T], watchdog: Watchdog, *, always_owes: bool = False) -> AsyncGenerator[T | StageError, None]:
    """Yield the messages of a call, and a notice whenever the stage behind it turns slow.

    Args:
        call: The call; cancelled when this generator ends.
        watchdog: Holds whether an answer is expected.
        always_owes: True if the stage owes the next message whenever the reader waits for it.

    Raises:
        InactiveError: The stage owed an answer for too long, or the call was cancelled from elsewhere.
        grpc.aio.AioRpcError: The call failed.
    """
    reading: asyncio.Task[Any] | None = None
    watching: asyncio.Task[StageError] | asyncio.Task[bool] = asyncio.create_task(watchdog.slow(), name="watch a stage")
    try:
        while True:
            if reading is None:
                if always_owes:
                    watchdog.expect()
                reading = asyncio.create_task(call.read(), name="read from a stage")
            await asyncio.wait((reading, watching), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                if reading.cancelled():
                    raise InactiveError("the call was cancelled")
                message, reading = reading.result(), None
                if message is grpc.aio.EOF:
                    return
                watchdog.note_answer()
                yield message
                continue
            found = watching.result()
            if found is True:
                raise InactiveError("no answer in time")
            if isinstance(found, StageError):
                watching = asyncio.create_task(watchdog.hung(), name="wait for a slow stage")
                yield found
            else:
                watching = asyncio.create_task(watchdog.slow(), name="watch a stage")
    finally:
        watching.cancel()
        if reading is not None:
            reading.cancel()
        call.cancel()
