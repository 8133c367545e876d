"""Validates a Synthesize request and parses it to a `SynthesisRequest`."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

from neurosync.v1 import tts_pb2
from services.common.errors import BadRequestError
from services.common.wire import check_sample_rate, seconds_of

MAX_CHARS = 5_000  # code points of a text
MAX_PREVIOUS_CHARS = 1_000  # code points of the previous text that are kept, the newest; the melody needs a sentence
OUTPUT_SAMPLE_RATES = (8_000, 48_000)  # hertz, lowest and highest that may be requested
SPEEDS = (0.5, 2.0)
MAX_PAUSE = 2.0  # seconds


@dataclass(frozen=True)
class SynthesisRequest:
    """A validated request."""

    text: str
    voice: str
    """Empty: the service's default."""
    sample_rate: int
    """Hertz; 0: the voice's own."""
    speed: float
    min_pause: float
    """Seconds."""
    previous_text: str


def parse_request(request: tts_pb2.SynthesizeRequest) -> SynthesisRequest:
    """Return the parsed request.

    Raises:
        BadRequestError: A field is wrong.
    """
    if not request.text or len(request.text) > MAX_CHARS:
        raise BadRequestError("text", f"{len(request.text)} characters", f"1 to {MAX_CHARS} characters")
    _check_characters("text", request.text)
    previous_text = request.previous_text[-MAX_PREVIOUS_CHARS:]
    _check_characters("previous_text", previous_text)
    rate = request.sample_rate_hertz
    if rate:
        check_sample_rate("sample_rate_hertz", rate, *OUTPUT_SAMPLE_RATES)
    speed = request.speed or 1.0
    if not math.isfinite(speed) or not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise BadRequestError("speed", request.speed, f"{SPEEDS[0]:g} to {SPEEDS[1]:g}, or 0 for 1")
    pause = seconds_of(request.min_pause)
    if not 0 <= pause <= MAX_PAUSE:
        raise BadRequestError("min_pause", f"{pause:g} s", f"0 to {MAX_PAUSE:g} s")
    return SynthesisRequest(request.text, request.voice, rate, speed, pause, previous_text)


def _check_characters(field: str, text: str) -> None:
    wrong = next((char for char in text if unicodedata.category(char) == "Cc" and char not in "\t\n\r"), None)
    if wrong is not None:
        raise BadRequestError(field, wrong, "text without control characters")
