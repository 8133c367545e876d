"""One orchestrator and one player in this process, on a device whose samples are kept: what was heard is looked up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import numpy as np

from bench.device import SimulatedDevice
from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest
from services.common.settings import load
from services.common.types import Pcm
from services.orchestrator.server import OrchestratorService
from services.orchestrator.settings import OrchestratorSettings
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests.faults.proxy import Proxy

RATE = 24_000
LATENCY = 0.02
LOOK_SECONDS = 0.002
STALL_SECONDS = 0.004
AUDIBLE = 100  # of 32768, -50 dB


@dataclass(frozen=True)
class Truth:
    """A text spoken to its end: its sound, and when each word ends."""

    text: str
    voice: str
    pcm: Pcm
    word_ends: tuple[int, ...]
    sentence_ends: tuple[int, ...]

    def heard_count(self, sample: int) -> int:
        return sum(end <= sample for end in self.word_ends)


class Lag:
    """How late this process's event loop runs, looked at every 2 ms."""

    def __init__(self) -> None:
        self._lags: deque[tuple[float, float]] = deque(maxlen=5_000)
        self.longest = 0.0

    async def watch(self) -> None:
        while True:
            due = time.monotonic() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            late = time.monotonic() - due
            self._lags.append((due, late))
            self.longest = max(self.longest, late)

    def within(self, first: float, last: float) -> float:
        """Return the sum of the stalls, longer than a scheduler's slice, between two moments."""
        return sum(late for at, late in self._lags if at + late > first and at < last and late > STALL_SECONDS)


@contextlib.asynccontextmanager
async def lagging() -> AsyncIterator[Lag]:
    """Watch for a while."""
    made = Lag()
    task = asyncio.create_task(made.watch())
    try:
        yield made
    finally:
        task.cancel()


@dataclass
class Lane:
    """A character with a process of its own, so to say."""

    name: str
    device: SimulatedDevice
    service: OrchestratorService
    proxy: Proxy
    channel: grpc.aio.Channel
    _played: Pcm = field(default_factory=lambda: np.zeros(0, np.int16))
    _block_count: int = 0

    @property
    def stub(self) -> orchestrator_pb2_grpc.OrchestratorServiceAsyncStub:
        return orchestrator_pb2_grpc.OrchestratorServiceStub(self.channel)

    def played(self) -> Pcm:
        """All that the device took, as one array."""
        blocks = list(self.device.played)  # the player's thread appends meanwhile
        self._played = np.concatenate([self._played, *blocks[self._block_count :]])
        self._block_count = len(blocks)
        return self._played

    async def silent(self) -> None:
        """Wait until what was said last is at the ear."""
        await asyncio.sleep(self.device.latency + 0.05)

    async def learn(self, text: str, voice: str) -> Truth:
        """Speak a text to its end."""
        request = ConverseRequest(session_id="truth", speak=text, voice=voice, include_media=True)
        events = [event async for event in self.stub.Converse(request, timeout=60)]
        spans = [event.timings for event in events if event.HasField("timings")]
        return Truth(
            text,
            voice,
            np.concatenate([np.frombuffer(event.audio.pcm, "<i2") for event in events if event.HasField("audio")]),
            tuple(word.end_sample for span in spans for word in span.timings.words),
            tuple(span.end_sample for span in spans),
        )

    async def history(self, session: str) -> list[orchestrator_pb2.HistoryEntry]:
        request = orchestrator_pb2.GetHistoryRequest(session_id=session)
        return list((await self.stub.GetHistory(request, timeout=10)).entries)

    async def idle(self) -> None:
        """Wait until no turn and no duty of one is left."""
        deadline = time.monotonic() + 10
        while self.service._tasks:
            assert time.monotonic() < deadline, [task.get_name() for task in self.service._tasks]
            await asyncio.sleep(0.01)

    def note_silence(self, since: int, asked: float, lag: Lag) -> None:
        """Note how long after `asked` the last audible sample after device sample `since` was at the ear.

        Not counted are the device's latency and the time for which the machine did not let this process run.
        """
        loud = np.flatnonzero(np.abs(self.played()[since:].astype(np.int32)) > AUDIBLE)
        if loud.size:
            late = self.device.time_of(since + int(loud[-1])) - asked - LATENCY
            self.silences.append(late - lag.within(asked, asked + max(late, 0)))

    def __post_init__(self) -> None:
        self.silences: list[float] = []
        """Seconds from each interruption to silence, less the device's latency."""
        self.disturbed_count = 0


@contextlib.asynccontextmanager
async def lane(name: str, tts: str, face: str) -> AsyncIterator[Lane]:
    """Run one."""
    device = SimulatedDevice(RATE, latency=LATENCY, keep=True)
    heard = load(PlayerSettings, listen="127.0.0.1:0", targets="127.0.0.1:9", subjects=name, seed=1)
    async with running(PlayerService(heard, open_device=lambda *_, **__: device), heard) as player:
        await player.warm
        flags = {"llm": "127.0.0.1:1", "tts": tts, "face": face, "player": player.address}
        settings = load(OrchestratorSettings, listen="127.0.0.1:0", **flags)
        service = OrchestratorService(settings)
        proxy = Proxy()
        async with running(service, settings) as server:
            proxy.target = server.address
            await proxy.listen()
            try:
                async with dial(server.address) as channel:
                    yield Lane(name, device, service, proxy, channel)
            finally:
                await proxy.close()
