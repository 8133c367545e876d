"""A TCP proxy between the orchestrator and a stage: it can refuse, cut, delay, and leave connections half open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

PIECE = 1 << 16


@dataclass(eq=False)
class Link:
    """One connection: two pipes, each of which can be shut without the ends noticing."""

    writers: list[asyncio.StreamWriter]
    there: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether bytes pass from the client to the server."""
    back: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether bytes pass from the server to the client."""


class Proxy:
    """Passes bytes on until it is told otherwise; `address` is where to dial, `target` where it leads."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self.target = ""
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Take connections."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def refuse(self) -> None:
        """Be a port where nothing listens."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Break every connection."""
        for link in self._links:
            for writer in link.writers:
                writer.transport.abort()

    def half_open(self) -> None:
        """Let every connection of now fall silent for ever, as after a power failure; new ones work."""
        for link in self._links:
            link.there.clear()
            link.back.clear()

    def dry(self) -> None:
        """Let nothing more come back over the connections of now."""
        for link in self._links:
            link.back.clear()

    def slow(self, seconds: float) -> None:
        """Hold back what comes next over the connections of now, for `seconds`."""
        loop = asyncio.get_running_loop()
        for link in self._links:
            link.back.clear()
            loop.call_later(seconds, link.back.set)

    async def heal(self) -> None:
        """Pass bytes on again; connections that were silenced have lost bytes and are broken."""
        if any(not (link.there.is_set() and link.back.is_set()) for link in self._links):
            self.cut()
        await self.listen()

    async def close(self) -> None:
        """End."""
        await self.refuse()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        link = Link([writer, far_writer])
        link.there.set()
        link.back.set()
        self._links.add(link)
        task = asyncio.create_task(self._run(link, reader, far_reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, link: Link, near: asyncio.StreamReader, far: asyncio.StreamReader) -> None:
        """Pass bytes both ways until one end has gone."""
        pipes = [
            asyncio.create_task(self._pipe(near, link.writers[1], link.there)),
            asyncio.create_task(self._pipe(far, link.writers[0], link.back)),
        ]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            await asyncio.wait(pipes)
            for writer in link.writers:
                writer.transport.abort()
            self._links.discard(link)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                await is_open.wait()
                writer.write(data)
                await writer.drain()


@contextlib.asynccontextmanager
async def proxies(*names: str) -> AsyncIterator[dict[str, Proxy]]:
    """Run a proxy for each name."""
    made = {name: Proxy() for name in names}
    for proxy in made.values():
        await proxy.listen()
    try:
        yield made
    finally:
        for proxy in made.values():
            await proxy.close()
