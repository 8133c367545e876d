"""One character: its turns in order, and its face on every tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.common.types import Weights
from services.media.emotions import NO_EMOTIONS
from services.player.face.composition import Face, FaceConfiguration, Recordings
from services.player.turns.played_turn import PlayedTurn


@dataclass(frozen=True)
class CharacterFrame:
    """The face of one character on one tick."""

    character: str
    tick: int
    values: Weights
    """The 61 curves, shape (61,)."""
    turn_id: str
    """Id of the turn that speaks; empty while idle."""
    turn_frame: int
    """Tick of the turn, counted from its sample 0; -1 while idle or at rest."""
    turn_sample: int
    """Samples of the turn, at its own rate, that have been heard when this frame is due; 0 while idle."""
    emotions: Weights
    """Strength of each emotion that the face shows, shape (7,)."""


class Character:
    """A face and its turns, which never overlap: each begins after the one before has ended."""

    def __init__(self, name: str, seed: int, configuration: FaceConfiguration, recordings: Recordings) -> None:
        """Make a character.

        Args:
            name: As on the Live Link wire.
            seed: Of the idle life.
            configuration: Of the face.
            recordings: Replace what the face would do of itself.
        """
        self.name = name
        self.face = Face(seed, configuration, recordings)
        self.epoch = 0
        """Number of the newest turn."""
        self.turns: list[PlayedTurn] = []
        """Turns that have not finished, oldest first."""
        self.speaking = ""
        """Id of the turn that the last tick showed; empty while idle."""
        self._heard = 0  # samples of `speaking` up to the last tick
        self._emotions = NO_EMOTIONS  # of `speaking` on the last tick

    def add(self, turn: PlayedTurn) -> None:
        """Append a turn to the queue."""
        self.epoch += 1
        turn.epoch = self.epoch
        self.turns.append(turn)

    def plan(self, commit: int, earliest: int, until: int, now: float) -> None:
        """Place the turns on the device's time line, as far as device sample `until`.

        Args:
            commit: First device sample that can still be changed.
            earliest: First device sample at which a turn may begin.
            until: Turns that would begin later are placed by a later call: the ones before may still be stopped.
            now: Monotonic time.
        """
        for turn in self.turns:
            end = turn.plan(commit, earliest, now)
            if end is None or end > until:
                return
            earliest = max(earliest, end)

    def show(self, tick: int, sample: int, life: int) -> CharacterFrame:
        """Return the face on tick `tick` of the device, which lies on device sample `sample`.

        Args:
            tick: Of the device, which places the turns.
            sample: The same in samples.
            life: Tick of the face's own life; differs from `tick` once the device has paused.
        """
        turn = next((turn for turn in reversed(self.turns) if turn.covers(sample)), None)
        self.speaking = turn.config.turn_id if turn else ""
        self._heard = turn.track.turn_samples(sample) if turn else 0
        speech = turn.speech(tick, sample) if turn else None
        level = turn.track.loudness(sample) if turn else 0.0
        self._emotions = turn.emotions_at(self._heard) if turn else NO_EMOTIONS
        values = self.face.step(life, speech, level=level, emotions=self._emotions)
        return self._shown(life, values, speech.frame if speech else -1)

    def rest(self, life: int) -> CharacterFrame:
        """Return the face while the device pauses: the mouth rests, and the emotions stay."""
        values = self.face.step(life, emotions=self._emotions)
        return self._shown(life, values, -1)

    def _shown(self, life: int, values: Weights, frame: int) -> CharacterFrame:
        return CharacterFrame(self.name, life, values, self.speaking, frame, self._heard, self.face.emotions.copy())

    def report(self, ear: int, now: float, time_of: Callable[[int], float]) -> list[PlayedTurn]:
        """Let the turns emit their events (see `PlayedTurn.report`); return those that have finished."""
        for turn in self.turns:
            turn.report(ear, now, time_of)
        finished = [turn for turn in self.turns if turn.finished]
        if finished:
            self.turns = [turn for turn in self.turns if not turn.finished]
        return finished
