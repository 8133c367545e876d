"""Sentences, read a few ahead of the voice that speaks them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from neurosync.v1 import llm_pb2
from services.orchestrator.connections import StageError

SENTENCES_AHEAD = 8  # beyond, the language model waits

_Ahead = asyncio.Queue[llm_pb2.Sentence | StageError | None]


async def ahead(
    sentences: AsyncGenerator[llm_pb2.Sentence, None],
    note: Callable[[llm_pb2.Sentence], None],
    spawn: Callable[..., asyncio.Task[None]],
) -> AsyncIterator[llm_pb2.Sentence]:
    """Yield sentences, while a task of `spawn` reads on and gives each to `note` as it comes.

    Raises:
        StageError: What ended them; those that came before are yielded first.
    """
    queue: _Ahead = asyncio.Queue(SENTENCES_AHEAD)
    spawn(_fill(queue, sentences, note), name="words")
    while (item := await queue.get()) is not None:
        if isinstance(item, StageError):
            raise item
        yield item


async def _fill(
    queue: _Ahead, sentences: AsyncGenerator[llm_pb2.Sentence, None], note: Callable[[llm_pb2.Sentence], None]
) -> None:
    last: StageError | None = None
    try:
        async with contextlib.aclosing(sentences):
            async for sentence in sentences:
                note(sentence)
                await queue.put(sentence)
    except StageError as failure:
        last = failure
    await queue.put(last)
