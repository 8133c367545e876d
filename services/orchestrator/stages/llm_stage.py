"""The words of a turn: sentences from the language model, or from a text that is spoken as it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import grpc

from neurosync.v1 import llm_pb2, orchestrator_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.common.errors import InactiveError
from services.orchestrator.connections import StageError, Stages, is_away
from services.orchestrator.history import Entry
from services.orchestrator.watchdog import Patience, answers
from services.text.sentences import SentenceSplitter

ATTEMPTS = 2  # at a reply of which nothing came; gRPC itself has retried what was merely unreachable

SPLIT_CHARS = 1_000  # of a text to speak that are split in one go, some milliseconds; meanwhile other turns wait


class Listener(Protocol):
    """Who follows the words as they are made."""

    def on_delta(self, text: str) -> None:
        """Take a piece of the reply."""

    def on_words_finished(self, finished: llm_pb2.GenerateFinished) -> None:
        """Take the model's account of its reply."""

    def on_words_started(self, started: llm_pb2.GenerateStarted) -> None:
        """Hear which model answers."""

    def on_notice(self, failure: StageError) -> None:
        """Hear of a failure that the turn survives."""

    def on_slow(self, slow: StageError) -> None:
        """Hear that the model takes its time."""


async def split(text: str) -> AsyncGenerator[llm_pb2.Sentence, None]:
    """Yield a text as sentences that are spoken in one go, cut as the language model's are."""
    splitter = SentenceSplitter()
    index = at = 0
    for first in range(0, len(text) + 1, SPLIT_CHARS):  # one more than there are may be left, to end the text
        pieces = splitter.push(text[first : first + SPLIT_CHARS])
        if first + SPLIT_CHARS > len(text):
            pieces += splitter.end()
        for piece in pieces:
            yield llm_pb2.Sentence(index=index, text=piece, start_char=at, end_char=at + len(piece))
            index, at = index + 1, at + len(piece)
        await asyncio.sleep(0)


async def generate(
    stages: Stages,
    request: orchestrator_pb2.ConverseRequest,
    history: Sequence[Entry],
    listener: Listener,
) -> AsyncGenerator[llm_pb2.Sentence, None]:
    """Yield the sentences of the model's reply; if it breaks off, what was said so far is spoken.

    Raises:
        StageError: The model failed before its first word.
    """
    text, index, at = "", 0, 0
    try:
        async with contextlib.aclosing(_events(stages, _request(request, history), listener)) as events:
            async for event in events:
                match event.WhichOneof("event"):
                    case "started":
                        listener.on_words_started(event.started)
                    case "delta":
                        text += event.delta.text
                        listener.on_delta(event.delta.text)
                    case "sentence":
                        index, at = event.sentence.index + 1, event.sentence.end_char
                        yield event.sentence
                    case "finished":
                        listener.on_words_finished(event.finished)
    except (grpc.aio.AioRpcError, InactiveError) as error:
        failure = stages.failure(Stage.STAGE_LLM, error)
        if not text:
            raise failure from error
        listener.on_notice(failure)
        if rest := text[at:]:
            yield llm_pb2.Sentence(index=index, text=rest, start_char=at, end_char=at + len(rest))


async def _events(
    stages: Stages, request: llm_pb2.GenerateRequest, listener: Listener
) -> AsyncGenerator[llm_pb2.GenerateResponse, None]:
    """Yield the events of a reply, asked for once more if the model is away and nothing has come."""
    for attempt in range(1, ATTEMPTS + 1):
        patience = Patience(stages, Stage.STAGE_LLM, listener.on_slow)
        call = stages.llm.Generate(request, metadata=stages.metadata)
        begun = False
        try:
            async with contextlib.aclosing(answers(call, patience)) as events:
                async for event in events:
                    begun = True
                    yield event
            return
        except (grpc.aio.AioRpcError, InactiveError) as error:
            if begun or attempt == ATTEMPTS or not (is_away(error) and await stages.reconnected(Stage.STAGE_LLM)):
                raise


def _request(request: orchestrator_pb2.ConverseRequest, history: Sequence[Entry]) -> llm_pb2.GenerateRequest:
    return llm_pb2.GenerateRequest(
        prompt=request.prompt,
        history=[
            llm_pb2.Exchange(user_text=entry.user_text, assistant_text=entry.heard_text, interrupted=entry.interrupted)
            for entry in history
            if entry.user_text
        ],
        system_prompt=request.system_prompt,
        model=request.model,
    )
