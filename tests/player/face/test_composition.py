"""The whole face: life, speech, emotions and scaling together."""

from __future__ import annotations

import numpy as np

from services.media.curves import CURVE_COUNT
from services.media.emotions import NO_EMOTIONS
from services.player.face.composition import Face, FaceConfiguration, Recordings
from services.player.face.scaling import Scaling
from services.player.face.speech_pose import SpeechPose

ALL = np.ones(CURVE_COUNT, bool)


def test_a_repeated_tick_looks_the_same() -> None:
    once, twice = (Face(3, FaceConfiguration(), Recordings()) for _ in range(2))
    spoken = np.random.default_rng(5).random((300, CURVE_COUNT), np.float32)
    happy = np.eye(7, dtype=np.float32)[3]
    for tick, row in enumerate(spoken):
        speech = SpeechPose(row, ALL, tick, (1, 0)) if tick % 100 > 40 else None
        emotions = happy if tick > 150 else NO_EMOTIONS
        if tick == 220:
            for face in (once, twice):
                face.configure(FaceConfiguration(Scaling(mouth=0.5)))
        wanted = once.step(tick, speech, level=0.1 * (tick % 100 > 40), emotions=emotions)
        twice.step(tick, speech, level=0.1 * (tick % 100 > 40), emotions=emotions)
        assert np.array_equal(twice.step(tick, speech, level=0.1 * (tick % 100 > 40), emotions=emotions), wanted)
