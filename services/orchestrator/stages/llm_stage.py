"""The llm stage of a turn: yields the text and the sentences of the reply, or those of a text to speak as it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TypeAlias

import grpc

from neurosync.v1 import llm_pb2, orchestrator_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from neurosync.v1.outcome_pb2 import Reason
from services.common.errors import InactiveError
from services.orchestrator.history import HistoryEntry
from services.orchestrator.stages.connections import Connections, StageError, is_away
from services.orchestrator.stages.events import StageNotice
from services.orchestrator.stages.watchdog import Watchdog, read
from services.text.sentences import SentenceSplitter

ATTEMPTS = 2  # at a reply of which nothing came; gRPC itself has retried what was merely unreachable
SPLIT_CHARS = 1_000  # of a text to speak that are split at a time, some milliseconds; meanwhile other turns wait

Room: TypeAlias = Callable[[], Awaitable[None]]
"""Waits until another sentence can be taken; meanwhile the model is not read."""
WordEvent: TypeAlias = (
    llm_pb2.GenerateStarted | llm_pb2.TextDelta | llm_pb2.Sentence | llm_pb2.GenerateFinished | StageNotice
)


async def split(text: str, room: Room) -> AsyncGenerator[WordEvent, None]:
    """Yield the sentences of a text, cut as the language model's are."""
    splitter = SentenceSplitter()
    index = at = 0
    for first in range(0, len(text) + 1, SPLIT_CHARS):  # one more than there are may be left, to end the text
        pieces = splitter.push(text[first : first + SPLIT_CHARS])
        if first + SPLIT_CHARS > len(text):
            pieces += splitter.end()
        for piece in pieces:
            yield llm_pb2.Sentence(index=index, text=piece, start_char=at, end_char=at + len(piece))
            index, at = index + 1, at + len(piece)
            await room()
        await asyncio.sleep(0)


async def generate(
    connections: Connections, request: orchestrator_pb2.ConverseRequest, history: Sequence[HistoryEntry], room: Room
) -> AsyncGenerator[WordEvent, None]:
    """Yield the model's reply as text and as sentences; if it breaks off, what came so far is spoken.

    Raises:
        StageError: The model failed before its first word.
    """
    text, index, at = "", 0, 0
    try:
        async with contextlib.aclosing(_answers(connections, _request(request, history))) as answers:
            async for answer in answers:
                if isinstance(answer, StageError):
                    yield StageNotice(answer)
                    continue
                match answer.WhichOneof("event"):
                    case "started":
                        yield answer.started
                    case "delta":
                        text += answer.delta.text
                        yield answer.delta
                    case "sentence":
                        index, at = answer.sentence.index + 1, answer.sentence.end_char
                        yield answer.sentence
                        await room()
                    case "finished":
                        if answer.finished.reason == llm_pb2.FINISH_REASON_ERROR:
                            yield StageNotice(_broken_off(answer.finished))
                        yield answer.finished
    except (grpc.aio.AioRpcError, InactiveError) as error:
        failure = connections.failure(Stage.STAGE_LLM, error)
        if not text:
            raise failure from error
        yield StageNotice(failure)
        if rest := text[at:]:
            yield llm_pb2.Sentence(index=index, text=rest, start_char=at, end_char=at + len(rest))


async def _answers(
    connections: Connections, request: llm_pb2.GenerateRequest
) -> AsyncGenerator[llm_pb2.GenerateResponse | StageError, None]:
    """Yield the messages of a reply, asked for once more if the model is away and nothing has come."""
    for attempt in range(1, ATTEMPTS + 1):
        watchdog = Watchdog(connections, Stage.STAGE_LLM)
        call = connections.llm.Generate(request, metadata=connections.metadata)
        has_begun = False
        try:
            reading = read(call, watchdog, always_owes=True)
            async with contextlib.aclosing(reading) as answers:
                async for answer in answers:
                    has_begun = has_begun or not isinstance(answer, StageError)
                    yield answer
            return
        except (grpc.aio.AioRpcError, InactiveError) as error:
            if has_begun or attempt == ATTEMPTS or not is_away(error):
                raise
            if not await connections.is_connected(Stage.STAGE_LLM):
                raise


def _broken_off(finished: llm_pb2.GenerateFinished) -> StageError:
    text = finished.error_message or "the reply was broken off"
    return StageError(Stage.STAGE_LLM, Reason.REASON_STAGE_BROKE_OFF, text, retryable=True)


def _request(request: orchestrator_pb2.ConverseRequest, history: Sequence[HistoryEntry]) -> llm_pb2.GenerateRequest:
    return llm_pb2.GenerateRequest(
        prompt=request.prompt,
        history=[entry.exchange() for entry in history if entry.user_text],
        system_prompt=request.system_prompt,
        model=request.model,
    )
