"""What gRPC takes by itself: a server that only answers, as a process: `python -m bench.bare`.

A turn's first sound crosses gRPC three times: the client's request on its way to the orchestrator, the text to the
voice and its first sound back, and that sound on its way to the player. These hops are the same with nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc

SERVICE = "bench.Bare"
REQUEST = bytes(200)
SOUND = bytes(4000)  # 80 ms at 24 kHz
DIGITS = 24  # of the time of day at which a message was read, with which its answer begins
PAUSE_SECONDS = (
    0.1  # before each hop: the second of two in a row takes half as long, and a turn's first sound is no second
)
START_SECONDS = 30.0


class Bare:
    """Hops to a server that only answers."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Hop through `channel`."""
        self._ask: Any = channel.unary_stream(f"/{SERVICE}/Answer")
        self._talk: Any = channel.stream_stream(f"/{SERVICE}/Answer")

    async def hops(self) -> float:
        """Return the seconds that a turn's three hops take together."""
        there, _ = await self._asked()
        _, there_and_back = await self._asked()
        call = self._talk(timeout=10)  # the player's stream is open before there is sound
        await call.write(REQUEST)
        await call.read()
        await asyncio.sleep(PAUSE_SECONDS)
        begun = time.time()
        await call.write(SOUND)
        sound_there = float((await call.read())[:DIGITS]) - begun
        call.cancel()
        return there + there_and_back + sound_there

    async def _asked(self) -> tuple[float, float]:
        """Return the seconds until a call's message was read, and until its first answer was here."""
        await asyncio.sleep(PAUSE_SECONDS)
        begun = time.time()
        call = self._ask(REQUEST, timeout=10)
        answer = await call.read()
        back = time.time() - begun
        call.cancel()
        return float(answer[:DIGITS]) - begun, back


@contextlib.asynccontextmanager
async def bare() -> AsyncIterator[Bare]:
    """Run the server, and yield the way to it."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bare", stdin=-1, stdout=-1)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            address = (await process.stdout.readline()).decode().strip()
        async with grpc.aio.insecure_channel(address) as channel:
            await channel.channel_ready()
            yield Bare(channel)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _answer(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
    """Answer each message at once."""
    async for _ in requests:
        yield f"{time.time():{DIGITS}.9f}".encode() + SOUND


async def main() -> None:
    """Serve until standard input ends."""
    server = grpc.aio.server()
    handler: Any = grpc.stream_stream_rpc_method_handler(_answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Answer": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(os.read, sys.stdin.fileno(), 1)
    await server.stop(0)


if __name__ == "__main__":
    asyncio.run(main())
