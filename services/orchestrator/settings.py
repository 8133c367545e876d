"""Settings of the orchestrator."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import ServerSettings


class OrchestratorSettings(ServerSettings):
    """Where the stages are, and how much the orchestrator takes on."""

    table: ClassVar[str] = "orchestrator"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_ORCHESTRATOR_")

    listen: str = "127.0.0.1:50050"
    llm: str = "127.0.0.1:50051"
    """Address of the words; `dns:///name:port` spreads calls over all replicas behind a name."""
    tts: str = "127.0.0.1:50052"
    """Address of the voice."""
    face: str = "127.0.0.1:50053"
    """Address of the face."""
    player: str = "127.0.0.1:50054"
    """Address of the player."""
    tls_authority: Path | None = None
    """PEM authority that signed the stages' certificates; absent: they are dialled in plain text. Where this server has
    a certificate of its own, it shows it to them (mutual TLS)."""
    sample_rate: int = Field(default=24_000, ge=8_000, le=48_000, multiple_of=60)
    """Rate of a turn's sound in Hz; a multiple of 60, so that every face frame begins on a sample."""
    max_turns: int = Field(default=64, ge=1)
    """Turns at once; more are refused with RESOURCE_EXHAUSTED."""
    max_sessions: int = Field(default=1_000, ge=1)
    """Sessions remembered; the one unused for longest is forgotten for a new one."""
    max_history: int = Field(default=100, ge=1)
    """Turns remembered of a session; the oldest are forgotten."""
    sound_ahead: float = Field(default=1.5, ge=0.2, le=20)
    """Seconds of sound below which the next sentence is made early. Larger: survives slow voices; smaller: less work is
    lost by an interruption."""
    slow_after: float = Field(default=1.5, gt=0, le=60)
    """Seconds after which the client receives a notice that a stage is slow, and the health of the stage is checked.
    Larger: fewer notices of stages that are merely slow; smaller: the person learns sooner why nothing is heard."""
    probe_timeout: float = Field(default=2.0, gt=0, le=60)
    """Seconds that such a stage gets to answer the health check, before it counts as hung and is given up. Larger: a
    stage on an overloaded machine is not mistaken for a hung one; smaller: errors of hung ones come sooner."""
    llm_timeout: float = Field(default=45.0, gt=0)
    """Seconds that llm may owe its next event while it is healthy; its own limits (10 s a provider) are lower.
    Larger: patient with long prompts on slow machines; smaller: errors come sooner."""
    tts_timeout: float = Field(default=20.0, gt=0)
    """Seconds that tts may owe its next sound while it is healthy; it needs 5 s a provider that fails. Larger: patient
    with slow voices; smaller: a sentence is given up sooner."""
    face_timeout: float = Field(default=4.0, gt=0)
    """Seconds that the face may owe frames while it is healthy; it is some twenty times faster than time. Larger: an
    overloaded face is not given up; smaller: it is dialled anew sooner. The voice goes on in any case."""
    player_timeout: float = Field(default=10.0, gt=0)
    """Seconds that the player may owe an answer or a position while it is healthy; opening a sound device takes some.
    Larger: patient with slow devices; smaller: errors come sooner."""
