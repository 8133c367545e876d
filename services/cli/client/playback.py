"""Perform a recorded take through the player: sound and frames in parts, no further ahead than it grants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import grpc

from neurosync.v1 import media_pb2, player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.cli.main import tell
from services.common.errors import InactiveError, UnavailableError
from services.common.types import FRAME_RATE, Weights
from services.common.wire import audio_chunk, emotion_weights, frame_batch, seconds_of
from services.media.curves import CURVE_NAMES
from services.media.takes.take_folder import Take

PART_FRAMES = 6  # 100 ms; more: coarser steps against the grant, fewer: more messages
SILENT_SECONDS = 10.0  # of a player that performs, until it is given up; it tells its position ten times a second
QUEUED_SECONDS = 3600.0  # that a turn may wait for those before it
STOP_SECONDS = 2.0  # for the player to answer Stop, and to say its last word

Event = player_pb2.PerformResponse
Call = grpc.aio.StreamStreamCall[player_pb2.PerformRequest, player_pb2.PerformResponse]


class Playback:
    """One take on its way through the player."""

    def __init__(self, connection: Connection, take: Take, *, turn_id: str, subject: str = "") -> None:
        """Prepare to play `take` as the turn `turn_id` (a UUID); an empty subject is the player's own."""
        self._take, self._metadata = take, connection.metadata
        self._stub: player_pb2_grpc.PlayerServiceAsyncStub = player_pb2_grpc.PlayerServiceStub(connection.channel)
        self._config = player_pb2.PerformConfig(
            turn_id=turn_id, subject=subject, format=media_pb2.AudioFormat(sample_rate_hertz=take.rate)
        )
        self._granted_sample = 0
        self._grown = asyncio.Event()
        self._patience = SILENT_SECONDS

    async def run(self, tell: Callable[[Event], None]) -> player_pb2.PerformFinished:
        """Play to the end; `tell` hears every event.

        Raises:
            UnavailableError: The player ended the stream without its last word.
            InactiveError: It was silent for too long.
        """
        call = self._stub.Perform(metadata=self._metadata)
        sending = asyncio.create_task(self._send(call), name="send to the player")
        try:
            async for event in self._events(call):
                self._note(event)
                tell(event)
                if event.HasField("finished"):
                    return event.finished
            raise UnavailableError("the player ended the performance without its last word")
        finally:
            sending.cancel()
            call.cancel()
            await asyncio.wait({sending})

    async def stop(self) -> None:
        """Silence the take; `run` then returns what was heard, soon."""
        self._patience = STOP_SECONDS
        request = player_pb2.StopRequest(turn_id=self._config.turn_id)
        await self._stub.Stop(request, timeout=STOP_SECONDS, metadata=self._metadata)

    async def status(self) -> player_pb2.GetStatusResponse:
        """Return what the player is doing."""
        return await self._stub.GetStatus(player_pb2.GetStatusRequest(), timeout=5, metadata=self._metadata)

    async def _events(self, call: Call) -> AsyncIterator[Event]:
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    event = await call.read()
            except TimeoutError as error:
                raise InactiveError(f"the player said nothing for {self._patience:g} s") from error
            if not isinstance(event, Event):  # the end of the stream
                return
            yield event

    def _note(self, event: Event) -> None:
        """Remember what was granted, and how long the player may be silent."""
        match event.WhichOneof("event"):
            case "accepted":
                self._granted_sample = event.accepted.granted_sample
                if event.accepted.queued:
                    self._patience = QUEUED_SECONDS
            case "started":
                self._patience = SILENT_SECONDS
            case "position":
                self._granted_sample = event.position.granted_sample
        self._grown.set()

    async def _send(self, call: Call) -> None:
        """Send everything as it is granted; a broken call is reported by the side that reads."""
        try:
            await call.write(player_pb2.PerformRequest(config=self._config))
            await call.write(player_pb2.PerformRequest(frame_header=_header(self._take)))
            for first_sample, messages in parts(self._take):
                while first_sample >= self._granted_sample:
                    self._grown.clear()
                    await self._grown.wait()
                for message in messages:
                    await call.write(message)
            await call.write(player_pb2.PerformRequest(end=player_pb2.PerformEnd()))
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return


def parts(take: Take) -> Iterator[tuple[int, list[player_pb2.PerformRequest]]]:
    """Yield a take in parts of 100 ms: the first sample of each, and its messages, frames before sound.

    Emotions of a take that holds the frames as they were sent are in its curves already: the player would put them on
    the face a second time.
    """
    count = max(len(take.weights), -(-len(take.pcm) * FRAME_RATE // take.rate))
    emotions = b""
    feelings = take.emotions if take.info.recorded != "sent" else None
    for frame in range(0, count, PART_FRAMES):
        first, after = (frame * take.rate // FRAME_RATE, (frame + PART_FRAMES) * take.rate // FRAME_RATE)
        messages = []
        if feelings is not None and (row := feelings[frame : frame + 1]).tobytes() not in {b"", emotions}:
            emotions = row.tobytes()
            messages.append(player_pb2.PerformRequest(emotion=_emotion_key(first, row[0])))
        if len(weights := take.weights[frame : frame + PART_FRAMES]):
            messages.append(player_pb2.PerformRequest(frames=frame_batch(frame, weights)))
        if len(pcm := take.pcm[first:after]):
            messages.append(player_pb2.PerformRequest(audio=audio_chunk(first, pcm)))
        yield first, messages


def _header(take: Take) -> media_pb2.FrameHeader:
    source = take.info.providers.get("face", "take")
    return media_pb2.FrameHeader(curve_names=CURVE_NAMES, frame_rate_hertz=FRAME_RATE, source=source)


def _emotion_key(at_sample: int, row: Weights) -> media_pb2.EmotionKey:
    """Return one row of emotions, shape (7,), as a message."""
    return media_pb2.EmotionKey(at_sample=at_sample, weights=emotion_weights(row))


def tell_output(status: player_pb2.GetStatusResponse) -> None:
    """Say where a player's sound and face go."""
    tell(f"sound: {_told(status.output)}")
    for further in status.subject_outputs:
        tell(f"sound of {', '.join(further.subjects)}: {_told(further.output)}")
    tell(f"face: Live Link to {', '.join(sink.address for sink in status.sinks) or 'nobody'}")


def _told(output: player_pb2.AudioOutputStatus) -> str:
    if output.kind == "device":
        return f"{output.device}, {1000 * seconds_of(output.latency):.0f} ms latency"
    if output.kind == "file":
        return f"into {output.device}, so nothing will be heard"
    return f"none, so nothing will be heard ({output.message or output.kind})"
