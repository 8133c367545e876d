"""The ElevenLabs provider: streams audio through the vendor's SDK, with the time of every character."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any

import httpx
import numpy as np

from services.common.errors import ConfigurationError
from services.providers import deadlines, http
from services.providers.provider_error import ProviderError
from services.tts.providers.character_times import CharacterTimes
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

logger = logging.getLogger(__name__)

SPEEDS = (0.7, 1.2)  # what ElevenLabs accepts; beyond, the nearest
VOICES_SECONDS = 600.0  # for which a list of voices is kept
VOICES_RETRY_SECONDS = 30.0  # before a list that did not come is requested again
PREVIOUS_CHARACTERS = 500  # of the previous text; more does not change the melody
_WITHOUT_PREVIOUS = ("eleven_v3",)  # models that refuse `previous_text`


class ElevenLabsProvider:
    """Speaks with ElevenLabs, one HTTP request for each speech request."""

    name = "elevenlabs"
    sample_rate = 24_000
    reads_numbers = True

    def __init__(
        self,
        key: str,
        *,
        url: str,
        voice: str,
        model: str,
        first_sound_timeout: float,
        stall_timeout: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use the account of `key`; `now` returns the time in seconds, monotonic."""
        self.default_voice = voice
        self._key, self._url, self._model = key, url, model
        self._first, self._stall = first_sound_timeout, stall_timeout
        self._now = now
        self._http = new_client(url, first_sound_timeout)
        self._sdk: Any = None
        self._known: list[VoiceInfo] = []
        self._known_until = -math.inf

    async def warm_up(self) -> None:
        """Load the SDK and list the voices, which opens a connection and checks the key."""
        try:
            await self.voices()
        except ProviderError as error:  # a key may be valid for speech alone
            logger.warning("elevenlabs does not list its voices: %s", error)

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent]:
        """Yield audio as it arrives, and words as they are complete."""
        times = CharacterTimes(request.text, request.words, self.sample_rate)
        sample, odd, words = 0, b"", list[WordTime]()
        async with contextlib.aclosing(self._pieces(request)) as pieces:
            async for piece in pieces:
                sound = odd + _decoded(piece.audio_base_64)
                odd = sound[len(sound) // 2 * 2 :]  # half a sample waits for its other half
                pcm = np.frombuffer(sound[: len(sound) - len(odd)], "<i2").astype(np.int16, copy=False)
                words += _words(times, piece.alignment, sample)
                sample += len(pcm)
                if len(pcm):
                    yield SpeechAudio(pcm, self.sample_rate)
                if words and sample:
                    yield SpeechTimings(words)
                    words = []
        if not sample:
            raise ProviderError("the answer has no audio")
        if rest := words + times.end(sample):
            yield SpeechTimings(rest)

    async def _pieces(self, request: SpeechRequest) -> AsyncGenerator[Any]:
        """Yield the pieces of the streamed answer, as the SDK parses them; closing this generator closes the socket."""
        sdk = await self._loaded()
        streaming = sdk.text_to_speech.with_raw_response.stream_with_timestamps(
            request.voice or self.default_voice,
            text=request.text,
            model_id=self._model,
            output_format=f"pcm_{self.sample_rate}",
            request_options={"max_retries": 0},
            **_options(request, self._model),
        )
        with http.network_errors(httpx.HTTPError), _api_errors():
            response = await deadlines.within(streaming.__aenter__(), self._first, "no answer")
            try:
                async with (
                    contextlib.aclosing(response.data) as data,
                    contextlib.aclosing(deadlines.items_within(data, self._first, self._stall, "sound")) as pieces,
                ):
                    async for piece in pieces:
                        yield piece
            finally:
                await deadlines.closed_within(streaming.__aexit__(None, None, None))

    async def voices(self) -> Sequence[VoiceInfo]:
        """Return the voices of the account, the default first; the list is cached for `VOICES_SECONDS`."""
        if self._now() >= self._known_until:
            self._known_until = self._now() + VOICES_RETRY_SECONDS
            sdk = await self._loaded()
            with http.network_errors(httpx.HTTPError), _api_errors():
                listing = sdk.voices.search(page_size=100, request_options={"max_retries": 0})
                found = (await deadlines.within(listing, self._first, "no list of voices")).voices
            self._known = [self._info(voice) for voice in found]
            self._known.sort(key=lambda voice: voice.voice != self.default_voice)
            self._known_until = self._now() + VOICES_SECONDS
        if not self._known:
            raise ProviderError("the list of voices could not be fetched a moment ago")
        return self._known

    async def close(self) -> None:
        """Release the connections."""
        await self._http.aclose()

    async def _loaded(self) -> Any:
        if self._sdk is None:
            self._sdk = await asyncio.to_thread(self._load)
        return self._sdk

    def _load(self) -> Any:
        from elevenlabs.client import AsyncElevenLabs  # takes most of a second: imported only where it is used

        return AsyncElevenLabs(api_key=self._key, base_url=self._url, httpx_client=self._http)

    def _info(self, voice: Any) -> VoiceInfo:
        languages = {language.locale or language.language for language in voice.verified_languages or ()}
        languages |= {language for name, language in (voice.labels or {}).items() if name == "language"}
        return VoiceInfo(voice.voice_id, voice.name or voice.voice_id, sorted(languages), self.sample_rate, True)


def _options(request: SpeechRequest, model: str) -> dict[str, Any]:
    """Return the optional parts of a request, without those that are at their default."""
    options: dict[str, Any] = {}
    if request.speed != 1:
        from elevenlabs import VoiceSettings

        options["voice_settings"] = VoiceSettings(speed=min(max(request.speed, SPEEDS[0]), SPEEDS[1]))
    if request.previous_text and model not in _WITHOUT_PREVIOUS:
        options["previous_text"] = request.previous_text[-PREVIOUS_CHARACTERS:]
    return options


def _decoded(audio: object) -> bytes:
    try:
        return base64.b64decode(audio, validate=True) if isinstance(audio, str) else b""
    except binascii.Error as error:
        raise ProviderError("the answer has audio that is not base64") from error


def _words(times: CharacterTimes, alignment: Any, sample: int) -> list[WordTime]:
    if alignment is None:
        return []
    starts, ends = alignment.character_start_times_seconds, alignment.character_end_times_seconds
    return times.push(alignment.characters, starts, ends, sample)


@contextlib.contextmanager
def _api_errors() -> Iterator[None]:
    """Translate the SDK's errors within the block to ProviderError."""
    from elevenlabs.core.api_error import ApiError

    try:
        yield
    except ApiError as error:
        detail = error.body.get("detail", error.body) if isinstance(error.body, dict) else error.body
        message = detail.get("message", "") if isinstance(detail, dict) else detail
        retry_after = (error.headers or {}).get("retry-after")
        raise http.status_error(error.status_code, str(message or ""), retry_after) from error


def make_elevenlabs(settings: SpeechSettings) -> ElevenLabsProvider:
    """Return ElevenLabs.

    Raises:
        ConfigurationError: There is no key.
    """
    if settings.elevenlabs_api_key is None:
        raise ConfigurationError("provider elevenlabs: set ELEVENLABS_API_KEY")
    return ElevenLabsProvider(
        settings.elevenlabs_api_key.get_secret_value(),
        url=settings.elevenlabs_url,
        voice=settings.elevenlabs_voice_id,
        model=settings.elevenlabs_model_id,
        first_sound_timeout=settings.first_sound_timeout,
        stall_timeout=settings.stall_timeout,
    )
