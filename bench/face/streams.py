"""Lateness of frames when many streams use the face service in real time; `run` is one client process.

A frame is due when the audio up to its look-ahead has been sent; its lateness counts from then.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import soundfile

from bench.face import ROOT, SPEECH
from bench.machine import percentile
from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.common.types import Pcm
from services.common.wire import audio_chunk
from services.serving.dialing import dial

CHUNK_SECONDS = 0.1
WARM_UP_SECONDS = 1.0
"""From the first audio on, not measured: all streams begin within it."""
STREAMS_A_CLIENT = 40
"""Streams of one client process; more, and the client would be late itself."""
READY_SECONDS = 180.0


@dataclass
class Late:
    """Measurements of some streams, in seconds."""

    frames: list[float] = field(default_factory=list)
    """How late each frame was."""
    first: list[float] = field(default_factory=list)
    """From the first sound that was sent to the first frame, each stream."""
    refused: int = 0
    busy: float = 0.0
    """Seconds of a core that the service took for a second of one stream."""
    clients: float = 0.0
    """Seconds of a core that the busiest client took for a second: beyond a half, it is the client that is late."""

    def summary(self, streams: int) -> str:
        """Return the figures as text."""
        if not self.frames:
            return f"{streams} streams: none was admitted"
        lateness = ", ".join(f"{name} {1e3 * percentile(self.frames, share):.0f}" for name, share in SHARES)
        first = f"first frame {1e3 * percentile(self.first, 0.5):.0f} ms after the first sound was sent (median)"
        refused = f"; {self.refused} refused" if self.refused else ""
        busy = f"{1e3 * self.busy:.1f} ms of a core a second each, and {self.clients:.2f} of a core for the client"
        return f"{streams} streams: frames late by {lateness} ms; {first}; {busy}{refused}"


SHARES = (("median", 0.5), ("p95", 0.95), ("p99", 0.99), ("at most", 1.0))


@dataclass(frozen=True)
class Service:
    """The face service in a process of its own."""

    address: str
    pid: int

    def processor_seconds(self) -> float:
        """Return the processor seconds that it has used so far; Linux only."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def described(self) -> face_pb2.DescribeModelsResponse:
        """Return the service's description of its model and load."""
        async with dial(self.address) as channel:
            stub: face_pb2_grpc.FaceServiceAsyncStub = face_pb2_grpc.FaceServiceStub(channel)
            return await stub.DescribeModels(face_pb2.DescribeModelsRequest(), timeout=30)


@contextlib.asynccontextmanager
async def served(**settings: object) -> AsyncIterator[Service]:
    """Run the face service, and yield it once it is warm."""
    environment = os.environ | {f"NEUROSYNC_FACE_{name.upper()}": str(value) for name, value in settings.items()}
    environment |= {"NEUROSYNC_FACE_LISTEN": "127.0.0.1:0", "NEUROSYNC_EXIT_WITH_PARENT": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.face", cwd=ROOT, env=environment, stdin=-1, stderr=-1
    )
    assert process.stderr is not None
    try:
        address, seen = "", b""
        async with asyncio.timeout(READY_SECONDS):
            while b" ready name=" not in (line := await process.stderr.readline()):
                seen += line
                if not line:
                    raise RuntimeError(f"the face service ended: {seen.decode()}")
                if b" listening name=" in line:
                    address = line.split(b"address=")[1].strip().decode()
        logged = asyncio.create_task(process.stderr.read(), name="read the log")
        yield Service(address, process.pid)
        logged.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def measure(service: Service, streams: int, seconds: float) -> Late:
    """Return the measurements of `streams` that ran for `seconds`."""
    whole, rest = divmod(streams, STREAMS_A_CLIENT)
    clients = []
    before = service.processor_seconds()
    for count in [STREAMS_A_CLIENT] * whole + [rest] * bool(rest):
        command = (sys.executable, "-m", "bench.face.streams", service.address, str(count), str(seconds))
        clients.append(await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=-1))
    try:
        results = [json.loads((await client.communicate())[0]) for client in clients]
    finally:
        for client in clients:
            with contextlib.suppress(ProcessLookupError):
                client.kill()
    late = Late(busy=(service.processor_seconds() - before) / streams / seconds)
    for one in results:
        late.frames += one["frames"]
        late.first += one["first"]
        late.refused += one["refused"]
        late.clients = max(late.clients, one["clients"])
    return late


async def run(address: str, streams: int, seconds: float) -> Late:
    """Run streams from this process."""
    sound, rate = soundfile.read(SPEECH, dtype="int16")
    late = Late()
    each = [_requests(np.roll(sound, -number * len(sound) // streams), rate, seconds) for number in range(streams)]
    async with dial(address) as channel:
        stub: face_pb2_grpc.FaceServiceAsyncStub = face_pb2_grpc.FaceServiceStub(channel)
        await channel.channel_ready()
        gc.freeze()
        start, used = time.monotonic() + 0.5, time.process_time()
        async with asyncio.TaskGroup() as group:
            for number, requests in enumerate(each):
                group.create_task(_stream(stub, requests, start + CHUNK_SECONDS * number / streams, late))
    late.clients = (time.process_time() - used) / seconds
    return late


async def _stream(
    stub: face_pb2_grpc.FaceServiceAsyncStub, requests: list[face_pb2.AnimateRequest], begin: float, late: Late
) -> None:
    """Send audio in real time, and record when its frames arrive."""
    seconds, rate = CHUNK_SECONDS * (len(requests) - 2), requests[0].config.format.sample_rate_hertz
    call = stub.Animate(timeout=seconds + 60)
    sent: list[float] = []
    sending = asyncio.create_task(_send(call, requests, begin, sent), name="send")
    look_ahead = 0
    is_first = True
    try:
        async for event in call:
            now = time.monotonic()
            if event.HasField("header"):
                look_ahead = event.header.look_ahead_sample_count
            elif event.HasField("frames"):
                if is_first:
                    late.first.append(now - sent[0])
                    is_first = False
                for frame in range(event.frames.first_frame, event.frames.first_frame + event.frames.frame_count):
                    due = -(-(frame * rate // 60 + look_ahead) // round(CHUNK_SECONDS * rate)) - 1  # chunk
                    if due < len(sent) and sent[due] - begin >= WARM_UP_SECONDS and now < begin + seconds:
                        late.frames.append(now - sent[due])
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        late.refused += 1
    finally:
        sending.cancel()
        await asyncio.wait({sending})


async def _send(
    call: grpc.aio.StreamStreamCall[face_pb2.AnimateRequest, face_pb2.AnimateResponse],
    requests: list[face_pb2.AnimateRequest],
    begin: float,
    sent: list[float],
) -> None:
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the side that reads raises it
        await call.write(requests[0])
        for number, request in enumerate(requests[1:]):
            await asyncio.sleep(max(0.0, begin + number * CHUNK_SECONDS - time.monotonic()))
            sent.append(time.monotonic())
            await call.write(request)
        await call.done_writing()


def _requests(sound: Pcm, rate: int, seconds: float) -> list[face_pb2.AnimateRequest]:
    """Return the messages of a stream: made beforehand, so that the client has little to do meanwhile."""
    size = round(CHUNK_SECONDS * rate)
    config = face_pb2.AnimateConfig(format=media_pb2.AudioFormat(sample_rate_hertz=rate))
    chunks = np.resize(sound, (round(seconds / CHUNK_SECONDS), size))
    audio = [face_pb2.AnimateRequest(audio=audio_chunk(k * size, pcm)) for k, pcm in enumerate(chunks)]
    return [face_pb2.AnimateRequest(config=config), *audio, face_pb2.AnimateRequest(end=face_pb2.AnimateEnd())]


if __name__ == "__main__":
    seen = asyncio.run(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(vars(seen)))
