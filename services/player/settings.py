"""Settings of the player."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.settings import ServerSettings, env_alias

MAX_SUBJECT_BYTES = 64


class PlayerSettings(ServerSettings):
    """NEUROSYNC_PLAYER_OUTPUT=none NEUROSYNC_PLAYER_TARGETS=192.168.1.20,192.168.1.21:11112 neurosync serve player."""

    table: ClassVar[str] = "player"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_PLAYER_")

    listen: str = "127.0.0.1:50054"
    output: str = "auto"
    """`auto` (the default sound device, or none if there is none), `none`, or the name or index of a device."""
    sample_rate: int = Field(0, ge=0, le=192_000)
    """Hz of the device; 0 takes the device's own, 48 000 without one."""
    latency: float = Field(0.05, gt=0, le=1)
    """Wanted seconds from writing a sample to hearing it; larger survives a busy machine, smaller speaks and stops
    sooner. Lips and sound stay together at any value."""
    renderer_offset: float = Field(0.0, ge=-200, le=200)
    """Milliseconds from a datagram to the picture of it on the screen; the face is sent that much ahead of its sound.
    Larger if the lips lag, smaller if they lead."""
    targets: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1:11111",), validation_alias=env_alias("NEUROSYNC_PLAYER_TARGETS", "LIVELINK_UDP_IP")
    )
    """Where datagrams go: HOST or HOST:PORT, several separated by commas; port 11111 where none is given."""
    subjects: Annotated[tuple[str, ...], NoDecode] = ("NeuroSync",)
    """Live Link names of the characters that live from the start, separated by commas; the first is the default."""
    max_subjects: int = Field(16, ge=1, le=256)
    """Characters that may live at once; each costs about 0.1 ms of one core a tick."""
    max_queued: int = Field(8, ge=0, le=256)
    """Turns that may wait for one character."""
    max_watchers: int = Field(8, ge=0, le=256)
    """Streams of frames to previews and monitors."""
    horizon: float = Field(2.0, ge=0.5, le=10)
    """Seconds of sound held ahead; larger survives a slower network, smaller makes an interruption waste less."""
    inactivity: float = Field(60.0, gt=0, le=600)
    """Seconds of silence after which a sender is given up, once nothing of its turn is left to play. Larger: slow words
    and voices are waited for (the orchestrator gives them up to 45 s); smaller: a dead sender's turn ends sooner."""
    seed: int | None = Field(None, ge=0, lt=1 << 32)
    """Of the idle life; the same seed gives the same life. None: another at each start."""

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
        if not value or not all(1 <= len(name.encode()) <= MAX_SUBJECT_BYTES for name in value):
            raise ValueError(f"expected names of 1 to {MAX_SUBJECT_BYTES} bytes, got {','.join(value)!r}")
        return value
