"""A speech server of your own: POST {"text", "voice"?} to its URL, and it answers with a WAV file.

Its word times are estimated over the audible part of the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import httpx
import numpy as np

from services.common.errors import BadRequestError
from services.common.types import SAMPLE_RATES
from services.media import sound as media_sound
from services.media.sound_file import decode_sound
from services.providers import http
from services.tts.estimate import spread
from services.tts.providers.speech_provider import Event, Line, ProviderError, Sound, Timed, VoiceInfo, Word
from services.tts.trim import AUDIBLE

MAX_BYTES = 64 << 20  # of an answer; ten minutes of sound at 48 kHz
PIECE_SECONDS = 0.5  # of sound handed on at once


class LocalProvider:
    """Speaks through an HTTP endpoint."""

    name = "local"
    sample_rate = 24_000  # before its first answer nobody knows
    default_voice = "local"
    reads_numbers = True

    def __init__(self, url: str, *, voice: str, first_sound_timeout: float, stall_timeout: float) -> None:
        """Post to `url`; `voice` is sent along unless it is empty."""
        self._url, self._voice = url, voice
        self._first, self._stall = first_sound_timeout, stall_timeout
        self._http = http.client(url, first_sound_timeout)

    async def warm_up(self) -> None:
        """Leave the server alone: it has no request that says nothing."""

    async def speak(self, line: Line) -> AsyncGenerator[Event]:
        """Yield the sound of the answer, then the words."""
        answer = await self._answer(line)
        sound = await asyncio.to_thread(_sound, answer)
        size = round(PIECE_SECONDS * sound.sample_rate)
        for start in range(0, len(sound.pcm), size):
            yield Sound(sound.pcm[start : start + size], sound.sample_rate)
        loud = np.flatnonzero((sound.pcm > AUDIBLE) | (sound.pcm < -AUDIBLE))
        if not loud.size:
            raise ProviderError("the answer held no sound")
        spans = spread([line.text[slice(*span)] for span in line.words], int(loud[0]), int(loud[-1]) + 1)
        yield Timed([Word(index, *span, estimated=True) for index, span in enumerate(spans)])

    async def _answer(self, line: Line) -> bytes:
        body: dict[str, object] = {"text": line.text}
        if self._voice:
            body["voice"] = self._voice
        if line.speed != 1:
            body["speed"] = line.speed
        request = self._http.build_request("POST", self._url, json=body)
        with http.network_errors():
            response = await http.soon(self._http.send(request, stream=True), self._first, "answer")
            try:
                return await self._body(response)
            finally:
                await http.released(response.aclose())

    async def _body(self, response: httpx.Response) -> bytes:
        data = bytearray()
        async for part in http.timely(response.aiter_bytes(), self._first, self._stall):
            data += part
            if len(data) > MAX_BYTES:
                raise ProviderError(f"the answer is longer than {MAX_BYTES} bytes")
        if response.status_code != httpx.codes.OK:
            said = bytes(data[:200]).decode(errors="replace")
            raise http.refusal(response.status_code, said, response.headers.get("retry-after"))
        return bytes(data)

    async def voices(self) -> Sequence[VoiceInfo]:
        """Return the one voice; what it is called on the server is the server's matter."""
        return [VoiceInfo(self.default_voice, self._voice or "Local", [], self.sample_rate, exact_timings=False)]

    async def close(self) -> None:
        """Release the connections."""
        await self._http.aclose()


def _sound(answer: bytes) -> media_sound.Sound:
    try:
        sound = decode_sound(answer, "answer", max_bytes=MAX_BYTES, may_be_empty=True)
    except BadRequestError as error:
        raise ProviderError(f"the answer is no sound file ({error})") from error
    if not SAMPLE_RATES[0] <= sound.sample_rate <= SAMPLE_RATES[1]:
        raise ProviderError(f"the answer is at {sound.sample_rate} Hz, expected {SAMPLE_RATES}")
    return sound
