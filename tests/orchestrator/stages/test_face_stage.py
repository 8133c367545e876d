"""The face's side of a turn, against the real face service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest

from neurosync.v1 import face_pb2, media_pb2
from services.common.settings import load
from services.common.wire import audio_chunk
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.stages.connections import Connections
from services.orchestrator.stages.events import StageNotice
from services.orchestrator.stages.face_stage import FaceStage
from services.serving.server import running

RATE = 24_000
SENTENCE = np.random.default_rng(0).integers(-3000, 3000, RATE).astype(np.int16)


class Frames:
    """Reads a face stage and counts its frames."""

    def __init__(self, stage: FaceStage) -> None:
        self.count = 0
        self.finished = False
        self._stage = stage
        self._changed = asyncio.Event()

    async def read(self) -> None:
        async with contextlib.aclosing(self._stage.events()) as events:
            async for event in events:
                assert not isinstance(event, StageNotice), event.error
                if isinstance(event, media_pb2.FrameBatch):
                    assert event.first_frame == self.count
                    self.count += event.frame_count
                self.finished = self.finished or isinstance(event, face_pb2.AnimateFinished)
                self._changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.count < count:
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    settings = load(FaceSettings, listen="127.0.0.1:0")
    async with running(FaceService(settings), settings) as server:
        await server.warm
        made = Connections(load(OrchestratorSettings, face=server.address))
        yield made
        await made.close()


async def test_a_sentence_that_has_ended_gets_its_last_frames_before_the_next_one_begins(
    connections: Connections,
) -> None:
    stage = FaceStage(connections, RATE)
    frames = Frames(stage)
    reading = asyncio.create_task(frames.read())
    for number in range(3):
        stage.begin_sentence(number * RATE)
        stage.push(audio_chunk(number * RATE, SENTENCE))
        stage.end_sentence()
        await frames.until(60 * (number + 1))
    stage.end()
    await asyncio.wait_for(reading, 10)
    assert frames.finished
    assert frames.count == 180


async def test_without_an_end_of_sentence_the_last_frames_wait_for_what_follows(connections: Connections) -> None:
    stage = FaceStage(connections, RATE)
    frames = Frames(stage)
    reading = asyncio.create_task(frames.read())
    stage.begin_sentence(0)
    stage.push(audio_chunk(0, SENTENCE))
    await frames.until(50)
    assert frames.count < 60
    stage.end()
    await asyncio.wait_for(reading, 10)
    assert frames.count == 60
