"""Takes of the training corpus."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from services.face.lipsync.log_mel import ROW
from training.face.targets.phones import PHONES
from training.face.targets.poses import CHANNELS

TEXT = "Maybe Bob and Emma will push the big piano over the bridge. Why not?"


def test_a_take_has_a_row_a_curve_and_a_phone_for_every_frame() -> None:
    if find_spec("soxr") is None:
        pytest.skip("soxr is not installed (extra: tts)")
    if find_spec("hibari") is None:
        pytest.skip("hibari-tts is not installed (extra: tts)")
    from training.face.corpus.takes import speech_take
    from training.face.corpus.voices import Hibari

    voice, rng = Hibari(), np.random.default_rng(4)
    spoken = [s for s in (voice.speak(text, rng) for text in (TEXT, "Oh, no!")) if s]
    take = speech_take(spoken, rng)
    seconds = sum(len(s.sound) / s.rate for s in spoken)
    assert seconds * 60 - 4 <= len(take.features) <= (seconds + 1.4) * 60 + 1
    assert take.features.shape == (len(take.curves), ROW)
    assert take.curves.shape == (len(take.phones), len(CHANNELS))
    shut = np.flatnonzero(take.phones == PHONES.index("B"))
    assert take.curves[shut, CHANNELS.index("MouthClose")].mean() > 0.1
