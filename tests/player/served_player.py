"""A player over gRPC, a receiver of its datagrams, and the messages of a turn."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import uuid
from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Any, TypeVar

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.common.settings import load
from services.common.wire import audio_chunk, frame_batch
from services.media.curves import INDEX
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests.player.simulation import constant, jaw

livelink_receiver = importlib.import_module("tests.livelink_receiver")  # an outside program, without types


RATE = 24_000


JAW = INDEX["JawOpen"]


T = TypeVar("T")


if TYPE_CHECKING:
    Stub = player_pb2_grpc.PlayerServiceAsyncStub


class Unreal:
    """Takes datagrams as Unreal would."""

    def __init__(self, sock: socket.socket) -> None:
        self.address = f"127.0.0.1:{sock.getsockname()[1]}"
        self._socket = sock

    async def packets(self, count: int) -> list[dict[str, Any]]:
        """Return the next `count` datagrams."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(count / 60 + 5):
            return [livelink_receiver.decode(await loop.sock_recv(self._socket, 2048)) for _ in range(count)]


@contextlib.asynccontextmanager
async def player(unreal: Unreal, **changes: Any) -> AsyncIterator[tuple[Stub, PlayerService]]:
    settings = load(PlayerSettings, listen="127.0.0.1:0", output="none", targets=unreal.address, seed=3, **changes)
    service = PlayerService(settings)
    async with running(service, settings) as server:
        await server.warm
        async with dial(server.address) as channel:
            yield player_pb2_grpc.PlayerServiceStub(channel), service


def config(**changes: Any) -> pb.PerformRequest:
    values: dict[str, Any] = {"turn_id": str(uuid.uuid4()), "format": media.AudioFormat(sample_rate_hertz=RATE)}
    return pb.PerformRequest(config=pb.PerformConfig(**(values | changes)))


def sound(first: int, count: int = 2400) -> pb.PerformRequest:
    return pb.PerformRequest(audio=audio_chunk(first, constant(count)))


def frames(first: int, values: Any) -> pb.PerformRequest:
    return pb.PerformRequest(frames=frame_batch(first, jaw(values)))


HEADER = pb.PerformRequest(frame_header=media.FrameHeader(curve_names=["JawOpen"], frame_rate_hertz=60))


END = pb.PerformRequest(end=pb.PerformEnd())


def performance(seconds: float, values: Any = (), **changes: Any) -> list[pb.PerformRequest]:
    """Return a whole turn, in chunks of 100 ms."""
    requests = [config(voice_only=not len(values), **changes)]
    if len(values):
        requests.append(HEADER)
    for number in range(round(seconds * 10)):
        if len(values):
            requests.append(frames(number * 6, values[number * 6 : number * 6 + 6]))
        requests.append(sound(number * 2400))
    return [*requests, END]


async def performed(stub: Stub, requests: list[pb.PerformRequest]) -> list[pb.PerformResponse]:
    async with asyncio.timeout(20):
        return [response async for response in stub.Perform(iter(requests))]


async def taken(call: AsyncIterable[T], count: int) -> list[T]:
    """Return the next `count` messages of a call that goes on."""
    messages: list[T] = []
    async with asyncio.timeout(20):
        async for message in call:
            messages.append(message)
            if len(messages) == count:
                break
    return messages


def of(events: list[Any], kind: str) -> list[Any]:
    return [getattr(event, kind) for event in events if event.WhichOneof("event") == kind]
