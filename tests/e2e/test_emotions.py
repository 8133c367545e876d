"""Emotions of a text, from its tags to the face that Unreal receives."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
import pytest

from neurosync.v1 import media_pb2, orchestrator_pb2_grpc, player_pb2, player_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest, ConverseResponse
from services.media.curves import INDEX
from services.serving.dialing import dial
from tests.e2e.conftest import RunningStack

TEXT = "[happy] What a lovely day it is today. Now [sad] all of it is over and gone."


async def watch(address: str, shown: list[list[float]]) -> None:
    async with dial(address) as channel:
        stub = player_pb2_grpc.PlayerServiceStub(channel)
        async for event in stub.WatchFrames(player_pb2.WatchFramesRequest()):
            shown.extend([list(event.frame.values)] if event.HasField("frame") else [])


async def perform(stack: RunningStack, request: ConverseRequest) -> tuple[list[ConverseResponse], np.ndarray]:
    """Return the events of a turn, and the frames that were sent meanwhile, shape (n, 61)."""
    shown: list[list[float]] = []
    watching = asyncio.create_task(watch(stack.addresses["player"], shown))
    try:
        async with dial(stack.addresses["orchestrator"]) as channel:
            stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
            events = [event async for event in stub.Converse(request, timeout=60)]
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    return events, np.array(shown)


def strengths(events: list[ConverseResponse]) -> list[tuple[int, int, float]]:
    """Return sample, emotion and strength of each key."""
    keys = [event.emotion for event in events if event.HasField("emotion")]
    return [(key.at_sample, weight.emotion, weight.weight) for key in keys for weight in key.weights]


async def test_emotion_tags_are_shown_and_not_spoken(stack: RunningStack) -> None:
    request = ConverseRequest(session_id="emotions", speak=TEXT, include_media=True)
    events, shown = await perform(stack, request)
    words = [word for event in events if event.HasField("timings") for word in event.timings.timings.words]
    assert [word.word for word in words][:2] == ["What", "a"]
    assert not {"[happy]", "[sad]", "happy", "sad"} & {word.word for word in words}
    after = next(word.start_sample for word in words if word.word == "all")
    assert strengths(events) == [(0, media_pb2.EMOTION_HAPPY, 1.0), (after, media_pb2.EMOTION_SAD, 1.0)]
    finished = events[-1].finished
    assert finished.heard_text == TEXT
    smile, frown = shown[:, INDEX["MouthSmileLeft"]], shown[:, INDEX["MouthFrownLeft"]]
    cheeks, brows = shown[:, INDEX["CheekSquintLeft"]], shown[:, INDEX["BrowInnerUp"]]
    assert cheeks.max() > 0.2
    assert brows.max() > 0.6
    assert cheeks.argmax() < brows.argmax()
    assert smile.argmax() < frown.argmax()
    assert np.abs(np.diff(brows)).max() < 0.1


async def test_the_emotions_of_a_request_hold_for_its_turn(stack: RunningStack) -> None:
    emotions = [media_pb2.EmotionWeight(emotion=media_pb2.EMOTION_SURPRISED, weight=0.5)]
    request = ConverseRequest(session_id="request", speak="Is that so? Really?", emotions=emotions, include_media=True)
    events, shown = await perform(stack, request)
    assert strengths(events) == [(0, media_pb2.EMOTION_SURPRISED, 0.5)]
    wide = shown[:, INDEX["EyeWideLeft"]]
    assert 0.25 < wide.max() < 0.45
    assert wide.max() == pytest.approx(shown[:, INDEX["EyeWideRight"]].max(), abs=0.05)
