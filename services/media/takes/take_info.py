"""The metadata of a take: the contents of `take.json`, typed.

Positions are samples of the take, characters are Unicode code points of its text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from services.common.errors import BadRequestError
from services.common.types import FRAME_RATE

SCHEMA: Final = "neurosync.take"
VERSION: Final = 1  # readers accept older ones; a new field has a default, a changed field raises this number
MAX_JSON_BYTES = 1 << 25  # 32 MB; an hour of phonemes has about 4


@dataclass(frozen=True)
class TakeWord:
    """One spoken word."""

    word: str
    """As it is written in the text."""
    start_char: int
    """First character in the text."""
    end_char: int
    """One past its last character."""
    start_sample: int
    """First sample."""
    end_sample: int
    """One past its last sample."""
    estimated: bool = False
    """True if the samples were estimated rather than measured by the voice."""


@dataclass(frozen=True)
class TakePhoneme:
    """One phoneme of the spoken text."""

    phoneme: str
    """In the phoneme alphabet of the voice; empty for a pause."""
    start_sample: int
    """First sample."""
    end_sample: int
    """One past its last sample."""


@dataclass(frozen=True)
class SentenceSpan:
    """Where one sentence lies in the take."""

    text: str
    """The sentence as it is written in the text."""
    start_char: int
    """First character in the text."""
    end_char: int
    """One past its last character."""
    start_sample: int
    """First sample."""
    end_sample: int
    """One past its last sample, the closing pause included."""


@dataclass(frozen=True)
class TakeEvent:
    """An event while the take was performed."""

    kind: str
    """"pause" (no sound was heard, the face went on), "missed" (no frame was sent), "interrupted", "notice", or a
    word of the program that recorded it."""
    text: str
    """A sentence for people."""
    start_sample: int
    """First sample."""
    end_sample: int
    """One past its last sample; the same as the first where it has no length."""


@dataclass(frozen=True)
class TakeInfo:
    """The metadata of a take: everything but its sound and its frames."""

    sample_rate: int
    """Hertz, of the sound and of every position."""
    text: str = ""
    """The whole text of the reply."""
    prompt: str | None = None
    """The prompt that it answers; None where there was none."""
    heard_text: str | None = None
    """The part of the text that was heard; None where it is not known."""
    interrupted: bool = False
    """Whether it was interrupted."""
    sentences: tuple[SentenceSpan, ...] = ()
    """In the order they are spoken."""
    words: tuple[TakeWord, ...] = ()
    """In the order they are spoken."""
    phonemes: tuple[TakePhoneme, ...] = ()
    """In the order they are spoken; empty if the voice reports none."""
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds from the request to each stage, such as "first_sound"."""
    counters: dict[str, int] = field(default_factory=dict)
    """Counters of the player, such as "audio_starved_count"."""
    providers: dict[str, str] = field(default_factory=dict)
    """Names of the providers, by service: "llm", "tts", "face"."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the software that made it, such as "neurosync"."""
    notices: tuple[str, ...] = ()
    """Problems that the turn reported, as sentences for people."""
    events: tuple[TakeEvent, ...] = ()
    """Events, in the order of their time."""
    recorded: str = "made"
    """"sent" if the frames are those that the player sent, and the sound is what was heard, pauses included; "made" if
    both are as voice and face made them."""
    created: datetime | None = None
    """When the turn began, with its time zone."""
    frame_rate: float = FRAME_RATE
    """Hertz, of the frames."""
    schema: str = SCHEMA
    """Name of the schema: the Live Link Face app writes a `take.json` too, which has none."""
    version: int = VERSION
    """Of the schema."""


_ADAPTER = TypeAdapter(TakeInfo)


def info_json(info: TakeInfo) -> str:
    """Return the text of `take.json`."""
    return _ADAPTER.dump_json(info, indent=2).decode() + "\n"


def parse_info(text: str | bytes, name: str = "take.json") -> TakeInfo:
    """Return the contents of a `take.json`; unknown fields are ignored.

    Args:
        text: The JSON.
        name: Name of the file in errors.

    Raises:
        BadRequestError: It is not JSON, or a field is wrong, or a newer NeuroSync wrote it.
    """
    try:
        info = _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRequestError(f"{name} {where}".rstrip(), first["input"], first["msg"]) from error
    if info.schema != SCHEMA:
        raise BadRequestError(f"{name} schema", info.schema, SCHEMA)
    if info.version > VERSION:
        raise BadRequestError(f"{name} version", info.version, f"at most {VERSION}: a newer NeuroSync wrote it")
    if info.sample_rate < 1:
        raise BadRequestError(f"{name} sample_rate", info.sample_rate, "1 Hz or more")
    return info


def read_info(path: Path) -> TakeInfo:
    """Read a `take.json`.

    Raises:
        BadRequestError: There is no such file, or it is wrong.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise BadRequestError(str(path), f"{path.stat().st_size} bytes", f"at most {MAX_JSON_BYTES} bytes")
        return parse_info(path.read_bytes(), str(path))
    except OSError as error:
        raise BadRequestError(str(path), error.strerror, "a take.json") from error
