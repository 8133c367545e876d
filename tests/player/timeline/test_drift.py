"""Lips and sound on devices that misbehave: a wrong rate, jitter, underruns, jumps. On simulated time, to the bit.

The device takes a click at a moment that only the simulation has exactly; the face must open the jaw at that moment, by
a clock that follows the device's noisy reports.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from bench.lip_sync import clicks_and_spikes, paired
from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.types import Pcm
from services.media.curves import INDEX
from services.player.audio.callback_source import CallbackSource
from services.player.audio.ring_buffer import RingBuffer
from services.player.engine.engine import Engine
from services.player.engine.frame_sender import SentFrame
from services.player.engine.performer import Performer
from services.player.timeline.ticks import Ticks
from services.player.turns.played_turn import PlayedTurn
from services.player.turns.turn_config import TurnConfig
from services.player.turns.turn_events import Event
from tests.player.simulation import JAW_ONLY, NAME, RATE, jaw

BLOCK = 240  # device samples a callback
LATENCY = 0.05
CLICKS = 200
EVERY = 6  # frames
JAW = INDEX["JawOpen"]


@dataclass(frozen=True)
class Habit:
    """How a device misbehaves."""

    rate: float = 1.0
    """True rate over the nominal one."""
    wander: float = 0.0
    """Share by which the rate swings slowly about `rate`."""
    jitter: float = 0.0
    """Seconds by which a report may be off, either way."""
    stalls: dict[float, float] = field(default_factory=dict)
    """At a time, the device takes nothing for so many seconds, and what follows is heard that much later."""
    device_rate: int = RATE
    """That the device wants, whatever the player has."""


class Misbehaving:
    """A device on simulated time; `due` is when its next callback comes."""

    kind = "device"
    name = "misbehaving"
    message = ""
    lost = False

    def __init__(self, habit: Habit) -> None:
        self.sample_rate = RATE
        self.due = 0.0
        self.played: list[Pcm] = []
        self.heard: list[tuple[int, float]] = []
        self._habit = habit
        self._source = CallbackSource(habit.device_rate, rate=RATE)
        self._dice = random.Random(11)
        self._count = 0
        self._stalls = sorted(habit.stalls.items())

    @property
    def margin(self) -> int:
        return self._source.margin

    @property
    def underrun_count(self) -> int:
        return self._source.underrun_count

    def start(self, buffer: RingBuffer) -> None:
        self._source.attach(buffer)

    def call_back(self) -> None:
        """Take the next block, at its time; report when it is heard, more or less."""
        habit, is_dry = self._habit, False
        if self._stalls and self.due >= self._stalls[0][0]:
            self.due += self._stalls.pop(0)[1]
            is_dry = True
        true = self.due + LATENCY
        self.heard.append((self._count, true))
        word = true + self._dice.uniform(-habit.jitter, habit.jitter)
        self.played.append(self._source.take(BLOCK, word, is_dry=is_dry)[:, 0])
        self._count += BLOCK
        rate = habit.rate + habit.wander * np.sin(self.due / 5)
        self.due += BLOCK / (habit.device_rate * rate)

    def clicks(self) -> npt.NDArray[np.float64]:
        """Return when each click truly was heard."""
        sound = np.concatenate(self.played).astype(int)
        loud = np.flatnonzero(sound > 4_000)
        first = loud[np.diff(loud, prepend=-(10**6)) > self._habit.device_rate // 50]
        samples, times = np.array(self.heard).T
        return np.asarray(np.interp(first, samples, times))

    def update(self, now: float) -> int:
        return self._source.update()

    def time_of(self, sample: int) -> float:
        return self._source.time_of(sample)

    def sample_at(self, now: float) -> int:
        return self._source.sample_at(now)

    def close(self) -> None:
        """Nothing is held."""


def deviations(habit: Habit) -> npt.NDArray[np.float64]:
    """Play clicks on such a device; return by how many seconds each is heard after its datagram."""
    output = Misbehaving(habit)
    performer = Performer(Ticks(RATE), [NAME], seed=7, max_characters=1, max_queued=1)
    spikes: list[tuple[float, float]] = []
    now = 0.0
    engine = Engine(performer, output, [], clock=lambda: now, wall_offset=lambda: 0.0)

    def on_sent(sent: list[SentFrame]) -> None:
        spikes.append((now, float(sent[0].shown.values[JAW])))

    engine.on_sent = on_sent
    output.start(performer.buffer)
    while output.due < 1.5:  # silence, while the clock locks
        now = output.due
        output.call_back()
        engine.step(now)
    sound, opening, clicking = clicks_and_spikes(CLICKS, EVERY)
    events: list[Event] = []
    config = TurnConfig("clicks", NAME, RATE // 2, pb.BUSY_POLICY_QUEUE)
    turn = PlayedTurn(config, performer.ticks, max_ahead=len(sound) / RATE * 2 + 1, arrived=now, emit=events.append)
    performer.begin(turn)
    turn.open_frames(JAW_ONLY, 60)
    turn.push_frames(0, jaw(opening), now)
    turn.push_sound(sound, now)
    turn.close(outcome_pb2.REASON_UNSPECIFIED)
    look = now
    while performer.turns() and now < 60:
        if output.due <= look:
            now = output.due
            output.call_back()
        else:
            now = look
            look = max(engine.step(now), now + 1e-4)
    assert not performer.turns(), "the turn has ended"
    times, values = np.array(spikes).T
    is_open = values > 0.6
    shown = times[np.flatnonzero(is_open & ~np.roll(is_open, 1))]
    heard, apart = paired(output.clicks(), shown)
    assert len(heard) >= 0.95 * len(clicking), f"{len(heard)} of {len(clicking)} clicks were seen and heard"
    return apart


@pytest.mark.parametrize(
    "habit",
    [
        pytest.param(Habit(), id="exact"),
        pytest.param(Habit(rate=1.01, jitter=0.002), id="fast"),
        pytest.param(Habit(rate=0.99, jitter=0.002), id="slow"),
        pytest.param(Habit(jitter=0.008), id="jitter"),
        pytest.param(Habit(rate=1.001, wander=0.002, jitter=0.001), id="wander"),
        pytest.param(Habit(jitter=0.001, stalls={2.0 + number: 0.02 for number in range(18)}), id="underruns"),
        pytest.param(Habit(rate=1.01, jitter=0.001, stalls={5.0: 0.3, 9.0: 1.0, 13.0: 0.06}), id="jumps"),
        pytest.param(Habit(rate=0.995, jitter=0.001, device_rate=44_100), id="another rate"),
    ],
)
def test_lips_and_sound_stay_together_on_a_device_that_misbehaves(habit: Habit) -> None:
    apart = deviations(habit) * 1000
    assert abs(np.median(apart)) <= 3
    assert np.percentile(np.abs(apart), 95) <= 10
    assert np.percentile(np.abs(apart), 99) <= 15
