"""The summary of a turn: who made it, how long each stage took, what was heard."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from neurosync.v1 import face_pb2, llm_pb2, media_pb2, orchestrator_pb2, player_pb2, tts_pb2


class TurnSummary:
    """Collects what the stages report of themselves, for `TurnFinished`."""

    def __init__(self) -> None:
        self.text = ""
        """The reply as it was made so far."""
        self._providers: dict[str, str] = {}
        self._durations: dict[str, Duration] = {}
        self._counters = player_pb2.PerformCounters()

    def note_words_started(self, started: llm_pb2.GenerateStarted) -> None:
        """Note which model answers."""
        self._providers["llm"] = f"{started.provider}/{started.model}"

    def note_words_finished(self, finished: llm_pb2.GenerateFinished) -> None:
        """Note how long the words took."""
        self._note("llm.first_word", finished.first_word)
        self._note("llm.first_sentence", finished.first_sentence)
        self._note("llm.total", finished.total)

    def note_speech_header(self, header: tts_pb2.SpeechHeader) -> None:
        """Note which voice speaks."""
        self._providers["tts"] = f"{header.provider}/{header.voice}"

    def note_speech_finished(self, finished: tts_pb2.SpeechFinished) -> None:
        """Note how long the voice took for the first sentence."""
        self._note("tts.first_audio", finished.first_audio)
        self._note("tts.total", finished.total)

    def note_frame_header(self, header: media_pb2.FrameHeader) -> bool:
        """Note which model animates; return True the first time."""
        is_first = "face" not in self._providers
        self._providers["face"] = header.source
        return is_first

    def note_face_finished(self, finished: face_pb2.AnimateFinished) -> None:
        """Note how long the face computed."""
        self._note("face.compute", finished.compute)

    def note_sound_started(self, started: player_pb2.PerformStarted) -> None:
        """Note how long the player took."""
        self._note("player.first_sound", started.since_config)
        self._note("player.since_audio", started.since_audio)
        if started.HasField("first_frame"):
            self._note("player.first_frame", started.first_frame)

    def note_counters(self, counters: player_pb2.PerformCounters) -> None:
        """Note what the player counted."""
        self._counters.CopyFrom(counters)

    def timings(self, marks: list[media_pb2.StageTiming]) -> list[media_pb2.StageTiming]:
        """Return the turn's own `marks`, and what the stages measured themselves."""
        own = [media_pb2.StageTiming(stage=stage, duration=took) for stage, took in self._durations.items()]
        return [*marks, *own]

    def finished(self, marks: list[media_pb2.StageTiming]) -> orchestrator_pb2.TurnFinished:
        """Return what is known of the turn at its end, but for its outcome and what was heard of it."""
        return orchestrator_pb2.TurnFinished(
            text=self.text, timings=self.timings(marks), counters=self._counters, providers=self._providers
        )

    def _note(self, stage: str, took: Duration) -> None:
        """Keep a stage's own duration; the first counts, as it is what the person waits for."""
        self._durations.setdefault(stage, took)
