"""The test pattern of `neurosync calibrate`: once a second a click and, at the same moment, a spike of the face."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import numpy as np

from neurosync.v1 import player_pb2
from services.cli.client.connection import Connection
from services.cli.client.perform_call import Event, PerformCall
from services.common.types import FRAME_RATE, Pcm, Weights
from services.common.wire import audio_chunk, frame_batch, seconds_of
from services.media.curves import CURVE_COUNT, INDEX

SAMPLE_RATE = 48_000  # hertz: a millisecond is 48 whole samples, and a frame 800
SPIKE_AT = 30  # frame of each second, so that a shift of 200 ms either way stays within it
SPIKE_FRAMES = 6  # 100 ms: shorter is missed by eye and by a camera at 30 Hz, longer has no clear moment
CLICK_SECONDS = 0.01
CLICK_HERTZ = 1000.0
CLICK_LEVEL = 16_000
SPIKE = {"JawOpen": 0.9, "EyeBlinkLeft": 1.0, "EyeBlinkRight": 1.0}
LIMIT_MS = 200  # of the player's setting, either way
AHEAD_SECONDS = 0.5  # of sound sent ahead, so that a new shift is heard in the second after the next


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
    """The pattern that the player performs; `shift_ms` may be changed while it plays."""

    def __init__(self, player: Connection, *, character: str = "", shift_ms: float = 0.0) -> None:
        """Prepare to play for a character (empty: the player's default)."""
        self.shift_ms = shift_ms
        """How much later than the spike the click comes, -200 to 200."""
        self.click_count = 0
        """Clicks sent so far."""
        self.offset_ms = 0.0
        """The player's own renderer offset, once `status` has read it."""
        self._call = PerformCall(
            player,
            sample_rate=SAMPLE_RATE,
            source="calibration",
            character=character,
            policy=player_pb2.BUSY_POLICY_REPLACE,
        )
        self.stop = self._call.stop

    @property
    def wanted_ms(self) -> float:
        """The renderer offset at which click and spike coincide without a shift, if they do now."""
        return self.offset_ms + self.shift_ms

    async def status(self) -> player_pb2.GetStatusResponse:
        """Return what the player is doing, and read its renderer offset."""
        status = await self._call.status()
        self.offset_ms = 1000 * seconds_of(status.clock.renderer_offset)
        return status

    async def run(self, seconds: int, on_event: Callable[[Event], None]) -> player_pb2.PerformFinished:
        """Play for `seconds`; see `PerformCall.run`."""
        return await self._call.run(self._messages(seconds), on_event)

    async def _messages(self, seconds: int) -> AsyncIterator[player_pb2.PerformRequest]:
        """Yield second after second, each shortly before it is heard."""
        for second in range(seconds):
            first = second * SAMPLE_RATE
            while first - self._call.heard_sample > AHEAD_SECONDS * SAMPLE_RATE:
                await self._call.wait_for_change()
            pcm, weights = second_of_pattern(self.shift_ms)
            yield player_pb2.PerformRequest(frames=frame_batch(second * FRAME_RATE, weights))
            yield player_pb2.PerformRequest(audio=audio_chunk(first, pcm))
            self.click_count += 1
