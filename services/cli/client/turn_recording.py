"""Collect the events of a turn, and what the player sent meanwhile, into a take."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from neurosync.v1 import media_pb2, orchestrator_pb2
from neurosync.v1.outcome_pb2 import TurnOutcome
from services.cli.client.synchronized_capture import SentFrames, Witness
from services.common.types import Pcm, Weights
from services.common.wire import pcm_of, seconds_of, weights_of
from services.media.curves import CURVE_COUNT, columns
from services.media.emotions import emotion_columns
from services.media.frames import frame_count
from services.media.takes import take_folder as takes
from services.media.takes.heard_sound import HeardSound, Piece, heard_sound, tick_sample
from services.media.takes.take_info import SentenceSpan, TakeEvent, TakeInfo, TakePhoneme, TakeWord

CUT_SHORT = (TurnOutcome.TURN_OUTCOME_INTERRUPTED, TurnOutcome.TURN_OUTCOME_SUPERSEDED)
"""Outcomes of a turn that was silenced before its end."""


class TakeRecorder:
    """Takes every event of one turn that was asked for with `include_media`, and writes what was heard of it."""

    def __init__(self, prompt: str | None, witness: Witness | None = None) -> None:
        """Record the answer to `prompt`; None for a text that was spoken as it is.

        With a `witness` of the player the take holds the frames as they were sent and the sound with its pauses;
        without, both as they were made.
        """
        self._prompt = prompt
        self._witness = witness
        self._created = datetime.now(UTC)
        self._pcm: list[Pcm] = []
        self._frames: list[tuple[int, Weights]] = []
        self._header = media_pb2.FrameHeader()
        self._spans: list[orchestrator_pb2.SentenceTimings] = []
        self._notices: list[tuple[int, str]] = []

    def note(self, event: orchestrator_pb2.ConverseResponse) -> None:
        """Take one event."""
        match event.WhichOneof("event"):
            case "accepted" if self._witness:
                self._witness.turn_id = event.accepted.turn_id
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
                self._notices.append((self._witness.heard_sample if self._witness else 0, event.notice.message))

    async def take(self, finished: orchestrator_pb2.TurnFinished) -> takes.Take:
        """Return what was heard as a take."""
        pcm = np.concatenate(self._pcm) if self._pcm else np.zeros(0, np.int16)
        pcm = pcm[: finished.heard_sample_count]
        rate = finished.sample_rate_hertz or 24_000  # a turn without sound has no rate
        sent = await self._witness.sent(rate) if self._witness else SentFrames()
        if not sent.ticks:
            heard = HeardSound(pcm, (Piece(0, len(pcm), 0),))
            count = frame_count(len(pcm), rate)
            weights, emotions = self._made(np.arange(count))
            return takes.Take(self._info(finished, rate, heard, sent), pcm, weights, emotions)
        heard = heard_sound(pcm, rate, sent.ticks, sent.played, stopped=finished.outcome in CUT_SHORT)
        rows = sent.rows(frame_count(len(heard.pcm), rate))
        emotions = rows.emotions if rows.emotions.any() else self._made(rows.turn_frames)[1]
        return takes.Take(self._info(finished, rate, heard, sent), heard.pcm, rows.weights, emotions, rows.times)

    async def write(self, folder: Path | None, root: Path, finished: orchestrator_pb2.TurnFinished) -> Path:
        """Write the take into `folder`, or into a new one under `root` that is named after time and text."""
        take = await self.take(finished)
        if folder is None:
            folder = root / takes.take_name(self._created, self._prompt or finished.text)
        return takes.write_take(folder, take)

    def _made(self, frames: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> tuple[Weights, Weights | None]:
        """Return curves (n, 61) and emotions (n, 7), 0 to 1, as the face made them for frames of the turn.

        Frames that never came are at rest; a frame of -1, as in a pause, feels as the one before it.
        """
        count = max((first + len(rows) for first, rows in self._frames), default=0)
        table = np.zeros((count + 1, len(self._header.curve_names)), np.float32)  # the last one for what never came
        for first, rows in self._frames:
            table[first : first + len(rows)] = rows
        last = np.maximum.accumulate(frames) if len(frames) else frames
        rows = table[np.where((last >= 0) & (last < count), last, count)]
        weights = np.zeros((len(frames), CURVE_COUNT), np.float32)
        column = columns(self._header.curve_names)
        weights[:, column >= 0] = rows[:, column[column >= 0]]
        emotions = emotion_columns(self._header.curve_names)
        return weights, None if emotions is None else rows[:, emotions]

    def _info(
        self, finished: orchestrator_pb2.TurnFinished, rate: int, heard: HeardSound, sent: SentFrames
    ) -> TakeInfo:
        phonemes = [phoneme for span in self._spans for phoneme in span.timings.phonemes]
        return TakeInfo(
            sample_rate=rate,
            text=finished.text,
            prompt=self._prompt,
            heard_text=finished.heard_text,
            interrupted=finished.outcome in CUT_SHORT,
            sentences=tuple(_span(span, finished.text, heard) for span in self._spans),
            words=tuple(_word(word, heard) for span in self._spans for word in span.timings.words),
            phonemes=tuple(TakePhoneme(one.phoneme, *_places(one, heard)) for one in phonemes),
            stages={timing.stage: round(seconds_of(timing.duration), 4) for timing in finished.timings},
            counters=self._counters(finished, sent),
            providers=dict(finished.providers),
            versions={"neurosync": version("neurosync")},
            notices=tuple(text for _, text in self._notices),
            events=self._events(finished, rate, heard, sent),
            recorded="sent" if sent.ticks else "made",
            created=self._created,
        )

    def _counters(self, finished: orchestrator_pb2.TurnFinished, sent: SentFrames) -> dict[str, int]:
        fields = finished.counters.DESCRIPTOR.fields
        counters = {field.name: int(getattr(finished.counters, field.name)) for field in fields}
        if sent.ticks and self._witness:
            counters["tick_missed_count"] = sent.ticks[-1] + 1 - len(sent.ticks)
        return counters

    def _events(
        self, finished: orchestrator_pb2.TurnFinished, rate: int, heard: HeardSound, sent: SentFrames
    ) -> tuple[TakeEvent, ...]:
        """Return pauses, holes among the frames, notices and the interruption, in order."""
        events = [
            TakeEvent("pause", f"no sound for {1000 * (end - start) / rate:.0f} ms", start, end)
            for start, end in heard.pauses
        ]
        for first, end in sent.holes:
            start, stop = tick_sample(first, rate), tick_sample(end, rate)
            events.append(TakeEvent("missed", f"{end - first} frames are missing", start, stop))
        for sample, text in self._notices:
            at = min(heard.place(sample), len(heard.pcm))
            events.append(TakeEvent("notice", text, at, at))
        if finished.outcome in CUT_SHORT:
            events.append(TakeEvent("interrupted", "interrupted here", len(heard.pcm), len(heard.pcm)))
        return tuple(sorted(events, key=lambda event: event.start_sample))


def _span(span: orchestrator_pb2.SentenceTimings, text: str, heard: HeardSound) -> SentenceSpan:
    """Return where a sentence lies; its characters are those of its words."""
    words = span.timings.words
    start, end = (words[0].start_char, words[-1].end_char) if words else (0, 0)
    return SentenceSpan(text[start:end], start, end, *_places(span, heard))


def _word(word: media_pb2.WordTiming, heard: HeardSound) -> TakeWord:
    first, end = _places(word, heard)
    return TakeWord(word.word, word.start_char, word.end_char, first, end, word.estimated)


def _places(
    run: orchestrator_pb2.SentenceTimings | media_pb2.WordTiming | media_pb2.PhonemeTiming, heard: HeardSound
) -> tuple[int, int]:
    """Return where something that was said lies in what was heard: its first sample, and one past its last."""
    first = heard.place(run.start_sample)
    return first, max(first, heard.place_end(run.end_sample))
