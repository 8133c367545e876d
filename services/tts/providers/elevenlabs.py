"""ElevenLabs through its SDK: sound streams in, with the time of every character."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import numpy as np

from services.providers import http
from services.tts.providers.character_times import CharacterTimes
from services.tts.providers.speech_provider import Event, Line, ProviderError, Sound, Timed, VoiceInfo, Word

logger = logging.getLogger(__name__)

SPEEDS = (0.7, 1.2)  # what ElevenLabs takes; beyond, the nearest
VOICES_SECONDS = 600.0  # for which a list of voices is kept
VOICES_RETRY_SECONDS = 30.0  # before a list that did not come is asked for again
PREVIOUS_CHARACTERS = 500  # of what was said before; more does not change the melody
_WITHOUT_PREVIOUS = ("eleven_v3",)  # models that refuse `previous_text`


class ElevenLabsProvider:
    """Speaks with ElevenLabs, one request a line."""

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
        """Use the account of `key`; `now` tells the time in seconds, monotonic."""
        self.default_voice = voice
        self._key, self._url, self._model = key, url, model
        self._first, self._stall = first_sound_timeout, stall_timeout
        self._now = now
        self._http = http.client(url, first_sound_timeout)
        self._sdk: Any = None
        self._known: list[VoiceInfo] = []
        self._known_until = -math.inf

    async def warm_up(self) -> None:
        """Load the SDK and ask for the voices, which opens a connection and shows whether the key is good."""
        try:
            await self.voices()
        except ProviderError as error:  # a key may be good for speech alone
            logger.warning("elevenlabs does not list its voices: %s", error)

    async def speak(self, line: Line) -> AsyncGenerator[Event]:
        """Yield sound as it arrives, and words as they are complete."""
        times = CharacterTimes(line.text, line.words, self.sample_rate)
        sample, odd, words = 0, b"", list[Word]()
        async with contextlib.aclosing(self._pieces(line)) as pieces:
            async for piece in pieces:
                sound = odd + _decoded(piece.audio_base_64)
                odd = sound[len(sound) // 2 * 2 :]  # half a sample waits for its other half
                pcm = np.frombuffer(sound[: len(sound) - len(odd)], "<i2").astype(np.int16, copy=False)
                words += _words(times, piece.alignment, sample)
                sample += len(pcm)
                if len(pcm):
                    yield Sound(pcm, self.sample_rate)
                if words and sample:
                    yield Timed(words)
                    words = []
        if not sample:
            raise ProviderError("the answer held no sound")
        if rest := words + times.end(sample):
            yield Timed(rest)

    async def _pieces(self, line: Line) -> AsyncGenerator[Any]:
        """Yield what the SDK makes of the streamed answer; the socket is released when this generator ends."""
        sdk = await self._loaded()
        request = sdk.text_to_speech.with_raw_response.stream_with_timestamps(
            line.voice or self.default_voice,
            text=line.text,
            model_id=self._model,
            output_format=f"pcm_{self.sample_rate}",
            request_options={"max_retries": 0},
            **_options(line, self._model),
        )
        with http.network_errors(), _refusals():
            response = await http.soon(request.__aenter__(), self._first, "answer")
            try:
                async with (
                    contextlib.aclosing(response.data) as data,
                    contextlib.aclosing(http.timely(data, self._first, self._stall)) as pieces,
                ):
                    async for piece in pieces:
                        yield piece
            finally:
                await http.released(request.__aexit__(None, None, None))

    async def voices(self) -> Sequence[VoiceInfo]:
        """Return the voices of the account, the default first; asked once in a while, an older list does meanwhile."""
        if self._now() >= self._known_until:
            self._known_until = self._now() + VOICES_RETRY_SECONDS
            sdk = await self._loaded()
            with http.network_errors(), _refusals():
                asking = sdk.voices.search(page_size=100, request_options={"max_retries": 0})
                found = (await http.soon(asking, self._first, "list of voices")).voices
            self._known = [self._info(voice) for voice in found]
            self._known.sort(key=lambda voice: voice.voice != self.default_voice)
            self._known_until = self._now() + VOICES_SECONDS
        if not self._known:
            raise ProviderError("the list of voices did not come a moment ago")
        return self._known

    async def close(self) -> None:
        """Release the connections."""
        await self._http.aclose()

    async def _loaded(self) -> Any:
        if self._sdk is None:
            self._sdk = await asyncio.to_thread(self._load)
        return self._sdk

    def _load(self) -> Any:
        from elevenlabs.client import AsyncElevenLabs  # most of a second: only for those who use it

        return AsyncElevenLabs(api_key=self._key, base_url=self._url, httpx_client=self._http)

    def _info(self, voice: Any) -> VoiceInfo:
        languages = {language.locale or language.language for language in voice.verified_languages or ()}
        languages |= {language for name, language in (voice.labels or {}).items() if name == "language"}
        return VoiceInfo(voice.voice_id, voice.name or voice.voice_id, sorted(languages), self.sample_rate, True)


def _options(line: Line, model: str) -> dict[str, Any]:
    """Return the parts of a request that are left out where they say nothing."""
    options: dict[str, Any] = {}
    if line.speed != 1:
        from elevenlabs import VoiceSettings

        options["voice_settings"] = VoiceSettings(speed=min(max(line.speed, SPEEDS[0]), SPEEDS[1]))
    if line.previous_text and model not in _WITHOUT_PREVIOUS:
        options["previous_text"] = line.previous_text[-PREVIOUS_CHARACTERS:]
    return options


def _decoded(sound: object) -> bytes:
    try:
        return base64.b64decode(sound, validate=True) if isinstance(sound, str) else b""
    except binascii.Error as error:
        raise ProviderError("the answer held sound that is not base64") from error


def _words(times: CharacterTimes, alignment: Any, sample: int) -> list[Word]:
    if alignment is None:
        return []
    starts, ends = alignment.character_start_times_seconds, alignment.character_end_times_seconds
    return times.push(alignment.characters, starts, ends, sample)


@contextlib.contextmanager
def _refusals() -> Any:
    """Turn the SDK's errors within the block into ProviderError."""
    from elevenlabs.core.api_error import ApiError

    try:
        yield
    except ApiError as error:
        detail = error.body.get("detail", error.body) if isinstance(error.body, dict) else error.body
        said = detail.get("message", "") if isinstance(detail, dict) else detail
        raise http.refusal(error.status_code, str(said or ""), (error.headers or {}).get("retry-after")) from error
