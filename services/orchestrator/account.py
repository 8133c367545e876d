"""The account of one turn: what was said, heard and measured, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration

from neurosync.v1 import face_pb2, llm_pb2, media_pb2, orchestrator_pb2, outcome_pb2, player_pb2, tts_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.orchestrator.connections import StageError
from services.orchestrator.report import timed_word
from services.orchestrator.transcript import Script


class Account:
    """Keeps what the stages tell, and sums it up in `finished`."""

    def __init__(self, rate: int) -> None:
        """Keep the account of a turn whose sound has `rate` Hz."""
        self.finished = orchestrator_pb2.TurnFinished(outcome=outcome_pb2.TURN_OUTCOME_COMPLETED)
        self.script = Script()
        self.text = ""
        self.interrupted = False
        self.error: StageError | None = None
        self._rate = rate
        self._own: dict[str, Duration] = {}

    def words_started(self, started: llm_pb2.GenerateStarted) -> None:
        """Note who makes the words."""
        self.finished.providers["llm"] = f"{started.provider}/{started.model}"

    def words_finished(self, finished: llm_pb2.GenerateFinished) -> None:
        """Note how long the words took."""
        self._note("llm.first_word", finished.first_word)
        self._note("llm.first_sentence", finished.first_sentence)
        self._note("llm.total", finished.total)

    def speech_header(self, header: tts_pb2.SpeechHeader) -> None:
        """Note who speaks."""
        self.finished.providers["tts"] = f"{header.provider}/{header.voice}"

    def speech_finished(self, finished: tts_pb2.SpeechFinished) -> None:
        """Note how long the voice took for the first sentence."""
        self._note("tts.first_audio", finished.first_audio)
        self._note("tts.total", finished.total)

    def frame_header(self, header: media_pb2.FrameHeader) -> bool:
        """Note who animates; return whether that was not known."""
        new = "face" not in self.finished.providers
        self.finished.providers["face"] = header.source
        return new

    def face_finished(self, finished: face_pb2.AnimateFinished) -> None:
        """Note how long the face computed."""
        self._note("face.compute", finished.compute)

    def sound_started(self, started: player_pb2.PerformStarted) -> None:
        """Note how long the player took."""
        self._note("player.first_sound", started.since_config)
        self._note("player.since_audio", started.since_audio)
        if started.HasField("first_frame"):
            self._note("player.first_frame", started.first_frame)

    def performed(self, performed: player_pb2.PerformFinished, player: str) -> None:
        """Note how the player says that the turn ended; `player` is its address."""
        self.finished.counters.CopyFrom(performed.counters)
        if performed.reason == outcome_pb2.REASON_SHUTTING_DOWN and not self.interrupted:
            self.error = StageError(
                Stage.STAGE_PLAYER, f"player at {player} shuts down; `neurosync up` starts it again"
            )
        elif performed.outcome in (outcome_pb2.TURN_OUTCOME_INTERRUPTED, outcome_pb2.TURN_OUTCOME_SUPERSEDED):
            self.interrupted = True

    def heard(self, sample: int) -> orchestrator_pb2.HeardWords | None:
        """Return the words that were heard since the last call, if there are any."""
        if new := self.script.newly_heard(sample):
            return orchestrator_pb2.HeardWords(words=map(timed_word, new), heard_sample_count=sample)
        return None

    def timings(self, marks: Sequence[media_pb2.StageTiming]) -> list[media_pb2.StageTiming]:
        """Return the turn's own `marks`, and what the stages measured themselves."""
        own = [media_pb2.StageTiming(stage=stage, duration=took) for stage, took in self._own.items()]
        return [*marks, *own]

    def close(self, heard: int, marks: Sequence[media_pb2.StageTiming]) -> None:
        """Sum up a turn of which `heard` samples were heard."""
        finished = self.finished
        finished.text, finished.heard_text = self.text, self.script.heard_text(heard)
        finished.heard_sample_count, finished.sample_rate_hertz = heard, self._rate if self.script.lines else 0
        finished.timings.extend(self.timings(marks))
        if self.error is not None and not self.interrupted:
            finished.outcome = outcome_pb2.TURN_OUTCOME_FAILED
            finished.message = str(self.error)
        elif self.interrupted:
            finished.outcome = outcome_pb2.TURN_OUTCOME_INTERRUPTED

    def _note(self, stage: str, took: Duration) -> None:
        """Keep a stage's own duration; the first counts, as it is what the person waits for."""
        self._own.setdefault(stage, took)
