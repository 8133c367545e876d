"""The interface of a speech provider: text goes in; audio, and the times of its words and phonemes, come out.

Positions are samples at the provider's own rate, counted from its first sample. A provider may leave silence before and
after the speech: `services.tts.trim` removes it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.common.types import Pcm

Span = tuple[int, int]
"""[start, end)"""


@dataclass(frozen=True)
class SpeechRequest:
    """A request to one provider: what to speak, and how."""

    text: str
    """Speakable text: no markup, no emoji."""
    words: tuple[Span, ...]
    """Spans in `text`, in code points, of the words whose times are wanted."""
    voice: str = ""
    """A voice of the provider; empty: its default."""
    speed: float = 1.0
    """Speaking rate, 0.5 to 2."""
    previous_text: str = ""
    """What was spoken just before, for the melody."""


@dataclass(frozen=True)
class SpeechAudio:
    """A piece of audio; follows the one before without a gap."""

    pcm: Pcm
    sample_rate: int
    """Hertz; the same in all audio of one request."""


@dataclass(frozen=True)
class WordTime:
    """When one word is spoken."""

    index: int
    """Index in `SpeechRequest.words`."""
    start: int
    end: int
    """One past the last sample."""
    estimated: bool = False
    """True if the provider does not report the time."""


@dataclass(frozen=True)
class PhonemeTime:
    """When one phoneme is spoken."""

    symbol: str
    """IPA; empty for a pause."""
    start: int
    end: int


@dataclass(frozen=True)
class SpeechTimings:
    """Times of words and phonemes, in the order they are spoken.

    Never before the first audio; the audio of these words and phonemes may come later.
    """

    words: Sequence[WordTime]
    phonemes: Sequence[PhonemeTime] = ()


@dataclass(frozen=True)
class SentencePause:
    """A pause between two sentences of one request: replaces the silence that the provider made there."""

    seconds: float


SpeechEvent = SpeechAudio | SpeechTimings | SentencePause


@dataclass(frozen=True)
class VoiceInfo:
    """A voice that can be requested."""

    voice: str
    display_name: str
    language_codes: Sequence[str]
    """BCP 47 tags."""
    sample_rate: int
    """Hertz."""
    exact_timings: bool


class SpeechProvider(Protocol):
    """A source of speech."""

    @property
    def name(self) -> str:
        """Short name, such as `hibari`."""

    @property
    def sample_rate(self) -> int:
        """Hertz; the rate of its audio, as far as known beforehand."""

    @property
    def default_voice(self) -> str:
        """The voice of requests that name none."""

    @property
    def reads_numbers(self) -> bool:
        """Whether it reads numbers and signs by itself, in whatever language; if not, it gets English words."""

    async def warm_up(self) -> None:
        """Load and exercise what the first request would wait for.

        Raises:
            ProviderError: It cannot speak now.
        """

    def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent]:
        """Yield the events of a request; closing the generator ends the work.

        Raises:
            ProviderError: It failed; what was yielded before remains valid.
        """

    async def voices(self) -> Sequence[VoiceInfo]:
        """Return its voices, the default first.

        Raises:
            ProviderError: It does not answer.
        """

    async def close(self) -> None:
        """Release sockets and threads."""
