"""The words of a turn: sentences from the language model, or from a text that is spoken as it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import grpc

from neurosync.v1 import llm_pb2, orchestrator_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.errors import InactiveError
from services.orchestrator.history import Entry
from services.orchestrator.stages import StageError, Stages
from services.text.sentences import SentenceSplitter
from services.wire import within


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


async def split(text: str) -> AsyncGenerator[llm_pb2.Sentence, None]:
    """Yield a text as sentences that are spoken in one go, cut as the language model's are."""
    splitter = SentenceSplitter()
    at = 0
    for index, piece in enumerate([*splitter.push(text), *splitter.end()]):
        yield llm_pb2.Sentence(index=index, text=piece, start_char=at, end_char=at + len(piece))
        at += len(piece)


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
    call = stages.llm.Generate(_request(request, history), metadata=stages.metadata)
    text, index, at = "", 0, 0
    try:
        async for event in within(call.__aiter__(), stages.timeout, "the language model"):
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
    finally:
        call.cancel()


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
