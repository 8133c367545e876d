"""How long a stage may owe an answer.

Reading with a time limit would cancel a call at every quiet moment, and a turn has many: while the person listens,
nobody owes anything. A stage that owes for a while is called slow; then it is asked for its health over the same
connection. One that tells it is only busy, and gets its whole limit; one that does not is hung, or the connection is,
and is given up at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

import grpc

from neurosync.v1.orchestrator_pb2 import Stage
from services.common.errors import InactiveError
from services.orchestrator.connections import NAMES, StageError, Stages

T = TypeVar("T")
Call = grpc.aio.UnaryStreamCall[Any, T] | grpc.aio.StreamStreamCall[Any, T]


class Patience:
    """Watches one call; `lost` tells that the call was cancelled here: for owing too long, or given up on purpose."""

    def __init__(self, stages: Stages, stage: Stage.ValueType, on_slow: Callable[[StageError], None]) -> None:
        """Watch a call of `stage`; `on_slow` is told once a debt that this may take longer."""
        self._stages, self._stage, self._on_slow = stages, stage, on_slow
        self._connection = stages.connection(stage)
        self._owed, self._settled = asyncio.Event(), asyncio.Event()
        self._settled_count = 0
        self.lost = False

    def owe(self) -> None:
        """Note that an answer is owed, if it was not already."""
        self._owed.set()
        self._settled.clear()

    def settle(self) -> None:
        """Note that an answer came."""
        self._settled_count += 1
        self._owed.clear()
        self._settled.set()

    async def watch(self, call: Call[T]) -> None:
        """Cancel the call once an answer has been owed for too long."""
        while True:
            await self._owed.wait()
            if not await self._is_kept():
                self.lost = True
                self._stages.renew(self._stage, self._connection)
                call.cancel()
                return

    def gave_up(self) -> bool:
        """Return whether a cancellation that is being handled is the watcher's, not one of the task."""
        task = asyncio.current_task()
        return self.lost and not (task and task.cancelling())

    async def _is_kept(self) -> bool:
        """Wait for the answer and return whether it came; patient only with a stage that tells its health."""
        count, limit = self._settled_count, self._stages.limits[self._stage]
        slow_after = min(self._stages.slow_after, limit)
        if await self._settles(slow_after):
            return True
        waited = f"{NAMES[self._stage]} has not answered for {slow_after:g} s; it gets up to {limit:g} s if it lives"
        self._on_slow(StageError(self._stage, waited))
        began = asyncio.get_running_loop().time()
        lives = await self._stages.lives(self._stage)
        if self._settled_count != count:
            return True
        spent = slow_after + asyncio.get_running_loop().time() - began
        return lives and await self._settles(max(limit - spent, 0))

    async def _settles(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._settled.wait()
        except TimeoutError:
            return False


async def answers(call: Call[T], patience: Patience) -> AsyncGenerator[T, None]:
    """Yield what a call answers; the stage owes the next answer whenever the reader waits for it.

    Raises:
        InactiveError: The stage owed for too long.
    """
    watcher = asyncio.create_task(patience.watch(call), name="watch a stage")
    iterator = aiter(call)
    try:
        while True:
            patience.owe()
            try:
                message = await anext(iterator)
            except StopAsyncIteration:
                return
            except asyncio.CancelledError:
                if not patience.gave_up():
                    raise
                raise InactiveError("no answer in time") from None
            patience.settle()
            yield message
    finally:
        watcher.cancel()
        call.cancel()
