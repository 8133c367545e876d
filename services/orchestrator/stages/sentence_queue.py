"""A bounded queue of sentences from the language model to the voice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from neurosync.v1 import llm_pb2

MAX_SENTENCES = 8  # that wait for the voice; beyond, the language model waits


class SentenceQueue:
    """Sentences in, by one writer; sentences out, in the same order, by one reader."""

    def __init__(self) -> None:
        self._sentences: deque[llm_pb2.Sentence] = deque()
        self._closed = False
        self._changed = asyncio.Event()

    def put(self, sentence: llm_pb2.Sentence) -> None:
        """Add a sentence; a writer that waits for `room` first keeps the queue within `MAX_SENTENCES`."""
        self._sentences.append(sentence)
        self._changed.set()

    def close(self) -> None:
        """Note that no sentence follows; the reader gets those that are left."""
        self._closed = True
        self._changed.set()

    async def room(self) -> None:
        """Wait until another sentence may be put."""
        while len(self._sentences) >= MAX_SENTENCES:
            await self._wait()

    async def __aiter__(self) -> AsyncIterator[llm_pb2.Sentence]:
        while True:
            while self._sentences:
                sentence = self._sentences.popleft()
                self._changed.set()
                yield sentence
            if self._closed:
                return
            await self._wait()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
