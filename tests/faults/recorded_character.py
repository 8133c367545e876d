"""An orchestrator and a player in this process, on a simulated sound device that keeps the samples that it played."""

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
CHECK_SECONDS = 0.002
STALL_SECONDS = 0.004
AUDIBLE = 100  # of 32768, -50 dB


@dataclass(frozen=True)
class ReferenceSpeech:
    """A text spoken to its end without interruption: its samples, and where each word and sentence ends."""

    text: str
    voice: str
    pcm: Pcm
    word_ends: tuple[int, ...]
    sentence_ends: tuple[int, ...]

    def heard_count(self, sample: int) -> int:
        return sum(end <= sample for end in self.word_ends)


class EventLoopLag:
    """How late the event loop of this process runs, measured every 2 ms."""

    def __init__(self) -> None:
        self._lags: deque[tuple[float, float]] = deque(maxlen=5_000)
        self.longest = 0.0

    async def watch(self) -> None:
        while True:
            due = time.monotonic() + CHECK_SECONDS
            await asyncio.sleep(CHECK_SECONDS)
            late = time.monotonic() - due
            self._lags.append((due, late))
            self.longest = max(self.longest, late)

    def within(self, first: float, last: float) -> float:
        """Return the sum of the stalls between two times; those shorter than a scheduler's time slice do not count."""
        return sum(late for at, late in self._lags if at + late > first and at < last and late > STALL_SECONDS)


@contextlib.asynccontextmanager
async def measured_lag() -> AsyncIterator[EventLoopLag]:
    """Measure the lag for the length of the block."""
    made = EventLoopLag()
    task = asyncio.create_task(made.watch())
    try:
        yield made
    finally:
        task.cancel()


@dataclass
class RecordedCharacter:
    """A character with an orchestrator and a player of its own."""

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
        """Return all samples that the device has played."""
        blocks = list(self.device.played)  # the player's thread appends meanwhile
        self._played = np.concatenate([self._played, *blocks[self._block_count :]])
        self._block_count = len(blocks)
        return self._played

    async def wait_until_silent(self) -> None:
        """Wait until the last sample has been heard."""
        await asyncio.sleep(self.device.latency + 0.05)

    async def record_reference(self, text: str, voice: str) -> ReferenceSpeech:
        """Speak a text to its end and return the recording."""
        request = ConverseRequest(session_id="reference", speak=text, voice=voice, include_media=True)
        events = [event async for event in self.stub.Converse(request, timeout=60)]
        spans = [event.timings for event in events if event.HasField("timings")]
        return ReferenceSpeech(
            text,
            voice,
            np.concatenate([np.frombuffer(event.audio.pcm, "<i2") for event in events if event.HasField("audio")]),
            tuple(word.end_sample for span in spans for word in span.timings.words),
            tuple(span.end_sample for span in spans),
        )

    async def history(self, session: str) -> list[orchestrator_pb2.HistoryEntry]:
        request = orchestrator_pb2.GetHistoryRequest(session_id=session)
        return list((await self.stub.GetHistory(request, timeout=10)).entries)

    async def wait_until_idle(self) -> None:
        """Wait until no turn and no task of a turn is left."""
        deadline = time.monotonic() + 10
        while self.service._tasks:
            assert time.monotonic() < deadline, [task.get_name() for task in self.service._tasks]
            await asyncio.sleep(0.01)

    def record_silence_delay(self, since: int, requested: float, lag: EventLoopLag) -> None:
        """Record how long after `requested` the last audible sample after device sample `since` was heard.

        The latency of the device does not count, nor the time for which the machine did not run this process.
        """
        loud = np.flatnonzero(np.abs(self.played()[since:].astype(np.int32)) > AUDIBLE)
        if loud.size:
            late = self.device.time_of(since + int(loud[-1])) - requested - LATENCY
            self.silence_delays.append(late - lag.within(requested, requested + max(late, 0)))

    def __post_init__(self) -> None:
        self.silence_delays: list[float] = []
        """Seconds from each interruption to silence, without the latency of the device."""
        self.disturbed_count = 0


@contextlib.asynccontextmanager
async def recorded_character(name: str, tts: str, face: str) -> AsyncIterator[RecordedCharacter]:
    """Run an orchestrator and a player until the block ends."""
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
                    yield RecordedCharacter(name, device, service, proxy, channel)
            finally:
                await proxy.close()
