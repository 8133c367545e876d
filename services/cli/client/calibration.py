"""A test pattern through the player: once a second a click, and on the same moment an open jaw and closed eyes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import grpc
import numpy as np

from neurosync.v1 import media_pb2, player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.common.errors import InactiveError, UnavailableError
from services.common.types import FRAME_RATE, Pcm, Weights
from services.common.wire import audio_chunk, frame_batch, seconds_of
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX

SAMPLE_RATE = 48_000  # hertz: a millisecond is 48 whole samples, and a frame 800
SPIKE_AT = 30  # frame of each second, so that a shift of 200 ms either way stays within it
SPIKE_FRAMES = 6  # 100 ms: shorter is missed by eye and by a camera at 30 Hz, longer has no clear moment
CLICK_SECONDS = 0.01
CLICK_HERTZ = 1000.0
CLICK_LEVEL = 16_000
SPIKE = {"JawOpen": 0.9, "EyeBlinkLeft": 1.0, "EyeBlinkRight": 1.0}
LIMIT_MS = 200  # of the player's setting, either way
AHEAD_SECONDS = 0.5  # of sound sent ahead, so that a new shift is heard in the second after the next
SILENT_SECONDS = 10.0  # of a player that performs; it tells its position ten times a second


def second_of_pattern(shift_ms: float) -> tuple[Pcm, Weights]:
    """Return one second: sound, shape (48000,), and frames, shape (60, 61).

    Args:
        shift_ms: How much later than the spike the click comes; negative: earlier.
    """
    pcm = np.zeros(SAMPLE_RATE, np.int16)
    time = np.arange(round(CLICK_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    click = CLICK_LEVEL * np.cos(2 * np.pi * CLICK_HERTZ * time) * (1 - time / CLICK_SECONDS)  # begins at full height
    start = SPIKE_AT * SAMPLE_RATE // FRAME_RATE + round(shift_ms * SAMPLE_RATE / 1000)
    pcm[start : start + len(click)] = click.astype(np.int16)
    weights = np.zeros((FRAME_RATE, CURVE_COUNT), np.float32)
    for name, value in SPIKE.items():
        weights[SPIKE_AT : SPIKE_AT + SPIKE_FRAMES, INDEX[name]] = value
    return pcm, weights


class Calibration:
    """The pattern on its way through the player; `shift_ms` may be changed while it plays."""

    def __init__(self, player: Connection, *, subject: str = "", shift_ms: float = 0.0) -> None:
        """Prepare to play for `subject` (empty: the player's own)."""
        self.shift_ms = shift_ms
        """How much later than the spike the click comes, -200 to 200."""
        self.click_count = 0
        """Clicks sent so far."""
        self.offset_ms = 0.0
        """The player's own renderer offset, known once `status` was asked."""
        self._metadata = player.metadata
        self._stub: player_pb2_grpc.PlayerServiceAsyncStub = player_pb2_grpc.PlayerServiceStub(player.channel)
        self._config = player_pb2.PerformConfig(
            turn_id=str(uuid.uuid4()),
            subject=subject,
            format=media_pb2.AudioFormat(sample_rate_hertz=SAMPLE_RATE),
            policy=player_pb2.BUSY_POLICY_REPLACE,
        )
        self._heard = 0
        self._moved = asyncio.Event()

    @property
    def wanted_ms(self) -> float:
        """The renderer offset at which click and spike coincide without a shift, if they do now."""
        return self.offset_ms + self.shift_ms

    async def status(self) -> player_pb2.GetStatusResponse:
        """Return what the player is doing."""
        status = await self._stub.GetStatus(player_pb2.GetStatusRequest(), timeout=5, metadata=self._metadata)
        self.offset_ms = 1000 * seconds_of(status.clock.renderer_offset)
        return status

    async def run(self, seconds: int, tell: Callable[[str], None]) -> player_pb2.PerformFinished:
        """Play for `seconds`; `tell` hears what goes wrong.

        Raises:
            UnavailableError: The player ended the stream without its last word.
            InactiveError: It was silent for too long.
        """
        call = self._stub.Perform(metadata=self._metadata)
        sending = asyncio.create_task(self._send(call, seconds), name="send the pattern")
        try:
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    event = await call.read()
                if not isinstance(event, player_pb2.PerformResponse):
                    raise UnavailableError("the player ended the pattern without its last word")
                match event.WhichOneof("event"):
                    case "position":
                        self._heard = event.position.heard_sample_count
                        self._moved.set()
                    case "notice":
                        tell(f"note: {event.notice.message}")
                    case "finished":
                        return event.finished
        except TimeoutError as error:
            raise InactiveError(f"the player said nothing for {SILENT_SECONDS:g} s") from error
        finally:
            sending.cancel()
            call.cancel()
            await asyncio.wait({sending})

    async def stop(self) -> None:
        """Silence the pattern; `run` then returns soon."""
        request = player_pb2.StopRequest(turn_id=self._config.turn_id)
        await self._stub.Stop(request, timeout=5, metadata=self._metadata)

    async def _send(
        self, call: grpc.aio.StreamStreamCall[player_pb2.PerformRequest, player_pb2.PerformResponse], seconds: int
    ) -> None:
        """Send second after second; a broken call is reported by the side that reads."""
        header = media_pb2.FrameHeader(curve_names=CURVE_NAMES, frame_rate_hertz=FRAME_RATE, source="calibration")
        try:
            await call.write(player_pb2.PerformRequest(config=self._config))
            await call.write(player_pb2.PerformRequest(frame_header=header))
            for second in range(seconds):
                while second * SAMPLE_RATE - self._heard > AHEAD_SECONDS * SAMPLE_RATE:
                    self._moved.clear()
                    await self._moved.wait()
                pcm, weights = second_of_pattern(self.shift_ms)
                await call.write(player_pb2.PerformRequest(frames=frame_batch(second * FRAME_RATE, weights)))
                await call.write(player_pb2.PerformRequest(audio=audio_chunk(second * SAMPLE_RATE, pcm)))
                self.click_count += 1
            await call.write(player_pb2.PerformRequest(end=player_pb2.PerformEnd()))
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return
