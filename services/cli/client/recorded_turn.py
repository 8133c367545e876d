"""What is known about a turn that was performed, and the `take.json` made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import NamedTuple

from neurosync.v1 import media_pb2, orchestrator_pb2
from services.cli.client.synchronized_capture import CapturedTurn
from services.cli.client.turn_summary import CUT_SHORT
from services.common.wire import seconds_of
from services.media.takes.heard_sound import HeardSound, tick_sample
from services.media.takes.take_info import SentenceSpan, TakeEvent, TakeInfo, TakePhoneme, TakeWord


class TurnNotice(NamedTuple):
    """Something that went otherwise than planned."""

    at_sample: int
    """Samples of the turn that had been heard when it was reported."""
    text: str


@dataclass(frozen=True)
class RecordedTurn:
    """A turn that has ended."""

    finished: orchestrator_pb2.TurnFinished
    sample_rate: int
    """Hertz, of its sound."""
    prompt: str | None
    """What it answers; None for a text that was spoken as it is."""
    created: datetime
    """When it began."""
    sentences: Sequence[orchestrator_pb2.SentenceTimings]
    """Where its sentences and words lie, in samples of the turn."""
    notices: Sequence[TurnNotice]
    sound: HeardSound
    """What was heard of it."""
    captured: CapturedTurn
    """The frames that the player sent; without any, those that the face service made are recorded."""

    @property
    def was_cut_short(self) -> bool:
        """Whether it was silenced before its end."""
        return self.finished.outcome in CUT_SHORT

    def info(self) -> TakeInfo:
        """Return everything about the take but its sound and its frames; positions are samples of what was heard."""
        finished = self.finished
        return TakeInfo(
            sample_rate=self.sample_rate,
            text=finished.text,
            prompt=self.prompt,
            heard_text=finished.heard_text,
            interrupted=self.was_cut_short,
            sentences=tuple(self._sentence(sentence) for sentence in self.sentences),
            words=tuple(self._word(word) for sentence in self.sentences for word in sentence.timings.words),
            phonemes=tuple(
                TakePhoneme(phoneme.phoneme, *self.sound.place_span(phoneme.start_sample, phoneme.end_sample))
                for sentence in self.sentences
                for phoneme in sentence.timings.phonemes
            ),
            stages={timing.stage: round(seconds_of(timing.duration), 4) for timing in finished.timings},
            counters=self._counters(),
            providers=dict(finished.providers),
            versions={"neurosync": version("neurosync")},
            notices=tuple(notice.text for notice in self.notices),
            events=self._events(),
            recorded="sent" if self.captured.frames else "made",
            created=self.created,
        )

    def _sentence(self, sentence: orchestrator_pb2.SentenceTimings) -> SentenceSpan:
        """Return where a sentence lies; its characters are those of its words."""
        words = sentence.timings.words
        start, end = (words[0].start_char, words[-1].end_char) if words else (0, 0)
        span = self.sound.place_span(sentence.start_sample, sentence.end_sample)
        return SentenceSpan(self.finished.text[start:end], start, end, *span)

    def _word(self, word: media_pb2.WordTiming) -> TakeWord:
        first, end = self.sound.place_span(word.start_sample, word.end_sample)
        return TakeWord(word.word, word.start_char, word.end_char, first, end, word.estimated)

    def _counters(self) -> dict[str, int]:
        counters = self.finished.counters
        table = {field.name: int(getattr(counters, field.name)) for field in counters.DESCRIPTOR.fields}
        if self.captured.frames:
            table["tick_missed_count"] = self.captured.missed_count
        return table

    def _events(self) -> tuple[TakeEvent, ...]:
        """Return pauses, holes among the frames, notices and the interruption, in order."""
        rate, end = self.sample_rate, len(self.sound.pcm)
        events = [
            TakeEvent("pause", f"no sound for {1000 * (stop - start) / rate:.0f} ms", start, stop)
            for start, stop in self.sound.pauses
        ]
        for first, after in self.captured.holes:
            start, stop = tick_sample(first, rate), tick_sample(after, rate)
            events.append(TakeEvent("missed", f"{after - first} frames are missing", start, stop))
        for notice in self.notices:
            at = min(self.sound.place(notice.at_sample), end)
            events.append(TakeEvent("notice", notice.text, at, at))
        if self.was_cut_short:
            events.append(TakeEvent("interrupted", "interrupted here", end, end))
        return tuple(sorted(events, key=lambda event: event.start_sample))
