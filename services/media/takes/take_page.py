"""A take as one HTML page with everything inside: sound, frames, words, and a drawn face that plays them.

The page is `assets/take.html` with the style, the scripts and the data put in. Its
Content-Security-Policy allows scripts by their hash only and no network at all, so no text of a language model can
become code.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from dataclasses import asdict
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.common.types import FRAME_RATE, Pcm, Weights
from services.media.curves import CURVE_NAMES, clamp
from services.media.emotions import EMOTION_NAMES
from services.media.sound import Sound
from services.media.takes.take_info import TakeInfo
from services.media.wav_writer import wav_bytes

QUANTUM: Final = 32_767  # steps from weight 0 to 1: a frame takes 122 bytes, and the steps are invisible
HIGHEST_RATE = 48_000  # hertz; sound of a higher rate is reduced to a fraction of it, without audible loss
TITLE_LENGTH = 60  # characters
_SCRIPTS = ("brush.js", "mouth.js", "eyes.js", "face.js", "lanes.js", "timeline.js", "take.js", "player.js")
_TAPS = 63  # of the low-pass filter before the reduction; fewer: aliases; more: slower


def render_page(info: TakeInfo, pcm: Pcm, weights: Weights, emotions: Weights | None = None) -> str:
    """Return the page of a take.

    Args:
        info: Its metadata.
        pcm: Sound, shape (n,), at `info.sample_rate`.
        weights: Frames at 60 Hz, shape (frames, 61).
        emotions: Shape (frames, 7), 0 to 1; None where there are none.
    """
    script = "\n".join(_asset(name) for name in _SCRIPTS)
    title = " ".join((info.text or info.prompt or "").split()) or "Take"
    parts = {
        "{{TITLE}}": html.escape(title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1]}…"),
        "{{SCRIPT_HASH}}": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "{{STYLE}}": _asset("take.css"),
        "{{DATA}}": script_json(_data(info, pcm, weights, emotions)),
        "{{SCRIPT}}": script,
    }
    head, *rest = _asset("take.html").split("{{")  # one pass: inserted text is never searched again
    return head + "".join(parts["{{" + name + "}}"] + tail for name, tail in (piece.split("}}", 1) for piece in rest))


def script_json(value: Any) -> str:
    """Return JSON for a script element, without `<`, so that no text in it can end the element or open one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _data(info: TakeInfo, pcm: Pcm, weights: Weights, emotions: Weights | None) -> dict[str, Any]:
    """Return the data of the page; positions of words are samples at `sampleRate`."""
    quantized = np.rint(clamp(weights) * QUANTUM).astype("<i2")  # (frames, 61)
    return {
        "curveNames": CURVE_NAMES,
        "frameRate": FRAME_RATE,
        "frameCount": len(weights),
        "quantum": QUANTUM,
        "frames": base64.b64encode(quantized.tobytes()).decode(),
        "emotionNames": EMOTION_NAMES if emotions is not None else (),
        "emotions": base64.b64encode(_emotion_bytes(emotions)).decode(),
        "audio": base64.b64encode(wav_bytes(_thinned(pcm, info.sample_rate))).decode(),
        "seconds": len(pcm) / info.sample_rate,
        "sampleRate": info.sample_rate,
        "info": {**asdict(info), "created": info.created.isoformat() if info.created else None},
    }


def _emotion_bytes(emotions: Weights | None) -> bytes:
    """Return emotions as percent, a byte each, frame by frame."""
    return b"" if emotions is None else np.rint(100 * np.clip(emotions, 0, 1)).astype(np.uint8).tobytes()


def _thinned(pcm: npt.NDArray[np.int16], rate: int) -> Sound:
    """Return the sound at a whole fraction of its rate that is at most `HIGHEST_RATE`, without aliases."""
    step = -(-rate // HIGHEST_RATE)
    if step == 1 or rate % step or not len(pcm):
        return Sound(pcm, rate)
    at = np.arange(_TAPS) - _TAPS // 2
    kernel = np.sinc(at / step) * np.hanning(_TAPS + 2)[1:-1]
    smooth = np.convolve(pcm, kernel / kernel.sum(), mode="same")[: len(pcm)]
    return Sound(np.clip(np.rint(smooth[::step]), -32768, 32767).astype(np.int16), rate // step)


def _asset(name: str) -> str:
    return (resources.files("services.media.takes") / "assets" / name).read_text(encoding="utf-8")
