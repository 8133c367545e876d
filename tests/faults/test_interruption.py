"""Two hundred interruptions at random times, of every kind, on two characters at once."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import sys
import time
import wave
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from neurosync.v1 import face_pb2, face_pb2_grpc, orchestrator_pb2, orchestrator_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest
from services.cli.processes.service_process import service_named
from services.cli.processes.stack import Stack, started
from services.common.types import Pcm
from services.serving.dialing import dial
from tests.faults.proxied_stack import until
from tests.faults.recorded_character import (
    RATE,
    EventLoopLag,
    RecordedCharacter,
    ReferenceSpeech,
    measured_lag,
    recorded_character,
)

COUNT = 200
CHARACTERS = 2
SEED = 20261122
FADE = round(0.016 * RATE)
RAMP = round(0.006 * RATE)  # into and out of a pause without sound
PAUSE = round(0.02 * RATE)
MAX_SILENCE_DELAY = 0.03  # seconds beyond the device's latency until silence
KINDS = ("before sound", "first word", "anywhere", "between", "twice", "replaced", "cancelled", "death", "stalled")
TEXTS = (
    "Tomorrow the old fox goes home. Nobody knows why, and nobody asks.",
    "Seven little lanterns burn. The river is wide! Can you see it?",
    "Please, wait a moment. I have something to tell you about the moon.",
)
HELD = "This one never comes."


class Vendor:
    """An HTTP speech server that answers with a tone for each text, and never answers `HELD`."""

    def __init__(self) -> None:
        self.open_count = 0
        self.held_count = 0
        self.connection_count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connection_count += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(int(x.split(b":")[1]) for x in head.lower().splitlines() if b"content-length" in x)
                text = (await reader.readexactly(length)).decode()
                self.open_count += 1
                try:
                    if HELD in text:
                        self.held_count += 1
                        await reader.read()  # until the client has gone
                        return
                    writer.write(self._answer(text))
                    await writer.drain()
                finally:
                    self.open_count -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connection_count -= 1
            writer.close()

    @staticmethod
    def _answer(text: str) -> bytes:
        phase = 2 * np.pi * (200 + len(text) * 7) * np.arange(RATE * len(text) // 16) / RATE
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(np.rint(6000 * np.sin(phase)).astype("<i2").tobytes())
        body = file.getvalue()
        return b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@contextlib.asynccontextmanager
async def vendor() -> AsyncIterator[tuple[Vendor, str]]:
    made = Vendor()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    try:
        yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/speak"
    finally:
        server.close()


class Trial:
    """One interruption of one character."""

    def __init__(
        self,
        on: RecordedCharacter,
        reference: ReferenceSpeech,
        kind: str,
        dice: random.Random,
        number: int,
        lag: EventLoopLag,
    ) -> None:
        self.lag = lag
        self.character, self.reference, self.kind, self.dice = on, reference, kind, dice
        self.session = f"{on.name}-{number}"
        self.turn_id = ""
        self._started = asyncio.Event()
        self._underruns = 0
        self._channel: grpc.aio.Channel | None = None

    async def run(self, errors: list[str]) -> None:
        character = self.character
        await character.wait_until_silent()
        since, self._underruns = len(character.played()), character.device.underrun_count
        following = asyncio.create_task(self._follow())
        await self._wait_for_its_time()
        asked = time.monotonic()
        await self._interrupt(following)
        await asyncio.wait({following})
        await character.wait_until_idle()
        await character.wait_until_silent()
        if self._channel is not None:
            await self._channel.close()
        character.record_silence_delay(since, asked, self.lag)
        await self._check(since, errors)

    async def _follow(self) -> None:
        channel = self.character.channel
        if self.kind == "death":
            self._channel = channel = dial(self.character.proxy.address)
        text = self.reference.text
        if self.kind == "stalled":
            text = f"{HELD} {text}" if self.dice.random() < 0.5 else f"{text} {HELD}"
        voice = "local" if self.kind == "stalled" else self.reference.voice
        request = ConverseRequest(session_id=self.session, speak=text, voice=voice)
        call = orchestrator_pb2_grpc.OrchestratorServiceStub(channel).Converse(request, timeout=60)
        try:
            async for event in call:
                if event.HasField("accepted"):
                    self.turn_id = event.accepted.turn_id
                if event.HasField("started"):
                    self._started.set()
        except grpc.aio.AioRpcError:
            assert self.kind == "death"
        finally:
            call.cancel()

    async def _wait_for_its_time(self) -> None:
        """Wait for the time of the interruption."""
        await until(lambda: self.turn_id, 10, "the turn exists")
        if self.kind in ("before sound", "stalled"):
            await asyncio.sleep(self.dice.uniform(0, 0.08))
            return
        async with asyncio.timeout(10):
            await self._started.wait()
        ends = [end / RATE for end in self.reference.sentence_ends]
        spans = {"first word": (0, 0.25), "between": (ends[0] - 0.4, ends[0] + 0.1)}
        await asyncio.sleep(max(self.dice.uniform(*spans.get(self.kind, (0, 1.2))), 0))

    async def _interrupt(self, following: asyncio.Task[None]) -> None:
        """Interrupt the turn in the way of its kind."""
        stub, request = self.character.stub, orchestrator_pb2.InterruptRequest(session_id=self.session)
        if self.kind == "cancelled":
            following.cancel()
        elif self.kind == "death":
            self.character.proxy.cut()
        elif self.kind == "replaced":  # and the new one is interrupted during its start
            second = stub.Converse(ConverseRequest(session_id=self.session, speak=HELD, voice="local"), timeout=20)
            await stub.Interrupt(request, timeout=10)
            second.cancel()
        elif self.kind == "twice":
            await asyncio.gather(stub.Interrupt(request, timeout=10), stub.Interrupt(request, timeout=10))
        else:
            await stub.Interrupt(request, timeout=10)

    async def _check(self, since: int, errors: list[str]) -> None:
        """Check the played samples against the reference, and the history against its words."""
        entries = [e for e in await self.character.history(self.session) if e.turn_id == self.turn_id]
        played = self.character.played()[since:]
        if self.kind == "stalled":
            return
        heard = round(entries[0].heard.ToNanoseconds() * RATE / 1e9) if entries else 0
        played_end = self._played_end(played) if self.character.device.underrun_count == self._underruns else None
        if played_end is None:
            self.character.disturbed_count += 1
        elif entries:
            assert heard >= played_end > heard - FADE - RAMP - self._pause(heard), (self.kind, heard, played_end)
        text = entries[0].exchange.assistant_text if entries else ""
        assert self.reference.text.startswith(text)
        heard = heard if entries else max((played_end or 0) - PAUSE, 0)
        if len(text.split()) != self.reference.heard_count(heard):
            errors.append(f"{self.kind}: {text!r} for {heard} samples, {self.reference.heard_count(heard)} words")

    def _played_end(self, played: Pcm) -> int | None:
        """Return the sample of the text up to which the device played it; None if the machine made it pause within.

        Fails if the device played anything else.
        """
        reference, loud = self.reference.pcm, np.flatnonzero(played)
        if not loud.size:
            return 0
        shift, last = int(loud[0]) - int(np.flatnonzero(reference)[0]), int(loud[-1])
        sure = max(min(last - 3 * FADE, len(reference) + shift), int(loud[0]))
        same = played[int(loud[0]) : sure] == reference[int(loud[0]) - shift : sure - shift]
        if same.all():
            return last + 1 - shift
        broken = int(loud[0]) + int(np.argmin(same))
        starved = not played[broken : broken + RAMP + 1].all()
        assert starved, f"{self.kind}: sound of another turn, {last - broken} samples before the end"
        return None

    def _pause(self, heard: int) -> int:
        """Return how many silent samples the text has before sample `heard`."""
        loud = np.flatnonzero(self.reference.pcm[:heard])
        return heard - int(loud[-1]) if loud.size else heard


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts open files in /proc")
@pytest.mark.timeout(400)
@pytest.mark.slow  # its limits are real time: `make test-faults`, on a machine that is quiet
async def test_two_hundred_interruptions_leave_silence_and_a_correct_history_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with contextlib.AsyncExitStack() as resources:
        enter = resources.enter_async_context
        provider, url = await enter(vendor())
        monkeypatch.setenv("LOCAL_TTS_URL", url)
        monkeypatch.setenv("TTS_PROVIDER", "local")
        services = [service_named("tts"), service_named("face")]
        stack = await enter(started(Stack(notify=lambda _: None, services=services, free_ports=True)))
        interval = sys.getswitchinterval()
        resources.callback(sys.setswitchinterval, interval)
        sys.setswitchinterval(0.0005)  # as the player's own process has it
        names = [f"Character{number}" for number in range(CHARACTERS)]
        characters = [
            await enter(recorded_character(name, stack.addresses["tts"], stack.addresses["face"])) for name in names
        ]
        voices = ["heart" if number % 2 else "local" for number in range(CHARACTERS)]
        references = [
            [await one.record_reference(text, voice) for text in TEXTS[:2]]
            for one, voice in zip(characters[:2], voices, strict=False)
        ]
        lag = await enter(measured_lag())
        before = leftovers(provider)
        dice = random.Random(SEED)
        errors: list[str] = []
        kinds = [KINDS[number % len(KINDS)] for number in range(COUNT)]
        dice.shuffle(kinds)

        async def work(index: int) -> None:
            for number, kind in enumerate(kinds[index::CHARACTERS]):
                own = random.Random(SEED + 1000 * index + number)
                await Trial(characters[index], own.choice(references[index % 2]), kind, own, number, lag).run(errors)

        async with asyncio.TaskGroup() as group:
            for index in range(CHARACTERS):
                group.create_task(work(index))
        delays = sorted(late for one in characters for late in one.silence_delays)
        late = [1000 * delays[int(share * (len(delays) - 1))] for share in (0.5, 0.99, 1)]
        print(f"\n{COUNT} interruptions: {dict(Counter(kinds))}; load {os.getloadavg()[0]:.1f}")
        print("ms to silence beyond the device's latency: p50 {:.1f}, p99 {:.1f}, max {:.1f}".format(*late))
        disturbed = sum(one.disturbed_count for one in characters)
        print(f"{disturbed} turns paused because the machine was overloaded; longest stall {1000 * lag.longest:.0f} ms")
        print("\n".join(errors))
        async with dial(stack.addresses["face"]) as channel:
            face = face_pb2_grpc.FaceServiceStub(channel)

            async def free() -> bool:
                return not (await face.DescribeModels(face_pb2.DescribeModelsRequest())).active_stream_count

            await until(free, 5, "no stream of the face is left")
        await until(lambda: provider.open_count == 0, 5, "no request to the provider is left")
        assert provider.held_count > 5
        await until(lambda: leftovers(provider)[0] == 0, 5, "no task of a turn is left")
        await until(lambda: leftovers(provider)[1] <= before[1], 5, "no socket of a turn is left")
        assert not errors
        assert delays[len(delays) // 2] <= MAX_SILENCE_DELAY
        assert delays[-1] <= MAX_SILENCE_DELAY + lag.longest, "longer only by stalls of this process"


def leftovers(provider: Vendor) -> tuple[int, int]:
    """Return the number of tasks of turns and of open files, without connections to the provider."""
    turns = [task for task in asyncio.all_tasks() if len(task.get_name().split()[-1]) == 36]
    return len(turns), len(list(Path("/proc/self/fd").iterdir())) - provider.connection_count
