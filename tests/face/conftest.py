"""The shipped model, a voice that speaks sentences for it, and a running FaceService."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neurosync.v1 import face_pb2_grpc
from services.common.settings import load
from services.common.types import Pcm, Weights
from services.face.lipsync.lip_model import LipModel
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.serving.dialing import dial
from services.serving.server import running
from training.face.targets.phones import Segment

if TYPE_CHECKING:
    from tests.face.animate_calls import Stub

SpokenText = tuple[Pcm, int, list[Segment]]


@pytest.fixture(scope="session")
def model() -> LipModel:
    return LipModel()


@pytest.fixture(scope="session")
def speak() -> Callable[[str], SpokenText]:
    """Speaks a sentence with hibari: samples, rate, and the time of each phone."""
    if find_spec("hibari") is None:
        pytest.skip("hibari-tts is not installed (extra: tts)")
    from training.face.corpus.voices import Hibari

    voice = Hibari()

    def pcm_of(text: str) -> SpokenText:
        spoken = voice.speak(text, np.random.default_rng(5), plain=True)
        assert spoken is not None
        return np.round(spoken.sound * 32767 * 0.9).clip(-32768, 32767).astype(np.int16), spoken.rate, spoken.segments

    return pcm_of


@pytest.fixture(scope="session")
def animate(model: LipModel) -> Callable[[Pcm, int], Weights]:
    """Animates a whole sound at once."""

    def whole(pcm: Pcm, rate: int) -> Weights:
        stream = model.open(rate)
        return np.concatenate([stream.push(pcm), stream.end()])

    return whole


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    """Runs FaceService with its default settings."""
    settings = load(FaceSettings, listen="127.0.0.1:0")
    async with running(FaceService(settings), settings) as server, dial(server.address) as channel:
        await server.warm
        yield face_pb2_grpc.FaceServiceStub(channel)
