"""The events of a turn for its client: in order, bounded, and with how long each stage took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from neurosync.v1 import media_pb2, orchestrator_pb2, player_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from neurosync.v1.outcome_pb2 import Reason
from services.common.wire import duration
from services.orchestrator.record.transcript import TranscriptSentence, TranscriptWord

MAX_EVENTS = 4_000  # that a client may leave unread, some 40 s of speech with media; beyond, nobody is reading


class Report:
    """The events of one turn, for one client."""

    def __init__(self, *, include_media: bool) -> None:
        """Collect events; sound, frames and emotions only if the client asked for them."""
        self.is_overrun = False
        """Whether the client has left too many events unread; later ones are dropped."""
        self._include_media = include_media
        self._events: asyncio.Queue[orchestrator_pb2.ConverseResponse | None] = asyncio.Queue(MAX_EVENTS + 1)
        self._has_client = True
        self._start = time.monotonic()
        self._marks: dict[str, float] = {}

    def publish(self, **event: Any) -> None:
        """Add one event, named as in `ConverseResponse`."""
        if not self._has_client:
            return
        if self._events.qsize() < MAX_EVENTS:
            self._events.put_nowait(orchestrator_pb2.ConverseResponse(**event))
        else:
            self.is_overrun = True
            self.detach()

    def publish_media(self, **event: Any) -> None:
        """Add an event of sound, frames or emotions, if the client asked for them."""
        if self._include_media:
            self.publish(**event)

    def publish_notice(self, stage: Stage.ValueType, reason: Reason.ValueType, message: str) -> None:
        """Add something that happened and that the turn survives."""
        self.publish(notice=orchestrator_pb2.TurnNotice(stage=stage, reason=reason, message=message))

    def publish_started(self, event: player_pb2.PerformStarted, timings: Sequence[media_pb2.StageTiming]) -> None:
        """Add that the first sample is at the listener's ear."""
        started = orchestrator_pb2.TurnStarted(timings=timings, with_frames=event.with_frames, heard_at=event.heard_at)
        self.publish(started=started)

    def publish_heard(self, words: Sequence[TranscriptWord], sample: int) -> None:
        """Add the words that were newly heard by `sample`, if there are any."""
        if words:
            self.publish(heard=orchestrator_pb2.HeardWords(words=map(word_timing, words), heard_sample_count=sample))

    def mark(self, stage: str, since: float = 0.0) -> None:
        """Note how long it took to get here, or to where it was `since` seconds ago; the first time counts."""
        self._marks.setdefault(stage, time.monotonic() - since - self._start)

    def timings(self) -> list[media_pb2.StageTiming]:
        """Return what was marked."""
        return [media_pb2.StageTiming(stage=stage, duration=duration(at)) for stage, at in self._marks.items()]

    async def events(self) -> AsyncIterator[orchestrator_pb2.ConverseResponse]:
        """Yield the events until `close`."""
        while (event := await self._events.get()) is not None:
            yield event

    def detach(self) -> None:
        """Note that the client is gone: later events are dropped."""
        self._has_client = False

    def close(self) -> None:
        """End the events."""
        self._events.put_nowait(None)


def word_timing(word: TranscriptWord) -> media_pb2.WordTiming:
    """Return a word as a message."""
    return media_pb2.WordTiming(
        word=word.text,
        start_char=word.start_char,
        end_char=word.end_char,
        start_sample=word.start_sample,
        end_sample=word.end_sample,
        estimated=word.estimated,
    )


def sentence_timings(
    index: int, sentence: TranscriptSentence, phonemes: tuple[media_pb2.PhonemeTiming, ...]
) -> orchestrator_pb2.SentenceTimings:
    """Return where a sentence lies in the turn."""
    return orchestrator_pb2.SentenceTimings(
        sentence_index=index,
        start_sample=sentence.start_sample,
        end_sample=sentence.end_sample or sentence.start_sample,
        timings=media_pb2.Timings(words=map(word_timing, sentence.words), phonemes=phonemes),
    )
