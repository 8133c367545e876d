"""How long a stage may owe an answer.

Reading with a time limit would cancel a call at every quiet moment, and a turn has many: while the person listens,
nobody owes anything.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc


class Patience:
    """Watches one call; `lost` tells that the call was cancelled here: for owing too long, or given up on purpose."""

    def __init__(self, limit: float) -> None:
        """Allow `limit` seconds from a debt to its settlement."""
        self._limit = limit
        self._owed, self._settled = asyncio.Event(), asyncio.Event()
        self.lost = False

    def owe(self) -> None:
        """Note that an answer is owed, if it was not already."""
        self._owed.set()
        self._settled.clear()

    def settle(self) -> None:
        """Note that an answer came."""
        self._owed.clear()
        self._settled.set()

    async def watch(self, call: grpc.aio.StreamStreamCall[Any, Any]) -> None:
        """Cancel the call once an answer has been owed for too long."""
        while True:
            await self._owed.wait()
            try:
                async with asyncio.timeout(self._limit):
                    await self._settled.wait()
            except TimeoutError:
                self.lost = True
                call.cancel()
                return
