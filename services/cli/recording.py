"""Collect the events of a turn into a take."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from neurosync.v1 import media_pb2, orchestrator_pb2
from services.media import takes
from services.media.curves import CURVE_COUNT, columns
from services.media.frames import FRAME_RATE
from services.media.take_info import Phoneme, SentenceSpan, TakeInfo, Word
from services.wire import Pcm, Weights, pcm_of, seconds_of, weights_of


class TakeRecorder:
    """Takes every event of one turn that was asked for with `include_media`, and writes what was heard of it."""

    def __init__(self, prompt: str | None) -> None:
        """Record the answer to `prompt`; None for a text that was spoken as it is."""
        self._prompt = prompt
        self._created = datetime.now(UTC)
        self._pcm: list[Pcm] = []
        self._frames: list[tuple[int, Weights]] = []
        self._header = media_pb2.FrameHeader()
        self._spans: list[orchestrator_pb2.SentenceTimings] = []
        self._notices: list[str] = []

    def note(self, event: orchestrator_pb2.ConverseResponse) -> None:
        """Take one event."""
        match event.WhichOneof("event"):
            case "audio":
                self._pcm.append(pcm_of(event.audio))
            case "frame_header":
                self._header = event.frame_header
            case "frames":
                weights = weights_of(event.frames, len(self._header.curve_names))
                self._frames.append((event.frames.first_frame, weights))
            case "timings":
                self._spans.append(event.timings)
            case "notice":
                self._notices.append(event.notice.message)

    def take(self, finished: orchestrator_pb2.TurnFinished) -> takes.Take:
        """Return what was heard as a take."""
        pcm = np.concatenate(self._pcm) if self._pcm else np.zeros(0, np.int16)
        pcm = pcm[: finished.heard_sample_count]
        rate = finished.sample_rate_hertz or 24_000  # a turn without sound has no rate
        return takes.Take(self._info(finished, rate), pcm, self._weights(len(pcm), rate))

    def write(self, folder: Path | None, root: Path, finished: orchestrator_pb2.TurnFinished) -> Path:
        """Write the take into `folder`, or into a new one under `root` that is named after time and text."""
        take = self.take(finished)
        if folder is None:
            folder = root / takes.take_name(self._created, self._prompt or finished.text)
        return takes.write_take(folder, take)

    def _weights(self, sample_count: int, rate: int) -> Weights:
        """Return frames for all of the sound, in ARKit order; frames that never came stay at rest."""
        count = -(-sample_count * FRAME_RATE // rate)
        made = np.zeros((round(count), CURVE_COUNT), np.float32)
        column = columns(self._header.curve_names)
        present = column >= 0
        for first, weights in self._frames:
            rows = weights[: max(0, len(made) - first)]
            made[first : first + len(rows), present] = rows[:, column[present]]
        return made

    def _info(self, finished: orchestrator_pb2.TurnFinished, rate: int) -> TakeInfo:
        return TakeInfo(
            sample_rate=rate,
            text=finished.text,
            prompt=self._prompt,
            heard_text=finished.heard_text,
            interrupted=finished.interrupted,
            sentences=tuple(_span(span, finished.text) for span in self._spans),
            words=tuple(_word(word) for span in self._spans for word in span.timings.words),
            phonemes=tuple(_phoneme(phoneme) for span in self._spans for phoneme in span.timings.phonemes),
            stages={timing.stage: round(seconds_of(timing.duration), 4) for timing in finished.timings},
            counters={
                field.name: getattr(finished.counters, field.name) for field in finished.counters.DESCRIPTOR.fields
            },
            providers=dict(finished.providers),
            versions={"neurosync": version("neurosync")},
            notices=tuple(self._notices),
            created=self._created,
        )


def _span(span: orchestrator_pb2.SentenceTimings, text: str) -> SentenceSpan:
    """Return where a sentence lies; its characters are those of its words."""
    words = span.timings.words
    start, end = (words[0].start_char, words[-1].end_char) if words else (0, 0)
    return SentenceSpan(text[start:end], start, end, span.start_sample, span.end_sample)


def _word(word: media_pb2.WordTiming) -> Word:
    return Word(
        word=word.word,
        start_char=word.start_char,
        end_char=word.end_char,
        start_sample=word.start_sample,
        end_sample=word.end_sample,
        estimated=word.estimated,
    )


def _phoneme(phoneme: media_pb2.PhonemeTiming) -> Phoneme:
    return Phoneme(phoneme.phoneme, phoneme.start_sample, phoneme.end_sample)
