"""The provider for a speech server of your own: POST {"text", "voice"?} to its URL, and it answers with a WAV file.

Word times are estimated over the audible part of the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import httpx
import numpy as np

from services.common.errors import BadRequestError, ConfigurationError
from services.common.types import SAMPLE_RATES
from services.media.sound import Sound
from services.media.sound_file import decode_sound
from services.providers import deadlines, http
from services.providers.provider_error import ProviderError
from services.tts.providers.httpx_client import new_client
from services.tts.providers.speech_provider import (
    SpeechAudio,
    SpeechEvent,
    SpeechRequest,
    SpeechTimings,
    VoiceInfo,
    WordTime,
)
from services.tts.settings import SpeechSettings
from services.tts.trim import AUDIBLE
from services.tts.word_time_estimate import spread

MAX_BYTES = 64 << 20  # of an answer; ten minutes of audio at 48 kHz
PIECE_SECONDS = 0.5  # of audio yielded at once


class LocalVoiceProvider:
    """Speaks through an HTTP endpoint."""

    name = "local"
    sample_rate = 24_000  # until its first answer gives the rate
    default_voice = "local"
    reads_numbers = True

    def __init__(self, url: str, *, voice: str, first_sound_timeout: float, stall_timeout: float) -> None:
        """Post to `url`; `voice` is sent along unless it is empty."""
        self._url, self._voice = url, voice
        self._first, self._stall = first_sound_timeout, stall_timeout
        self._http = new_client(url, first_sound_timeout)

    async def warm_up(self) -> None:
        """Do nothing: the server has no request without an effect."""

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent]:
        """Yield the audio of the answer, then the words."""
        answer = await self._answer(request)
        sound = await asyncio.to_thread(_sound, answer)
        loud = np.flatnonzero((sound.pcm > AUDIBLE) | (sound.pcm < -AUDIBLE))
        if not loud.size:
            raise ProviderError("the answer is silence")
        size = round(PIECE_SECONDS * sound.sample_rate)
        for start in range(0, len(sound.pcm), size):
            yield SpeechAudio(sound.pcm[start : start + size], sound.sample_rate)
        spans = spread([request.text[slice(*span)] for span in request.words], int(loud[0]), int(loud[-1]) + 1)
        yield SpeechTimings([WordTime(index, *span, estimated=True) for index, span in enumerate(spans)])

    async def _answer(self, request: SpeechRequest) -> bytes:
        body: dict[str, object] = {"text": request.text}
        if self._voice:
            body["voice"] = self._voice
        if request.speed != 1:
            body["speed"] = request.speed
        post = self._http.build_request("POST", self._url, json=body)
        with http.network_errors(httpx.HTTPError):
            response = await deadlines.within(self._http.send(post, stream=True), self._first, "no answer")
            try:
                return await self._body(response)
            finally:
                await deadlines.closed_within(response.aclose())

    async def _body(self, response: httpx.Response) -> bytes:
        data = bytearray()
        async for part in deadlines.items_within(response.aiter_bytes(), self._first, self._stall, "sound"):
            data += part
            if len(data) > MAX_BYTES:
                raise ProviderError(f"the answer is longer than {MAX_BYTES} bytes")
        if response.status_code != httpx.codes.OK:
            detail = bytes(data[: http.DETAIL_CHARACTERS]).decode(errors="replace")
            raise http.status_error(response.status_code, detail, response.headers.get("retry-after"))
        return bytes(data)

    async def voices(self) -> Sequence[VoiceInfo]:
        """Return the one voice, under a name of this service's own."""
        return [VoiceInfo(self.default_voice, self._voice or "Local", [], self.sample_rate, exact_timings=False)]

    async def close(self) -> None:
        """Release the connections."""
        await self._http.aclose()


def _sound(answer: bytes) -> Sound:
    try:
        sound = decode_sound(answer, "answer", max_bytes=MAX_BYTES, may_be_empty=True)
    except BadRequestError as error:
        raise ProviderError(f"the answer is not a sound file ({error})") from error
    if not SAMPLE_RATES[0] <= sound.sample_rate <= SAMPLE_RATES[1]:
        raise ProviderError(f"the answer is at {sound.sample_rate} Hz, expected {SAMPLE_RATES}")
    return sound


def make_local(settings: SpeechSettings) -> LocalVoiceProvider:
    """Return the endpoint of the settings.

    Raises:
        ConfigurationError: There is no address.
    """
    if settings.local_url is None:
        raise ConfigurationError("provider local: set LOCAL_TTS_URL")
    return LocalVoiceProvider(
        settings.local_url,
        voice=settings.local_voice,
        first_sound_timeout=settings.first_sound_timeout,
        stall_timeout=settings.stall_timeout,
    )
