"""The latency of gRPC alone: calls to a server that only responds, a process of `python -m bench.latency.bare_grpc`.

The first sound of a turn crosses gRPC three times: the request of the client to the orchestrator, the text to the voice
with its first sound back, and that sound to the player. Here the same three calls are made with no work behind them.
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
DIGITS = 24  # of the time at which a message was read, with which its response starts
PAUSE_SECONDS = 0.1
"""Pause before each call: a call right after another takes half as long, and those of a turn do not follow another."""
START_SECONDS = 30.0


class Bare:
    """Calls to a server that only responds."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Make the calls through `channel`."""
        self._ask: Any = channel.unary_stream(f"/{SERVICE}/Answer")
        self._stream: Any = channel.stream_stream(f"/{SERVICE}/Answer")

    async def hops(self) -> float:
        """Return the seconds that the three calls of a turn take together."""
        request, _ = await self._call_seconds()
        _, round_trip = await self._call_seconds()
        call = self._stream(timeout=10)  # the stream to the player is open before there is sound
        await call.write(REQUEST)
        await call.read()
        await asyncio.sleep(PAUSE_SECONDS)
        begun = time.time()
        await call.write(SOUND)
        sound = float((await call.read())[:DIGITS]) - begun
        call.cancel()
        return request + round_trip + sound

    async def _call_seconds(self) -> tuple[float, float]:
        """Return the seconds until the request was read, and until the first response arrived."""
        await asyncio.sleep(PAUSE_SECONDS)
        begun = time.time()
        call = self._ask(REQUEST, timeout=10)
        answer = await call.read()
        back = time.time() - begun
        call.cancel()
        return float(answer[:DIGITS]) - begun, back


@contextlib.asynccontextmanager
async def bare() -> AsyncIterator[Bare]:
    """Run the server, and yield the calls to it."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.latency.bare_grpc", stdin=-1, stdout=-1)
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
    """Respond to each message at once."""
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
