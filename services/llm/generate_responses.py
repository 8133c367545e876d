"""Writes the events of one reply as Generate responses: deltas, whole sentences, and the end with its timings."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from neurosync.v1 import llm_pb2, outcome_pb2
from services.common.wire import duration
from services.llm.generation import ReplyEvent, ReplyStarted
from services.llm.providers.language_provider import FinishReason, ReplyEnd
from services.text.sentences import SentenceSplitter

logger = logging.getLogger(__name__)

_FINISH_REASONS = {
    FinishReason.STOP: llm_pb2.FINISH_REASON_STOP,
    FinishReason.LENGTH: llm_pb2.FINISH_REASON_LENGTH,
    FinishReason.FILTERED: llm_pb2.FINISH_REASON_FILTERED,
    FinishReason.ERROR: llm_pb2.FINISH_REASON_ERROR,
}


class GenerateResponseWriter:
    """The responses of one call."""

    def __init__(self, started: float, splitter: SentenceSplitter) -> None:
        """Write the responses of a call that began at `started` (seconds, monotonic)."""
        self._started = started
        self._splitter = splitter
        self._sentence_count = 0
        self._character_count = 0
        self._first_word = 0.0
        self._first_sentence = 0.0

    def responses(self, event: ReplyEvent, now: float) -> Iterator[llm_pb2.GenerateResponse]:
        """Yield the responses that follow from an event at the time `now`."""
        elapsed = now - self._started
        if isinstance(event, ReplyStarted):
            self._first_word = elapsed
            started = llm_pb2.GenerateStarted(provider=event.provider, model=event.model)
            yield llm_pb2.GenerateResponse(started=started)
        elif isinstance(event, str):
            yield llm_pb2.GenerateResponse(delta=llm_pb2.TextDelta(text=event))
            yield from self._sentences(self._splitter.push(event), elapsed)
        else:
            yield from self._sentences(self._splitter.end(), elapsed)
            yield llm_pb2.GenerateResponse(finished=self._finished(event, elapsed))

    def _sentences(self, pieces: list[str], elapsed: float) -> Iterator[llm_pb2.GenerateResponse]:
        for piece in pieces:
            if not self._sentence_count:
                self._first_sentence = elapsed
            start, end = self._character_count, self._character_count + len(piece)
            sentence = llm_pb2.Sentence(index=self._sentence_count, text=piece, start_char=start, end_char=end)
            self._sentence_count, self._character_count = self._sentence_count + 1, end
            yield llm_pb2.GenerateResponse(sentence=sentence)

    def _finished(self, end: ReplyEnd, elapsed: float) -> llm_pb2.GenerateFinished:
        logger.info(
            "reply finished reason=%s sentences=%d first_word=%.3f first_sentence=%.3f total=%.3f",
            end.reason.name, self._sentence_count, self._first_word, self._first_sentence, elapsed,
        )  # fmt: skip
        broke_off = end.reason is FinishReason.ERROR
        return llm_pb2.GenerateFinished(
            reason=_FINISH_REASONS[end.reason],
            usage=llm_pb2.TokenUsage(input_token_count=end.input_tokens, output_token_count=end.output_tokens),
            first_word=duration(self._first_word),
            first_sentence=duration(self._first_sentence),
            total=duration(elapsed),
            error_message=end.message,
            error_reason=outcome_pb2.REASON_UNAVAILABLE if broke_off else outcome_pb2.REASON_UNSPECIFIED,
        )
