"""The client of the face service, against one that ends early or hangs, and what it collects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import numpy as np
import pytest

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.cli.client.connection import Connection
from services.cli.client.face_client import CollectedFrames, animate_clip, animate_stream
from services.common.errors import InactiveError, UnavailableError
from services.media.curves import INDEX
from services.media.wav_writer import wav_bytes
from services.serving.dialing import dial
from tests.cli.sounds import babble


class _Early(face_pb2_grpc.FaceServiceServicer):
    """Sends a header of `rate` Hz and nothing more: a stream then ends, a clip hangs until the client goes."""

    rate = 60

    async def Animate(self, requests, _context):  # type: ignore[no-untyped-def]
        async for _ in requests:
            pass
        yield face_pb2.AnimateResponse(header=self._header())

    async def AnimateClip(self, _request, _context):  # type: ignore[no-untyped-def]
        yield face_pb2.AnimateClipResponse(header=self._header())
        await asyncio.Event().wait()

    async def DescribeModels(self, _request, _context):  # type: ignore[no-untyped-def]
        return face_pb2.DescribeModelsResponse()

    def _header(self) -> face_pb2.AnimateHeader:
        return face_pb2.AnimateHeader(frames=media_pb2.FrameHeader(frame_rate_hertz=self.rate))


@pytest.fixture
async def early() -> AsyncIterator[Connection]:
    server = grpc.aio.server()
    face_pb2_grpc.add_FaceServiceServicer_to_server(_Early(), server)  # type: ignore[no-untyped-call,unused-ignore]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with dial(f"127.0.0.1:{port}") as channel:
        yield Connection(channel, (), f"127.0.0.1:{port}", own=False)
    await server.stop(0)


async def test_a_stream_that_ends_early_is_an_error_and_no_half_file(early: Connection) -> None:
    with pytest.raises(UnavailableError, match="before its last frame"):
        await animate_stream(early, babble(0.2), "", lambda _: None)


async def test_a_service_that_hangs_is_given_up(early: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.client.face_client.SILENT_SECONDS", 0.2)
    with pytest.raises(InactiveError, match="no message of the face service"):
        await animate_clip(early, wav_bytes(babble(0.2)), "", lambda _: None)


async def test_a_frame_rate_that_is_none_is_an_error(early: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Early, "rate", 0)
    with pytest.raises(UnavailableError, match="0 frames a second"):
        await animate_clip(early, wav_bytes(babble(0.2)), "", lambda _: None)


def test_curves_are_placed_by_name_and_emotions_by_sample() -> None:
    collected = CollectedFrames()
    header = media_pb2.FrameHeader(curve_names=["TongueOut", "JawOpen", "Own"], frame_rate_hertz=30, source="other")
    assert not collected.add(face_pb2.AnimateResponse(header=face_pb2.AnimateHeader(frames=header)))
    batch = media_pb2.FrameBatch(first_frame=0, frame_count=2, weights=[0.1, 0.2, 9, 0.3, 0.4, 9])
    assert not collected.add(face_pb2.AnimateResponse(frames=batch))
    happy = media_pb2.EmotionWeight(emotion=media_pb2.EMOTION_HAPPY, weight=0.5)
    assert not collected.add(face_pb2.AnimateResponse(emotion=media_pb2.EmotionKey(at_sample=800, weights=[happy])))
    assert collected.seconds == 2 / 30
    assert collected.add(face_pb2.AnimateResponse(finished=face_pb2.AnimateFinished(frame_count=2, sample_count=1600)))
    frames = collected.frames()
    assert (frames.rate, collected.model) == (30, "other")
    np.testing.assert_allclose(frames.weights[:, INDEX["JawOpen"]], [0.2, 0.4])
    np.testing.assert_allclose(frames.weights[:, INDEX["TongueOut"]], [0.1, 0.3])
    assert np.count_nonzero(frames.weights) == 4
    assert frames.emotions is not None
    np.testing.assert_allclose(frames.emotions, [[0.0] * 7, [0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0]])
