"""Which provider has a requested voice, and the list of all voices."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import pytest

from services.common.errors import BadRequestError, UnavailableError
from services.providers.provider_error import ProviderError
from services.tts.providers.speech_provider import SpeechEvent, SpeechRequest, VoiceInfo
from services.tts.voices import VoiceDirectory


@dataclass
class Listed:
    """A provider that lists `names`, or nothing."""

    name: str
    names: Sequence[str] | None
    sample_rate: int = 24_000
    reads_numbers: bool = True

    @property
    def default_voice(self) -> str:
        return f"{self.name} default"

    async def warm_up(self) -> None:
        """Nothing to prepare."""

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent]:
        raise NotImplementedError
        yield

    async def voices(self) -> Sequence[VoiceInfo]:
        if self.names is None:
            raise ProviderError("no list")
        return [VoiceInfo(name, name, [], self.sample_rate, exact_timings=False) for name in self.names]

    async def close(self) -> None:
        """Nothing to release."""


CLOUD, SERVER, OWN = Listed("cloud", ["ann", "bob"]), Listed("server", ["cid"]), Listed("own", ["own default"])


async def resolved(voice: str, *providers: Listed) -> list[tuple[str, str]]:
    return [(provider.name, own) for provider, own in await VoiceDirectory(providers).resolve(voice)]


@pytest.mark.parametrize(
    ("voice", "expected"),
    [
        ("", [("cloud", "cloud default"), ("server", "server default"), ("own", "own default")]),
        ("bob", [("cloud", "bob"), ("server", "server default"), ("own", "own default")]),
        ("cid", [("server", "cid"), ("cloud", "cloud default"), ("own", "own default")]),
        ("own default", [("own", "own default"), ("cloud", "cloud default"), ("server", "server default")]),
    ],
)
async def test_the_provider_that_has_the_voice_comes_first(voice: str, expected: list[tuple[str, str]]) -> None:
    assert await resolved(voice, CLOUD, SERVER, OWN) == expected


async def test_an_unlisted_voice_is_tried_at_a_provider_without_a_list() -> None:
    assert (await resolved("dan", CLOUD, Listed("server", None)))[0] == ("server", "dan")


async def test_a_voice_that_no_provider_has_is_refused() -> None:
    with pytest.raises(BadRequestError, match="voice"):
        await resolved("dan", CLOUD, OWN)


async def test_all_voices_of_the_providers_that_answer_are_listed() -> None:
    listed = await VoiceDirectory([CLOUD, Listed("server", None), OWN]).list_all()
    assert [(provider.name, voice.voice) for provider, voice in listed] == [
        ("cloud", "ann"),
        ("cloud", "bob"),
        ("own", "own default"),
    ]
    with pytest.raises(UnavailableError):
        await VoiceDirectory([Listed("server", None)]).list_all()
