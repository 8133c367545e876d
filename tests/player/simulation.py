"""A device whose samples and time are moved by hand, and a player around it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.media.curves import columns
from services.player.audio.ring_buffer import RingBuffer
from services.player.engine.engine import Engine
from services.player.engine.frame_sender import SentFrame
from services.player.engine.performer import Performer
from services.player.timeline.ticks import Ticks
from services.player.turns.played_turn import PlayedTurn
from services.player.turns.turn_config import TurnConfig
from services.player.turns.turn_events import Event

RATE = 48_000
TICK = RATE // 60
NAME = "Ada"


class SimulatedOutput:
    """Takes samples when `take` is called; a sample is at the ear `latency` samples after it was taken."""

    kind = "device"
    name = "simulated"
    message = ""
    lost = False
    underrun_count = 0

    def __init__(self, sample_rate: int = RATE, *, latency: int = 0, margin: int = 0) -> None:
        self.sample_rate = sample_rate
        self.latency = latency
        self.margin = margin
        self.taken = 0
        self.played: list[npt.NDArray[np.int16]] = []
        self.closed = False
        self.paused = 0.0  # seconds that the device paused before
        self._buffer: RingBuffer | None = None

    def start(self, buffer: RingBuffer) -> None:
        self._buffer = buffer

    def take(self, samples: int) -> None:
        """Take samples from the buffer, as the callback does."""
        assert self._buffer is not None
        self.played.append(self._buffer.read(self.taken, samples))
        self.underrun_count += self.taken + samples > self._buffer.end
        self.taken += samples

    @property
    def now(self) -> float:
        return self.taken / self.sample_rate + self.paused

    def update(self, now: float) -> int:
        return self.taken

    def time_of(self, sample: int) -> float:
        return (sample + 1 + self.latency) / self.sample_rate + self.paused

    def sample_at(self, now: float) -> int:
        return round((now - self.paused) * self.sample_rate) - 1 - self.latency

    def join(self, buffer: RingBuffer, position: float, now: float) -> None:
        """Have taken what makes `position` the sample at the ear at `now`."""
        self._buffer = buffer
        self.taken = int(position) + 1 + self.latency
        self.paused = now - self.taken / self.sample_rate

    def close(self) -> None:
        self.closed = True


class Found:
    """What a search for a device has found."""

    def __init__(self, device: SimulatedOutput) -> None:
        self._device = device

    def take(self) -> SimulatedOutput:
        return self._device


@dataclass
class Sender:
    """One turn as its sender sees it."""

    turn: PlayedTurn
    accepted: pb.PerformAccepted
    events: list[Event]

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def finished(self) -> pb.PerformFinished:
        (event,) = (event for event in self.events if isinstance(event, pb.PerformFinished))
        return event

    @property
    def notices(self) -> list[int]:
        return [event.reason for event in self.events if isinstance(event, pb.PerformNotice)]


@dataclass
class Stage:
    """A whole player on a simulated device; `run` moves time."""

    output: SimulatedOutput = field(default_factory=SimulatedOutput)
    seed: int = 7
    max_queued: int = 4
    renderer_offset: float = 0.0
    sent: list[SentFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        ticks = Ticks(self.output.sample_rate)
        self.performer = Performer(ticks, [NAME], seed=self.seed, max_characters=3, max_queued=self.max_queued)
        self.engine = Engine(
            self.performer,
            self.output,
            [],
            clock=lambda: self.output.now,
            wall_offset=lambda: 0.0,
            renderer_offset=self.renderer_offset,
        )
        self.engine.on_sent = self.sent.extend
        self.output.start(self.performer.buffer)
        self.look()

    @property
    def now(self) -> float:
        return self.output.now

    def look(self) -> None:
        self.engine.step(self.output.now)

    def lose_device(self, blocks: int) -> None:
        """Lose the device, let `blocks` hundredths of a second go by, and let it come back."""
        begin, lost = self.now, self.output
        lost.lost = True
        for block in range(blocks):
            self.engine.step(begin + block / 100)
        self.output = SimulatedOutput(lost.sample_rate, latency=lost.latency, margin=lost.margin)
        self.engine._reconnector = Found(self.output)  # type: ignore[assignment]
        self.engine.step(begin + blocks / 100)

    def run(self, seconds: float, *, block: int = TICK // 4) -> None:
        """Let the device take `seconds` of sound, looking after each block."""
        for _ in range(round(seconds * self.output.sample_rate / block)):
            self.output.take(block)
            self.look()

    def begin(
        self,
        *,
        rate: int = RATE,
        policy: pb.BusyPolicy.ValueType = pb.BUSY_POLICY_QUEUE,
        voice_only: bool = False,
        character: str = NAME,
        turn_id: str = "",
        max_ahead: float = 2.0,
    ) -> Sender:
        config = TurnConfig(turn_id or str(uuid.uuid4()), character, rate, policy, voice_only)
        events: list[Event] = []
        turn = PlayedTurn(config, self.performer.ticks, max_ahead=max_ahead, arrived=self.now, emit=events.append)
        return Sender(turn, self.performer.begin(turn), events)

    def voice(self, seconds: float = 1.0, *, level: int = 10_000, rate: int = RATE) -> Sender:
        """Begin a turn of sound alone, whole, at a constant level."""
        sender = self.begin(voice_only=True, rate=rate)
        sender.turn.push_sound(constant(round(seconds * rate), level), self.now)
        sender.turn.close(outcome_pb2.REASON_UNSPECIFIED)
        return sender

    def heard(self) -> npt.NDArray[np.int16]:
        """Everything that the device has taken."""
        return np.concatenate(self.output.played)

    def curve(self, column: int) -> npt.NDArray[np.float32]:
        """One curve over all ticks that were sent."""
        return np.array([sent.shown.values[column] for sent in self.sent], np.float32)


def constant(count: int, level: int = 10_000) -> npt.NDArray[np.int16]:
    return np.full(count, level, np.int16)


def jaw(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Frames of one curve, shape (n, 1)."""
    return np.asarray(values, np.float32).reshape(-1, 1)


JAW_ONLY = columns(["JawOpen"])
