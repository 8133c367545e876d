"""A client of the speech service over real gRPC, and a local server with the HTTP API of ElevenLabs."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import pytest

from neurosync.v1 import media_pb2, tts_pb2, tts_pb2_grpc
from services.common.types import Pcm
from services.serving.dialing import dial
from services.serving.server import running
from services.tts.server import SpeechService
from services.tts.settings import SpeechSettings

VENDOR_RATE = 24_000


@dataclass
class SynthesisResult:
    """All responses of one call."""

    text: str
    header: tts_pb2.SpeechHeader = field(default_factory=tts_pb2.SpeechHeader)
    finished: tts_pb2.SpeechFinished = field(default_factory=tts_pb2.SpeechFinished)
    words: list[media_pb2.WordTiming] = field(default_factory=list)
    phonemes: list[media_pb2.PhonemeTiming] = field(default_factory=list)
    chunks: list[Pcm] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    @property
    def rate(self) -> int:
        return self.header.format.sample_rate_hertz

    @property
    def pcm(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self.chunks])

    @property
    def speech(self) -> Pcm:
        """The sound without the closing pause."""
        return self.pcm[: self.finished.sample_count - self.finished.pause_sample_count]

    def add(self, response: tts_pb2.SynthesizeResponse) -> None:
        """Add one response, and check that it follows from those before."""
        kind = response.WhichOneof("event")
        assert kind is not None
        self.kinds.append(kind)
        if kind == "header":
            self.header.CopyFrom(response.header)
        elif kind == "audio":
            assert response.audio.first_sample == sum(map(len, self.chunks)), "chunks follow without gap or overlap"
            self.chunks.append(np.frombuffer(response.audio.pcm, "<i2"))
        elif kind == "timings":
            self.words += response.timings.words
            self.phonemes += response.timings.phonemes
        elif kind == "finished":
            self.finished.CopyFrom(response.finished)


class Client:
    """A client of one speech service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.stub = tts_pb2_grpc.SpeechServiceStub(channel)

    def call(self, text: str, **fields: Any) -> Any:
        return self.stub.Synthesize(tts_pb2.SynthesizeRequest(text=text, **fields), timeout=60)

    async def synthesize(self, text: str, **fields: Any) -> SynthesisResult:
        result = SynthesisResult(text)
        async for response in self.call(text, **fields):
            result.add(response)
        return result

    async def refusal(self, text: str, **fields: Any) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await self.synthesize(text, **fields)
        return raised.value


Serve = Callable[..., contextlib.AbstractAsyncContextManager[Client]]


@contextlib.asynccontextmanager
async def serving(**flags: Any) -> AsyncIterator[Client]:
    """Serve with these settings, and nothing of the environment's."""
    settings = SpeechSettings(**{"listen": "127.0.0.1:0", "provider": "hibari", **flags})
    async with running(SpeechService(settings), settings) as server, dial(server.address) as channel:
        await server.warm
        yield Client(channel)


@pytest.fixture(scope="session")
def serve() -> Serve:
    return serving


@pytest.fixture(scope="session")
def level() -> Callable[[Pcm], float]:
    """RMS of a stretch of sound in dB of full scale."""
    return lambda pcm: float(20 * np.log10(np.sqrt(np.mean((pcm / 32768.0) ** 2)) + 1e-9))


@pytest.fixture(autouse=True)
def _no_keys_of_the_desktop(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)  # no .env, no neurosync.toml
    for name in ("ELEVENLABS_API_KEY", "ELEVENLABS_VOICE_ID", "ELEVENLABS_MODEL_ID", "TTS_PROVIDER", "LOCAL_TTS_URL"):
        monkeypatch.delenv(name, raising=False)


def tone(seconds: float, silence: float = 0.0) -> Pcm:
    """A steady 220 Hz tone at the vendor's rate, with silence around it."""
    time = np.arange(round(seconds * VENDOR_RATE)) / VENDOR_RATE
    quiet = np.zeros(round(silence * VENDOR_RATE), np.int16)
    loud = np.rint(9000 * np.sin(2 * np.pi * 220 * time + 1)).astype(np.int16)
    return np.concatenate([quiet, loud, quiet])


@pytest.fixture(scope="session")
def make_tone() -> Callable[..., Pcm]:
    return tone


def piece(pcm: bytes, characters: str = "", starts: Sequence[float] = (), ends: Sequence[float] = ()) -> bytes:
    """One line of an answer, as elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps shows."""
    alignment = {
        "characters": list(characters),
        "character_start_times_seconds": list(starts),
        "character_end_times_seconds": list(ends),
    }
    body = {"audio_base64": base64.b64encode(pcm).decode(), "alignment": alignment if characters else None}
    return json.dumps(body).encode() + b"\n"


@pytest.fixture(scope="session")
def make_piece() -> Callable[..., bytes]:
    return piece


Send = Callable[[bytes], Awaitable[None]]
Answer = Callable[[Send], Awaitable[None]]


@dataclass
class ReceivedRequest:
    """A request that a vendor server received."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Vendor:
    """An HTTP/1.1 server on loopback whose answers the test sets; it notices when a caller hangs up."""

    def __init__(self) -> None:
        self.received: list[ReceivedRequest] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answer: Answer = self.nothing
        self.voices: list[dict[str, Any]] | None = [
            {"voice_id": "JBFqnCBsd6RMkjVDRZzb", "name": "George", "labels": {"language": "en"}},
            {"voice_id": "voice-two", "name": "Two", "verified_languages": [{"language": "de", "model_id": "m"}]},
        ]
        self.hung_up = asyncio.Event()
        self.url = ""

    @property
    def speech_requests(self) -> list[ReceivedRequest]:
        """The requests for speech."""
        return [request for request in self.received if request.method == "POST"]

    async def nothing(self, send: Send) -> None:
        """Answer with an empty body."""

    def refuse(self, status: int, body: object, **headers: str) -> None:
        """Answer with a status."""

        async def answer(send: Send) -> None:
            await send(json.dumps(body).encode())

        self.status, self.answer, self.headers = status, answer, headers

    def lines(self, *lines: bytes) -> None:
        """Answer with these bytes, in chunks that end anywhere within lines and samples."""

        async def answer(send: Send) -> None:
            data = b"".join(lines)
            for start in range(0, len(data), 1500):
                await send(data[start : start + 1500])

        self.answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._one(head.decode(), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up.set()
        finally:
            writer.close()

    async def _one(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *rest = head.split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest) if name}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.received.append(ReceivedRequest(method, path, headers, json.loads(body) if body else None))
        if method == "GET":
            await self._list(writer)
            return
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in self.headers.items())
        writer.write(f"HTTP/1.1 {self.status} Status\r\ntransfer-encoding: chunked\r\n{extra}\r\n".encode())

        async def send(data: bytes) -> None:
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            await writer.drain()

        answering = asyncio.ensure_future(self.answer(send))
        hanging_up = asyncio.ensure_future(reader.read(1))
        done, _ = await asyncio.wait({answering, hanging_up}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
        answering.cancel()
        if answering not in done:
            self.hung_up.set()
            raise ConnectionResetError
        hanging_up.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hanging_up
        answering.result()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _list(self, writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"voices": self.voices, "has_more": False, "total_count": 2}).encode()
        status = b"401 Unauthorized" if self.voices is None else b"200 OK"
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % (status, len(body)))
        writer.write(body)
        await writer.drain()


@contextlib.asynccontextmanager
async def _vendor_server() -> AsyncGenerator[Vendor]:
    vendor = Vendor()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(vendor.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks) if tasks else None


@pytest.fixture
async def vendor() -> AsyncGenerator[Vendor]:
    async with _vendor_server() as server:
        yield server


@pytest.fixture
async def other() -> AsyncGenerator[Vendor]:
    """A second server, for the endpoint of one's own."""
    async with _vendor_server() as server:
        yield server
