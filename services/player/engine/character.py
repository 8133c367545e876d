"""One character: its turns in order, and its face on every tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.common.types import Weights
from services.media.emotions import NO_EMOTIONS
from services.player.face.composition import Character, Face, Recordings
from services.player.turns.played_turn import Turn


@dataclass(frozen=True)
class Shown:
    """The face of one subject on one tick."""

    subject: str
    tick: int
    values: Weights
    """The 61 curves, shape (61,)."""
    turn_id: str
    """The turn that speaks; empty while idle."""
    turn_frame: int
    """Tick of the turn, counted from its sample 0; -1 while idle or at rest."""
    turn_sample: int
    """Samples of the turn, at its own rate, that have been heard when this frame is due; 0 while idle."""
    feelings: Weights
    """Strength of each emotion that the face shows, shape (7,)."""


class Subject:
    """A character. Its turns never overlap: each begins after the one before has ended."""

    def __init__(self, name: str, seed: int, character: Character, recordings: Recordings) -> None:
        """Give life to the character that is called `name` in Unreal."""
        self.name = name
        self.face = Face(seed, character, recordings)
        self.epoch = 0
        """Number of the newest turn."""
        self.turns: list[Turn] = []
        """Turns that have not finished, oldest first."""
        self.speaking = ""
        """Turn that the last tick showed; empty while idle."""
        self._heard = 0  # samples of `speaking` up to the last tick
        self._felt = NO_EMOTIONS  # by `speaking` on the last tick

    def add(self, turn: Turn) -> None:
        """Put a turn behind the others."""
        self.epoch += 1
        turn.epoch = self.epoch
        self.turns.append(turn)

    def plan(self, commit: int, earliest: int, until: int, now: float) -> None:
        """Place the turns on the device's time line, as far as device sample `until`.

        Args:
            commit: First device sample that can still be changed.
            earliest: First device sample at which a turn may begin.
            until: Turns that would begin later are left for later: what precedes them may still be stopped.
            now: Monotonic time.
        """
        for turn in self.turns:
            end = turn.plan(commit, earliest, now)
            if end is None or end > until:
                return
            earliest = max(earliest, end)

    def show(self, tick: int, sample: int, life: int) -> Shown:
        """Return the face on tick `tick` of the device, which lies on device sample `sample`.

        Args:
            tick: Where the turns are.
            sample: The same in samples.
            life: Where the face is in its own life; differs from `tick` once the device has paused.
        """
        turn = next((turn for turn in reversed(self.turns) if turn.covers(sample)), None)
        self.speaking = turn.config.turn_id if turn else ""
        self._heard = turn.track.turn_samples(sample) if turn else 0
        speech = turn.speech(tick, sample) if turn else None
        level = turn.level(sample) if turn else 0.0
        self._felt = turn.felt(self._heard) if turn else NO_EMOTIONS
        values = self.face.step(life, speech, level=level, felt=self._felt)
        return self._shown(life, values, speech.frame if speech else -1)

    def rest(self, life: int) -> Shown:
        """Return the face while the device pauses: nothing moves its mouth, and it feels what it felt."""
        values = self.face.step(life, felt=self._felt)
        return self._shown(life, values, -1)

    def _shown(self, life: int, values: Weights, frame: int) -> Shown:
        return Shown(self.name, life, values, self.speaking, frame, self._heard, self.face.feelings.copy())

    def report(self, ear: int, now: float, time_of: Callable[[int], float]) -> list[Turn]:
        """Let the turns tell where they are (see `Turn.report`); return those that have finished."""
        for turn in self.turns:
            turn.report(ear, now, time_of)
        finished = [turn for turn in self.turns if turn.finished]
        if finished:
            self.turns = [turn for turn in self.turns if not turn.finished]
        return finished
