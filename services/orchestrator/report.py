"""What a turn tells its client: events in order, bounded, and how long each stage took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from neurosync.v1 import media_pb2, orchestrator_pb2
from services.common.wire import duration
from services.orchestrator.transcript import Line, Word

MAX_EVENTS = 4_000  # that a client may leave unread, some 40 s of speech with media; beyond, nobody is reading


class Reporter:
    """The events of one turn, for one listener."""

    def __init__(self, on_unread: Callable[[], None]) -> None:
        """Report from now on; `on_unread` is called once if the listener does not read."""
        self._events: asyncio.Queue[orchestrator_pb2.ConverseResponse | None] = asyncio.Queue(MAX_EVENTS + 1)
        self._on_unread = on_unread
        self._has_listener = True
        self._start = time.monotonic()
        self._marks: dict[str, float] = {}

    def tell(self, **event: Any) -> None:
        """Report one event, named as in `ConverseResponse`."""
        if not self._has_listener:
            return
        if self._events.qsize() < MAX_EVENTS:
            self._events.put_nowait(orchestrator_pb2.ConverseResponse(**event))
        else:
            self.forsake()
            self._on_unread()

    def mark(self, stage: str, since: float = 0.0) -> None:
        """Note how long it took to get here, or where it was `since` seconds ago; the first time counts."""
        self._marks.setdefault(stage, time.monotonic() - since - self._start)

    def timings(self) -> list[media_pb2.StageTiming]:
        """Return what was marked."""
        return [media_pb2.StageTiming(stage=stage, duration=duration(at)) for stage, at in self._marks.items()]

    async def events(self) -> AsyncIterator[orchestrator_pb2.ConverseResponse]:
        """Yield the events until `close`."""
        while (event := await self._events.get()) is not None:
            yield event

    def forsake(self) -> None:
        """Note that nobody listens any more."""
        self._has_listener = False

    def close(self) -> None:
        """End the events."""
        self._events.put_nowait(None)


def timed_word(word: Word) -> media_pb2.WordTiming:
    """Return a word as a message."""
    return media_pb2.WordTiming(
        word=word.text,
        start_char=word.start_char,
        end_char=word.end_char,
        start_sample=word.start_sample,
        end_sample=word.end_sample,
        estimated=word.estimated,
    )


def line_timings(
    index: int, line: Line, phonemes: Iterable[media_pb2.PhonemeTiming]
) -> orchestrator_pb2.SentenceTimings:
    """Return where a sentence lies in the turn."""
    return orchestrator_pb2.SentenceTimings(
        sentence_index=index,
        start_sample=line.start_sample,
        end_sample=line.end_sample or line.start_sample,
        timings=media_pb2.Timings(words=map(timed_word, line.words), phonemes=phonemes),
    )
