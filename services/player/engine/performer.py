"""All characters and turns of one output on the device's time line: the player without device, sockets and threads.

One thread owns it. Time comes in as device samples and as `now`, so a test drives it sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BusyError, DuplicateError, RefusedBusyError, StoppedError
from services.media.fade import STOP_FADE_SECONDS
from services.player.audio.ring_buffer import RingBuffer
from services.player.engine.character import CharacterFrame
from services.player.engine.characters import Characters
from services.player.engine.mixing import mixed
from services.player.engine.recent_turns import RecentTurns, StoppedTurn
from services.player.face.composition import FaceConfiguration, Recordings
from services.player.timeline.ticks import Ticks
from services.player.turns.played_turn import NEVER, PlayedTurn

LEAD_SECONDS = 0.06  # of sound rendered ahead of the device: how long the player's thread may stall unheard
MAX_WAITING = 24  # turns of all characters here that wait behind others; each holds some MB of sound and face at most


class Performer:
    """The characters, their turns, and the sound for the device."""

    def __init__(
        self,
        ticks: Ticks,
        names: Iterable[str],
        *,
        seed: int,
        max_characters: int,
        max_queued: int,
        configuration: FaceConfiguration | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        """Bring the characters `names` to life.

        Args:
            ticks: Ticks of the device.
            names: The characters that live from the start.
            seed: Of the idle life; the same seed gives the same life.
            max_characters: Characters that may live at once.
            max_queued: Turns that may wait for one character.
            configuration: Of a face that comes to life.
            recordings: Replace what a face would do of itself.
        """
        self.ticks = ticks
        self.buffer = RingBuffer(ticks.sample_rate)
        """The sound for the device, by device sample."""
        self.characters = Characters(
            names,
            seed=seed,
            max_characters=max_characters,
            configuration=configuration or FaceConfiguration(),
            recordings=recordings or Recordings(),
        )
        self.commit = 0
        """First device sample that can still be changed."""
        self.ear = 0
        """Device sample at the listener's ear."""
        self.next_tick = 0
        """First tick of the device that has not been shown."""
        self.audible = NEVER
        """Device samples from this one on are not heard: the device was lost."""
        self._max_queued = max_queued
        self._recent = RecentTurns()
        self._lead = round(LEAD_SECONDS * ticks.sample_rate)

    def begin(self, turn: PlayedTurn) -> pb.PerformAccepted:
        """Add a turn to its character.

        Raises:
            StoppedError: It was stopped before it came.
            DuplicateError: A turn of this id is not over.
            RefusedBusyError: The character is speaking and the policy is to refuse.
            BusyError: Its queue is full, or there are too many characters.
        """
        config = turn.config
        if self._recent.was_stopped(config.turn_id):
            raise StoppedError(f"turn {config.turn_id} was stopped before it began")
        if self.has(config.turn_id):
            raise DuplicateError(f"turn {config.turn_id} is in use")
        character = self.characters.require(config.character, self.commit)
        waiting = [other for other in character.turns if not other.track.stopped]
        if waiting and config.policy == pb.BUSY_POLICY_REFUSE:
            raise RefusedBusyError(f"character {config.character} is speaking, and the policy is to refuse")
        if config.policy == pb.BUSY_POLICY_REPLACE:
            for other in waiting:
                self._stop(other, STOP_FADE_SECONDS, outcome_pb2.REASON_REPLACED)
            waiting = []
        if len(waiting) > self._max_queued:
            raise BusyError(f"{self._max_queued} turns wait for character {config.character}")
        if waiting and len(self.turns()) - sum(bool(other.turns) for other in self.characters.values()) >= MAX_WAITING:
            raise BusyError(f"{MAX_WAITING} turns wait for their characters")
        turn.audible = self.audible
        character.add(turn)
        self.characters.note_use(config.character, self.commit)
        return pb.PerformAccepted(
            epoch=turn.epoch,
            granted_sample=turn.granted,
            max_ahead_sample_count=turn.max_ahead,
            queued=bool(waiting),
        )

    def has(self, turn_id: str) -> bool:
        """Return whether a turn of this id is here and not over."""
        return any(turn.config.turn_id == turn_id for turn in self.turns())

    def stop_turn(self, turn_id: str, fade: float) -> list[StoppedTurn]:
        """Fade out one turn over `fade` seconds; one that has not come will be refused when it does."""
        self._recent.add_stopped(turn_id)
        for turn in self.turns():
            if turn.config.turn_id == turn_id:
                return [self._stop(turn, fade)]
        ended = self._recent.ended(turn_id)
        return [ended] if ended else []

    def stop_character(self, name: str, fade: float) -> list[StoppedTurn]:
        """Fade out every turn of one character over `fade` seconds."""
        return [self._stop(turn, fade) for turn in self.turns() if turn.config.character == name]

    def stop_everything(
        self, fade: float, reason: outcome_pb2.Reason.ValueType = outcome_pb2.REASON_STOPPED
    ) -> list[StoppedTurn]:
        """Fade out every turn over `fade` seconds."""
        return [self._stop(turn, fade, reason) for turn in self.turns()]

    def configure(
        self, name: str, change: Callable[[FaceConfiguration], FaceConfiguration], *, reset: bool
    ) -> FaceConfiguration:
        """Apply a change to the face of a character, from its configuration or, with `reset`, the first; return all.

        Raises:
            BusyError: There are too many characters.
        """
        face = self.characters.require(name, self.commit).face
        face.configure(change(self.characters.configuration if reset else face.configuration))
        return face.configuration

    def advance(self, commit: int, ear: int, now: float, time_of: Callable[[int], float]) -> None:
        """Plan and render sound ahead, and emit the events of the turns.

        Args:
            commit: First device sample that can still be changed.
            ear: Device sample at the listener's ear.
            now: Monotonic time.
            time_of: When a device sample is at the ear, in monotonic time.
        """
        self.commit = max(commit, self.commit)
        self.ear = max(ear, self.ear)
        until = self.commit + self._lead
        earliest = max(self.commit, self.ticks.sample(self.next_tick))
        for character in self.characters.values():
            character.plan(self.commit, earliest, until, now)
            for turn in character.report(self.ear, now, time_of):
                heard = turn.heard_when_stopped()
                self._recent.add_ended(StoppedTurn(turn.config.turn_id, character.name, heard))
        # After a stall, what follows the last rendering comes first: the buffer still holds old sound there.
        first = min(self.commit, max(self.buffer.end, until - self.ticks.sample_rate))
        self.buffer.write(first, mixed(self.turns(), first, until))  # also over sound of an earlier plan

    def show(self, tick: int, life: int) -> list[CharacterFrame]:
        """Return the face of every character on a tick of the device, the tick `life` of the faces."""
        sample = self.ticks.sample(tick)
        return [character.show(tick, sample, life) for character in self.characters.values()]

    def show_pause(self, life: int) -> list[CharacterFrame]:
        """Return the face of every character on its tick `life`, while the device pauses."""
        return [character.rest(life) for character in self.characters.values()]

    def lose_device(self, last: int, message: str) -> None:
        """Mark device samples from `last` on as not heard, and all before it as taken; notify the senders."""
        self.audible = min(self.audible, last)
        self.commit = max(self.commit, last)
        for turn in self.turns():
            turn.audible = min(turn.audible, self.audible)
            turn.notice(outcome_pb2.REASON_DEVICE_CHANGED, message, last)

    def find_device(self, first: int, message: str) -> None:
        """Count turns that begin from device sample `first` on as heard again; notify the senders."""
        self.audible = NEVER
        for turn in self.turns():
            if not turn.track.segments:
                turn.audible = NEVER
            turn.notice(outcome_pb2.REASON_DEVICE_CHANGED, message, first)

    def turns(self) -> list[PlayedTurn]:
        """Return all turns that have not finished."""
        return [turn for character in self.characters.values() for turn in character.turns]

    def _stop(
        self, turn: PlayedTurn, fade: float, reason: outcome_pb2.Reason.ValueType = outcome_pb2.REASON_STOPPED
    ) -> StoppedTurn:
        self._recent.add_stopped(turn.config.turn_id)
        turn.stop(self.commit, round(fade * self.ticks.sample_rate), reason)
        return StoppedTurn(turn.config.turn_id, turn.config.character, turn.heard_when_stopped())
