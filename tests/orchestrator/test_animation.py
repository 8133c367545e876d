"""The face's side of a turn, against the real face service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import numpy as np
import pytest

from neurosync.v1 import face_pb2, media_pb2
from services.common.settings import load
from services.common.wire import audio_chunk
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.orchestrator.connections import StageError, Stages
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.stages.face_stage import Animation
from services.serving.server import running

RATE = 24_000
SENTENCE = np.random.default_rng(0).integers(-3000, 3000, RATE).astype(np.int16)


class Heard:
    """A turn that notes how many frames came."""

    def __init__(self) -> None:
        self.frame_count = 0
        self.finished = False
        self.tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    async def until(self, frame_count: int) -> None:
        async with asyncio.timeout(10):
            while self.frame_count < frame_count:
                self._changed.clear()
                await self._changed.wait()

    def on_frame_header(self, header: media_pb2.FrameHeader) -> None: ...

    def on_frames(self, frames: media_pb2.FrameBatch) -> None:
        assert frames.first_frame == self.frame_count
        self.frame_count += frames.frame_count
        self._changed.set()

    def on_emotion(self, emotion: media_pb2.EmotionKey) -> None: ...

    def on_face_finished(self, finished: face_pb2.AnimateFinished) -> None:
        self.finished = True

    def on_face_failure(self, failure: StageError) -> None:
        raise AssertionError(failure)

    def on_slow(self, slow: StageError) -> None:
        raise AssertionError(slow)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(work, name=name))
        return self.tasks[-1]


@pytest.fixture
async def stages() -> AsyncIterator[Stages]:
    settings = load(FaceSettings, listen="127.0.0.1:0")
    async with running(FaceService(settings), settings) as server:
        await server.warm
        made = Stages(load(OrchestratorSettings, face=server.address))
        yield made
        await made.close()


async def test_a_sentence_that_has_ended_gets_its_last_frames_before_the_next_one_begins(stages: Stages) -> None:
    heard = Heard()
    animation = Animation(stages, RATE, heard)
    for number in range(3):
        animation.begin_sentence(number * RATE)
        animation.push(audio_chunk(number * RATE, SENTENCE))
        animation.end_sentence()
        await heard.until(60 * (number + 1))
    await animation.end()
    assert heard.finished
    assert heard.frame_count == 180
    await asyncio.wait(heard.tasks, timeout=10)


async def test_without_an_end_of_sentence_the_last_frames_wait_for_what_follows(stages: Stages) -> None:
    heard = Heard()
    animation = Animation(stages, RATE, heard)
    animation.begin_sentence(0)
    animation.push(audio_chunk(0, SENTENCE))
    await heard.until(50)
    assert heard.frame_count < 60
    await animation.end()
    assert heard.frame_count == 60
    await asyncio.wait(heard.tasks, timeout=10)
