"""All subjects and turns on one line of device samples: the whole player but for device, sockets and threads.

One thread owns it. Time comes in as device samples and as `now`, so a test drives it sample by sample.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BusyError, DuplicateError, RefusedBusyError, StoppedError
from services.media.fade import STOP_FADE_SECONDS
from services.player.audio.ring_buffer import Tape
from services.player.engine.character import Shown, Subject
from services.player.face.composition import Character, Recordings
from services.player.timeline.ticks import Grid
from services.player.turns.played_turn import NEVER, Turn

LEAD_SECONDS = 0.06  # of sound rendered ahead of the device: how long the player's thread may stall unheard
MAX_WAITING = 24  # turns of all subjects here that wait behind others; each holds some MB of sound and face at most
REMEMBERED_TURNS = 1024  # that were stopped before they came, or have ended
LOUDEST = 32_767.0
KNEE = 0.8 * LOUDEST  # voices together are bent from here on; higher bends less and harder, lower more and softer

T = TypeVar("T")


@dataclass(frozen=True)
class Stopped:
    """A turn that was stopped, or had ended before."""

    turn_id: str
    subject: str
    heard: int
    """Samples, at the turn's rate, that will have been heard when its fade has ended."""


class Performer:
    """The subjects, their turns, and the sound that goes to the device."""

    def __init__(
        self,
        grid: Grid,
        subjects: Iterable[str],
        *,
        seed: int,
        max_subjects: int,
        max_queued: int,
        character: Character | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        """Give life to `subjects`.

        Args:
            grid: Ticks of the device.
            subjects: Names of the characters that live from the start.
            seed: Of the idle life; the same seed gives the same life.
            max_subjects: Characters that may live at once.
            max_queued: Turns that may wait for one character.
            character: What is set for a face that comes to life.
            recordings: That take the place of what a face would do of itself.
        """
        self.grid = grid
        self.tape = Tape(grid.sample_rate)
        """The sound for the device, by device sample."""
        self.subjects: dict[str, Subject] = {}
        self.commit = 0
        """First device sample that can still be changed."""
        self.ear = 0
        """Device sample at the listener's ear."""
        self.next_tick = 0
        """First tick of the device that has not been shown."""
        self.audible = NEVER
        """Device samples from this one on are not heard: the device was lost."""
        self._seed = seed
        self._character = character or Character()
        self._recordings = recordings or Recordings()
        self._max_subjects = max_subjects
        self._max_queued = max_queued
        self._used: dict[str, int] = {}  # the device sample at which a subject got its last turn, of those that may go
        self._stopped: OrderedDict[str, None] = OrderedDict()
        self._ended: OrderedDict[str, Stopped] = OrderedDict()
        self._lead = round(LEAD_SECONDS * grid.sample_rate)
        for name in subjects:
            self._live(name)
        self._used.clear()  # these are no guests

    def begin(self, turn: Turn) -> pb.PerformAccepted:
        """Give a turn its place.

        Raises:
            StoppedError: It was stopped before it came.
            DuplicateError: A turn of this id is not over.
            RefusedBusyError: The subject is speaking and the policy is to refuse.
            BusyError: Its queue is full, or there are too many subjects.
        """
        config = turn.config
        if config.turn_id in self._stopped:
            raise StoppedError(f"turn {config.turn_id} was stopped before it began")
        if self.has(config.turn_id):
            raise DuplicateError(f"turn {config.turn_id} is in use")
        waiting = [other for other in self._live(config.subject).turns if not other.track.stopped]
        if waiting and config.policy == pb.BUSY_POLICY_REFUSE:
            raise RefusedBusyError(f"subject {config.subject} is speaking, and the policy is to refuse")
        if config.policy == pb.BUSY_POLICY_REPLACE:
            for other in waiting:
                self._stop(other, STOP_FADE_SECONDS, outcome_pb2.REASON_REPLACED)
            waiting = []
        if len(waiting) > self._max_queued:
            raise BusyError(f"{self._max_queued} turns wait for subject {config.subject}")
        if waiting and len(self.turns()) - sum(bool(other.turns) for other in self.subjects.values()) >= MAX_WAITING:
            raise BusyError(f"{MAX_WAITING} turns wait for their subjects")
        turn.audible = self.audible
        self.subjects[config.subject].add(turn)
        if config.subject in self._used:
            self._used[config.subject] = self.commit
        return pb.PerformAccepted(
            epoch=turn.epoch,
            granted_sample=turn.granted,
            max_ahead_sample_count=turn.horizon,
            queued=bool(waiting),
        )

    def has(self, turn_id: str) -> bool:
        """Return whether a turn of this id is here and not over."""
        return any(turn.config.turn_id == turn_id for turn in self.turns())

    def stop_turn(self, turn_id: str, fade: float) -> list[Stopped]:
        """Fade out one turn over `fade` seconds; one that has not come will be refused when it does."""
        _remember(self._stopped, turn_id, None)
        for turn in self.turns():
            if turn.config.turn_id == turn_id:
                return [self._stop(turn, fade)]
        return [self._ended[turn_id]] if turn_id in self._ended else []

    def stop_subject(self, name: str, fade: float) -> list[Stopped]:
        """Fade out every turn of one subject over `fade` seconds."""
        return [self._stop(turn, fade) for turn in self.turns() if turn.config.subject == name]

    def stop_everything(
        self, fade: float, reason: outcome_pb2.Reason.ValueType = outcome_pb2.REASON_STOPPED
    ) -> list[Stopped]:
        """Fade out every turn over `fade` seconds."""
        return [self._stop(turn, fade, reason) for turn in self.turns()]

    def configure(self, name: str, change: Callable[[Character], Character], *, reset: bool) -> Character:
        """Change what is set for the face of a subject, from what it is or, with `reset`, was at first; return it all.

        Raises:
            BusyError: There are too many subjects.
        """
        face = self._live(name).face
        face.configure(change(self._character if reset else face.character))
        return face.character

    def advance(self, commit: int, ear: int, now: float, time_of: Callable[[int], float]) -> None:
        """Plan and render sound ahead, and tell the senders where their turns are.

        Args:
            commit: First device sample that can still be changed.
            ear: Device sample at the listener's ear.
            now: Monotonic time.
            time_of: When a device sample is at the ear, in monotonic time.
        """
        self.commit = max(commit, self.commit)
        self.ear = max(ear, self.ear)
        until = self.commit + self._lead
        earliest = max(self.commit, self.grid.sample(self.next_tick))
        for subject in self.subjects.values():
            subject.plan(self.commit, earliest, until, now)
            for turn in subject.report(self.ear, now, time_of):
                heard = turn.heard_when_stopped()
                _remember(self._ended, turn.config.turn_id, Stopped(turn.config.turn_id, subject.name, heard))
        # After a stall, what follows the last rendering comes first: the tape still holds old sound there.
        self._render(min(self.commit, max(self.tape.end, until - self.grid.sample_rate)), until)

    def show(self, tick: int, life: int) -> list[Shown]:
        """Return the face of every subject on a tick of the device, the tick `life` of the faces."""
        sample = self.grid.sample(tick)
        return [subject.show(tick, sample, life) for subject in self.subjects.values()]

    def show_pause(self, life: int) -> list[Shown]:
        """Return the face of every subject on its tick `life`, while the device pauses."""
        return [subject.rest(life) for subject in self.subjects.values()]

    def lose_device(self, last: int, message: str) -> None:
        """Take note that nothing from device sample `last` on is heard, and that what is before it was taken."""
        self.audible = min(self.audible, last)
        self.commit = max(self.commit, last)
        for turn in self.turns():
            turn.audible = min(turn.audible, self.audible)
            turn.notice(outcome_pb2.REASON_DEVICE_CHANGED, message, last)

    def find_device(self, first: int, message: str) -> None:
        """Take note that what begins from device sample `first` on is heard again."""
        self.audible = NEVER
        for turn in self.turns():
            if not turn.track.segments:
                turn.audible = NEVER
            turn.notice(outcome_pb2.REASON_DEVICE_CHANGED, message, first)

    def turns(self) -> list[Turn]:
        """Return all turns that have not finished."""
        return [turn for subject in self.subjects.values() for turn in subject.turns]

    def _live(self, name: str) -> Subject:
        """Return the subject of this name, alive.

        A guest, which was not there from the start, stays until another needs its place: the one that was silent for
        longest goes, but none that has a turn.
        """
        if name not in self.subjects:
            if len(self.subjects) >= self._max_subjects:
                silent = [guest for guest in self._used if not self.subjects[guest].turns]
                if not silent:
                    raise BusyError(f"{self._max_subjects} subjects are alive; raise max_subjects for more")
                oldest = min(silent, key=self._used.__getitem__)
                del self.subjects[oldest], self._used[oldest]
            self._used[name] = self.commit
            seed = zlib.crc32(name.encode(), self._seed)
            self.subjects[name] = Subject(name, seed, self._character, self._recordings)
        return self.subjects[name]

    def _stop(
        self, turn: Turn, fade: float, reason: outcome_pb2.Reason.ValueType = outcome_pb2.REASON_STOPPED
    ) -> Stopped:
        _remember(self._stopped, turn.config.turn_id, None)
        turn.stop(self.commit, round(fade * self.grid.sample_rate), reason)
        return Stopped(turn.config.turn_id, turn.config.subject, turn.heard_when_stopped())

    def _render(self, first: int, last: int) -> None:
        """Write device samples `first` to `last`, also those written before: the plan may have changed."""
        mix = np.zeros(last - first, np.float32)
        voices = {turn.config.subject for turn in self.turns() if turn.track.mix_into(mix, first)}
        if len(voices) > 1:  # turns of one subject never overlap
            mix = limited(mix)
        self.tape.write(first, np.clip(mix, -32768, 32767).astype(np.int16))


def limited(mix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the sum of several voices, in units of int16, softly bent where it is too loud.

    Up to `KNEE` it is untouched; beyond, it nears full scale along a hyperbolic tangent, which continues the slope. No
    memory: what is rendered again comes out the same.
    """
    loud = np.abs(mix)
    if loud.max(initial=0.0) <= KNEE:
        return mix
    room = np.float32(LOUDEST - KNEE)
    bent = np.copysign(KNEE + room * np.tanh((loud - np.float32(KNEE)) / room), mix)
    return np.where(loud > KNEE, bent, mix).astype(np.float32)


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    """Put a value into a memory that forgets the oldest."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED_TURNS:
        memory.popitem(last=False)
