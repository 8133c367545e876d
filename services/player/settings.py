"""Settings of the player, and their validation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.errors import BadRequestError
from services.common.settings import ServerSettings, env_alias
from services.common.wire import check_subject
from services.media.curves import INDEX
from services.media.emotions import EMOTION_NAMES
from services.player.face.emotion_layer import RAMP_SECONDS, STRENGTHS
from services.player.face.scaling import FACTORS, GAINS, OFFSETS, THRESHOLDS


class PlayerSettings(ServerSettings):
    """NEUROSYNC_PLAYER_OUTPUT=none NEUROSYNC_PLAYER_TARGETS=192.168.1.20,192.168.1.21:11112 neurosync serve player."""

    table: ClassVar[str] = "player"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_PLAYER_")

    listen: str = "127.0.0.1:50054"
    output: str = "auto"
    """`auto` (the default sound device, or none if there is none), `none`, the name or index of a device, or
    `file:PATH.wav`, which gets what would be heard. A device that is lost is opened again when it is back."""
    outputs: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    """Outputs of single characters, named as `output` is: {"Bob": "USB speakers", "Cyd": "3"}; all others are heard on
    `output`. Each output in use has a clock and a thread of its own, 5 to 10 % of a core; the settings from here to
    `renderer_offset` hold for all of them."""
    sample_rate: int = Field(0, ge=0, le=192_000)
    """Hz of the player's sound; 0 takes the device's own, 48 000 without one. A device that refuses it plays at its
    own rate, converted."""
    channels: int = Field(0, ge=0, le=2)
    """Channels of the device, 1 or 2; 0 takes two, or one where it has one. The voice is the same on both."""
    volume: float = Field(1.0, ge=0, le=4)
    """Factor of the loudness; 1 leaves the sound unchanged, bit by bit, more than 1 may clip."""
    latency: float = Field(0.05, gt=0, le=1)
    """Wanted seconds from writing a sample to hearing it; larger survives a busy machine, smaller speaks and stops
    sooner. Lips and sound stay together at any value."""
    renderer_offset: float = Field(0.0, ge=-200, le=200)
    """Milliseconds from a frame's arrival at the renderer to its picture on the screen; frames are sent that much ahead
    of their sound. Larger if the lips lag, smaller if they lead."""
    targets: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1:11111",), validation_alias=env_alias("NEUROSYNC_PLAYER_TARGETS", "LIVELINK_UDP_IP")
    )
    """Where frames are sent: HOST or HOST:PORT, several separated by commas; port 11111 where none is given. An IPv6
    address with a port stands in brackets. `SCHEME://HOST:PORT` names another frame output than Live Link."""
    subjects: Annotated[tuple[str, ...], NoDecode] = ("NeuroSync",)
    """Live Link names of the characters that live from the start, separated by commas; the first is the default."""
    max_subjects: int = Field(16, ge=1, le=256)
    """Characters that may live at once; each costs about 0.1 ms of one core a tick. Those with an output of their own
    have a reserved place."""
    max_queued: int = Field(8, ge=0, le=256)
    """Turns that may wait for one character."""
    max_watchers: int = Field(8, ge=0, le=256)
    """Streams of `WatchFrames` at once."""
    max_ahead: float = Field(
        2.0,
        ge=0.5,
        le=10,
        validation_alias=env_alias("NEUROSYNC_PLAYER_MAX_AHEAD", "NEUROSYNC_PLAYER_HORIZON"),
    )
    """Seconds of sound that a sender may send ahead; larger survives a slower network, smaller wastes less at an
    interruption."""
    inactivity: float = Field(60.0, gt=0, le=600)
    """Seconds of silence after which a sender is given up, once nothing of its turn is left to play. Larger waits for
    slow words and voices (the orchestrator gives them up to 45 s); smaller ends the turn of a dead sender sooner."""
    seed: int | None = Field(None, ge=0, lt=1 << 32)
    """Of the idle life; the same seed gives the same life. None draws one at each start."""

    life: bool = True
    """Whether faces show idle life; without it, only speech and emotions move them. The next six are its layers."""
    blinks: bool = True
    """Whether lids blink."""
    gaze: bool = True
    """Whether eyes wander."""
    head: bool = True
    """Whether heads sway, and follow the eyes."""
    breath: bool = True
    """Whether faces breathe."""
    expression: bool = True
    """Whether brows, lids, cheeks and mouth move a little."""
    prosody: bool = True
    """Whether head, brows, gaze and blinks follow the voice."""
    idle_recording: Path | None = None
    """A Live Link Face CSV, or an NPZ or JSON of frames, that repeats in place of those layers, except `prosody`."""

    emotions: bool = True
    """Whether emotions show."""
    emotion_strength: float = Field(1.0, ge=STRENGTHS[0], le=STRENGTHS[1])
    """Multiplies every emotion."""
    emotion_attack: float = Field(0.35, ge=RAMP_SECONDS[0], le=RAMP_SECONDS[1])
    """Seconds from none to full; shorter startles, longer comes after its words."""
    emotion_release: float = Field(1.2, ge=RAMP_SECONDS[0], le=RAMP_SECONDS[1])
    """Seconds from full to none; shorter drops a smile with the last word, longer drags it along."""
    emotion_recordings: Annotated[dict[str, Path], NoDecode] = Field(default_factory=dict)
    """Recordings of emotions in place of their poses: Happy=happy.csv,Sad=sad.npz."""

    scaling: bool = True
    """Whether the factors, gains and offsets below take effect."""
    mouth: float = Field(1.0, ge=FACTORS[0], le=FACTORS[1])
    """Factor of jaw and mouth; larger articulates more, smaller mumbles."""
    eyes: float = Field(1.0, ge=FACTORS[0], le=FACTORS[1])
    """Factor of lids and gaze, but for wide and squint."""
    brows: float = Field(1.0, ge=FACTORS[0], le=FACTORS[1])
    """Factor of the brows; 0.6 is usual with the NeuroSync checkpoint."""
    eye_wide: float = Field(1.0, ge=FACTORS[0], le=FACTORS[1])
    """Factor of EyeWide, both eyes; 0.4 is usual with the NeuroSync checkpoint."""
    eye_squint: float = Field(1.0, ge=FACTORS[0], le=FACTORS[1])
    """Factor of EyeSquint, both eyes."""
    threshold: float = Field(0.0, ge=THRESHOLDS[0], le=THRESHOLDS[1])
    """Values up to this one are not multiplied by the factor of their region."""
    gains: Annotated[dict[str, float], NoDecode] = Field(default_factory=dict)
    """Of single curves, before the factors: JawOpen=1.2,MouthSmileLeft=0.8."""
    offsets: Annotated[dict[str, float], NoDecode] = Field(default_factory=dict)
    """Of single curves, after their gain: BrowInnerUp=0.05."""

    @field_validator("outputs", mode="before")
    @classmethod
    def _table(cls, value: Any) -> Any:
        wanted = 'expected a JSON object, such as {"Bob": "USB speakers", "Cyd": "3"}'
        if isinstance(value, str):
            try:
                value = json.loads(value or "{}", object_pairs_hook=_once)
            except json.JSONDecodeError as error:
                raise ValueError(f"{wanted}, got {value!r} ({error})") from error
        if not isinstance(value, dict):
            raise ValueError(f"{wanted}, got {value!r}")
        return {name: str(held) if type(held) is int else held for name, held in value.items()}  # an index

    @field_validator("outputs")
    @classmethod
    def _has_outputs(cls, value: dict[str, str]) -> dict[str, str]:
        for name, output in value.items():
            _check_name(name)
            if name != name.strip():
                raise ValueError(f"expected names without spaces around them, got {name!r}")
            if not output.strip():
                raise ValueError(f"{name}: expected auto, none, a device or file:PATH.wav, got {output!r}")
        return value

    @field_validator("gains", "offsets", "emotion_recordings", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        if not all(name.strip() and equals for name, equals, _ in pairs):
            raise ValueError(f"expected NAME=VALUE, several separated by commas, got {value!r}")
        return {name.strip(): held.strip() for name, _, held in pairs}

    @field_validator("gains", "offsets")
    @classmethod
    def _has_curves(cls, value: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        lowest, highest = GAINS if info.field_name == "gains" else OFFSETS
        for name, number in value.items():
            if name not in INDEX:
                raise ValueError(f"expected ARKit curves, such as JawOpen, got {name!r}")
            if not lowest <= number <= highest:
                raise ValueError(f"expected {lowest:g} to {highest:g}, got {name}={number:g}")
        return value

    @field_validator("emotion_recordings")
    @classmethod
    def _has_emotions(cls, value: dict[str, Path]) -> dict[str, Path]:
        unknown = sorted(set(value) - set(EMOTION_NAMES))
        if unknown:
            raise ValueError(f"expected {', '.join(EMOTION_NAMES)}, got {unknown[0]!r}")
        return value

    @field_validator("targets", "subjects", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("targets")
    @classmethod
    def _has_targets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not all(value):
            raise ValueError(f"expected HOST or HOST:PORT, several separated by commas, got {','.join(value)!r}")
        return value

    @field_validator("subjects")
    @classmethod
    def _has_subjects(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("expected at least one name")
        for name in value:
            _check_name(name)
        return value


def _check_name(name: str) -> None:
    """Refuse what cannot be the name of a character, as pydantic expects it."""
    try:
        check_subject("name", name)
    except BadRequestError as error:
        raise ValueError(str(error)) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON whose names differ."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError(f"expected each name once, got {', '.join(name for name, _ in pairs)}")
    return table
