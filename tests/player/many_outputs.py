"""A player with several outputs on simulated devices, and its clients."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.device import SimulatedDevice
from bench.receiver import Receiver
from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.common.errors import UnavailableError
from services.common.settings import load
from services.common.wire import audio_chunk, frame_batch
from services.player.audio.output_device import OutputDevice
from services.player.audio.ring_buffer import RingBuffer
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests.player.simulation import constant, jaw

if TYPE_CHECKING:
    Stub = player_pb2_grpc.PlayerServiceAsyncStub


RATE = 48_000


ADA, BOB = 5_000, 9_000  # how loud each speaks, so that a sample shows who it was


class Device(SimulatedDevice):
    """A device that can be lost, and taken again."""

    def __init__(self) -> None:
        super().__init__(RATE, keep=True)
        self.close_count = 0
        self.closed = threading.Event()

    def join(self, buffer: RingBuffer, position: float, now: float) -> None:
        self._buffer, self._origin = buffer, now - self.latency - position / RATE
        self._taken = int(position)

    def close(self) -> None:
        self.close_count += 1
        self.closed.set()

    @property
    def heard(self) -> dict[int, int]:
        """How many samples of each loudness it has played, silence left out."""
        return levels(np.concatenate(self.played))


def levels(pcm: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> dict[int, int]:
    values, counts = np.unique(pcm[pcm != 0], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


class Devices:
    """Devices by name; those of a name that is not among them cannot be opened."""

    def __init__(self, *names: str) -> None:
        self.devices = {name: Device() for name in names}
        self.order: list[str] = []

    def __getitem__(self, name: str) -> Device:
        return self.devices[name]

    def open_device(self, output: str, **_: object) -> OutputDevice:
        self.order.append(output)
        if output not in self.devices:
            raise UnavailableError(f"output: no sound device {output!r}; there are: {', '.join(self.devices)}")
        return self.devices[output]

    def reopen_device(self, output: str, **_: object) -> Device:
        self.devices[output] = Device()
        return self.devices[output]


@contextlib.asynccontextmanager
async def player(unreal: Receiver, devices: Devices | None = None, **changes: Any) -> AsyncIterator[Stub]:
    values: dict[str, Any] = {"output": "none", "subjects": "Ada,Bob", "targets": unreal.address, "seed": 3}
    settings = load(PlayerSettings, listen="127.0.0.1:0", **(values | changes))
    how = {"open_device": devices.open_device, "reopen_device": devices.reopen_device} if devices else {}
    async with running(PlayerService(settings, **how), settings) as server:  # type: ignore[arg-type]
        await server.warm
        async with dial(server.address) as channel:
            yield player_pb2_grpc.PlayerServiceStub(channel)


def turn(subject: str, level: int, seconds: float = 1.0, *, turn_id: str = "") -> list[pb.PerformRequest]:
    """Return a whole turn at one loudness, with the jaw open by a tenth of a thousandth of it."""
    config = pb.PerformConfig(
        turn_id=turn_id or str(uuid.uuid4()), subject=subject, format=media.AudioFormat(sample_rate_hertz=RATE)
    )
    header = media.FrameHeader(curve_names=["JawOpen"], frame_rate_hertz=60)
    requests = [pb.PerformRequest(config=config), pb.PerformRequest(frame_header=header)]
    for tenth in range(round(10 * seconds)):
        requests.append(pb.PerformRequest(frames=frame_batch(6 * tenth, jaw(np.full(6, level / 10_000)))))
        requests.append(pb.PerformRequest(audio=audio_chunk(4_800 * tenth, constant(4_800, level))))
    return [*requests, pb.PerformRequest(end=pb.PerformEnd())]


async def performed(stub: Stub, requests: list[pb.PerformRequest]) -> pb.PerformFinished:
    """Perform a turn to its end, and return its last word."""
    async with asyncio.timeout(20):
        events = [event async for event in stub.Perform(iter(requests))]
    return events[-1].finished


async def begun(call: Any) -> None:
    """Wait until some of a turn has been heard."""
    async with asyncio.timeout(20):
        async for event in call:
            if event.HasField("position") and event.position.heard_sample_count:
                return


async def last_word(call: Any) -> pb.PerformFinished:
    async with asyncio.timeout(20):
        rest = [event async for event in call]
    finished: pb.PerformFinished = rest[-1].finished
    return finished


async def status_of(stub: Stub) -> pb.GetStatusResponse:
    status: pb.GetStatusResponse = await stub.GetStatus(pb.GetStatusRequest())
    return status
