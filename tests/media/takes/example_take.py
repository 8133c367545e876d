"""A take for tests."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from services.media.takes.take_folder import Take
from services.media.takes.take_info import SentenceSpan, TakeInfo, TakePhoneme, TakeWord
from tests.media.poses import POSES, pose

RATE = 24_000
INFO = TakeInfo(
    RATE,
    text="Hello, Zoë! 👋",
    prompt="Say hello",
    heard_text="Hello,",
    interrupted=True,
    sentences=(SentenceSpan("Hello, Zoë! 👋", 0, 13, 0, RATE),),
    words=(TakeWord("Hello,", 0, 6, 0, 9000, True), TakeWord("Zoë!", 7, 11, 9000, 20_000)),
    phonemes=(TakePhoneme("h", 0, 1200), TakePhoneme("", 1200, 1300)),
    stages={"first_sound": 0.104},
    counters={"audio_starved_count": 2},
    providers={"tts": "hibari"},
    versions={"neurosync": "0.1.0"},
    notices=("the face came late",),
    created=datetime(2026, 11, 22, 16, 0, 37, tzinfo=UTC),
)


def a_take(seconds: float = 1.0, frames: int = 60) -> Take:
    pcm = (8000 * np.sin(np.arange(round(seconds * RATE)) / 20)).astype(np.int16)
    return Take(INFO, pcm, np.tile(pose(**POSES["AA"], JawLeft=0.25), (frames, 1)))
