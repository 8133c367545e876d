"""A TCP proxy between the orchestrator and a stage that can refuse, cut, delay or silence connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

READ_BYTES = 1 << 16


@dataclass(eq=False)
class Link:
    """One connection: two directions, each of which can be blocked without the ends noticing."""

    writers: list[asyncio.StreamWriter]
    to_server: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether bytes pass from the client to the server."""
    to_client: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether bytes pass from the server to the client."""


class Proxy:
    """Forwards bytes from `address` to `target`, until one of its faults is switched on."""

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
        """Accept connections."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def refuse(self) -> None:
        """Stop listening and break every connection."""
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
        """Block every open connection for good, as after a power failure; new ones work."""
        for link in self._links:
            link.to_server.clear()
            link.to_client.clear()

    def dry(self) -> None:
        """Block the direction to the client on every open connection."""
        for link in self._links:
            link.to_client.clear()

    def slow(self, seconds: float) -> None:
        """Hold back bytes to the client on every open connection, for `seconds`."""
        loop = asyncio.get_running_loop()
        for link in self._links:
            link.to_client.clear()
            loop.call_later(seconds, link.to_client.set)

    async def heal(self) -> None:
        """Forward bytes again; blocked connections have lost bytes and are broken."""
        if any(not (link.to_server.is_set() and link.to_client.is_set()) for link in self._links):
            self.cut()
        await self.listen()

    async def close(self) -> None:
        """Close all connections and stop listening."""
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
        link.to_server.set()
        link.to_client.set()
        self._links.add(link)
        task = asyncio.create_task(self._run(link, reader, far_reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, link: Link, near: asyncio.StreamReader, far: asyncio.StreamReader) -> None:
        """Forward bytes both ways until one end closes."""
        pipes = [
            asyncio.create_task(self._pipe(near, link.writers[1], link.to_server)),
            asyncio.create_task(self._pipe(far, link.writers[0], link.to_client)),
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
            while data := await reader.read(READ_BYTES):
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
