"""A local server with OpenAI's chat completions API: it replaces the paid vendor, and fails on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ChatServer:
    """What the server answers, and the requests it got."""

    words: Sequence[str] = ("Hello", " there", ",", " my", " friend", ".", " How", " are", " you", "?")
    status: int = 200
    models: Sequence[str] = ("stand-in",)
    finish_reason: str | None = "stop"
    silent_before: int | None = None
    """Index of the word before which it falls silent for good; 0: no first byte."""
    breaks_before: int | None = None
    """Index of the word before which the connection is cut."""
    malformed_at: int | None = None
    """Index of the word in whose place nonsense is sent."""
    error_at: int | None = None
    """Index of the word in whose place an error event is sent."""
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client closed its stream before the end."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, then close."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            self.keys.append(headers.get("authorization", ""))
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            if head.startswith("get"):
                data = [{"id": model, "object": "model", "created": 0, "owned_by": "us"} for model in self.models]
                _answer(writer, self.status, {"object": "list", "data": data})
            elif self.status != 200:
                self.requests.append(json.loads(body))
                _answer(writer, self.status, {"error": {"message": "refused", "type": "test", "code": "test"}})
            else:
                self.requests.append(json.loads(body))
                await self._stream(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            writer.close()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent_before != 0:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for index, word in enumerate(self.words):
            if index == self.silent_before:
                await reader.read()  # until the client leaves
                self.left.set()
                return
            if index == self.breaks_before:
                await writer.drain()
                writer.transport.abort()
                return
            if index == self.malformed_at:
                writer.write(b'data: {"choices": [{"delta": nonsense\n\n')
            if index == self.error_at:
                writer.write(b'data: {"error": {"message": "out of memory", "type": "server_error"}}\n\n')
            writer.write(_event({"content": word}, None))
            await writer.drain()
        if self.finish_reason:
            writer.write(_event({}, self.finish_reason))
            usage = {"prompt_tokens": 7, "completion_tokens": len(self.words), "total_tokens": 7 + len(self.words)}
            writer.write(_line({**_CHUNK, "choices": [], "usage": usage}))
        writer.write(b"data: [DONE]\n\n")


_CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "stand-in"}


def _event(delta: dict[str, str], reason: str | None) -> bytes:
    return _line({**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


def _line(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def _answer(writer: asyncio.StreamWriter, status: int, value: dict[str, Any]) -> None:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    writer.write(f"{head}connection: close\r\n\r\n".encode() + body)


@contextlib.asynccontextmanager
async def serving(chat: ChatServer) -> AsyncIterator[ChatServer]:
    """Listen on a free loopback port while the block lasts."""
    server = await asyncio.start_server(chat.handle, "127.0.0.1", 0)
    chat.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield chat
    finally:
        server.close()
