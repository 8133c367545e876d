"""What a voice provider is: a line of text goes in; sound, and the times of its words and phonemes, come out.

Positions are samples at the provider's own rate, counted from its first sample. Leading and trailing silence is no
concern of a provider: whoever listens cuts it (`services.tts.trim`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.common.errors import UnavailableError
from services.common.types import Pcm

Span = tuple[int, int]
"""[start, end)"""


@dataclass(frozen=True)
class Line:
    """What to say, and how."""

    text: str
    """Speakable text: no markup, no emoji."""
    words: tuple[Span, ...]
    """Spans in `text`, in code points, of the words whose times are wanted."""
    voice: str = ""
    """A voice of the provider; empty: its default."""
    speed: float = 1.0
    """Speaking rate, 0.5 to 2."""
    previous_text: str = ""
    """What was said just before, for the melody."""


@dataclass(frozen=True)
class Sound:
    """A run of sound; follows the one before without a gap."""

    pcm: Pcm
    sample_rate: int
    """Hertz; the same in all sound of one line."""


@dataclass(frozen=True)
class Word:
    """When one word is spoken."""

    index: int
    """Which of `Line.words`."""
    start: int
    end: int
    """One past the last sample."""
    estimated: bool = False
    """True if the voice did not tell the time."""


@dataclass(frozen=True)
class Phoneme:
    """When one phoneme is spoken."""

    symbol: str
    """IPA; empty for a pause."""
    start: int
    end: int


@dataclass(frozen=True)
class Timed:
    """Words and phonemes in the order they are spoken; their sound may still come, but some has come before."""

    words: Sequence[Word]
    phonemes: Sequence[Phoneme] = ()


@dataclass(frozen=True)
class Break:
    """A pause between two sentences of one line: replaces the silence that the provider made there."""

    seconds: float


Event = Sound | Timed | Break


@dataclass(frozen=True)
class VoiceInfo:
    """A voice that can be asked for."""

    voice: str
    display_name: str
    language_codes: Sequence[str]
    """BCP 47 tags."""
    sample_rate: int
    """Hertz."""
    exact_timings: bool


class ProviderError(UnavailableError):
    """A provider failed to speak."""

    def __init__(self, message: str, *, hold: float | None = None) -> None:
        """Say what failed; `hold` (seconds) keeps the provider out at once, None leaves that to the failures' count."""
        super().__init__(message)
        self.hold = hold


class Provider(Protocol):
    """Someone who speaks."""

    name: str
    sample_rate: int
    """Hertz; what it speaks at, as far as known beforehand."""
    default_voice: str
    reads_numbers: bool
    """Whether it reads numbers and signs by itself, in whatever language the text is; if not, it gets English words."""

    async def warm_up(self) -> None:
        """Load and exercise what the first line would wait for.

        Raises:
            ProviderError: It cannot speak now.
        """

    def speak(self, line: Line) -> AsyncGenerator[Event]:
        """Yield the events of a line; closing the generator ends the work.

        Raises:
            ProviderError: It failed; what was yielded before holds.
        """

    async def voices(self) -> Sequence[VoiceInfo]:
        """Return its voices, the default first.

        Raises:
            ProviderError: It does not answer.
        """

    async def close(self) -> None:
        """Release sockets and threads."""
