"""Settings of the speech service: `NEUROSYNC_TTS_*`, `[tts]` in `neurosync.toml`, and names that users already have.

ELEVENLABS_API_KEY=... neurosync serve tts        # ElevenLabs, with the embedded voice as fallback
TTS_PROVIDER=hibari neurosync serve tts           # the embedded voice only
LOCAL_TTS_URL=http://127.0.0.1:8000/generate_speech neurosync serve tts
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from services.common.settings import ServerSettings, env_alias
from services.tts.pauses import Pauses


class SpeechSettings(ServerSettings):
    """Settings of the tts process."""

    table: ClassVar[str] = "tts"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_TTS_")

    listen: str = "127.0.0.1:50052"
    """Host and port to listen on; port 0 takes a free one."""
    provider: Literal["auto", "elevenlabs", "local", "hibari"] = Field(
        "auto", validation_alias=env_alias("NEUROSYNC_TTS_PROVIDER", "TTS_PROVIDER")
    )
    """The provider that is tried first. `auto`: ElevenLabs where a key is set, else the local endpoint where its URL is
    set, else hibari."""
    fallback: bool = True
    """Whether the providers after that one (in the order of `auto`) are tried when it fails before its first audio.
    True: another voice rather than none; False: one voice or an error."""
    max_calls: int = Field(8, ge=1, le=1024)
    """Synthesize calls at once. More: fewer are refused, and each is slower; fewer: replicas are used sooner."""
    hibari_threads: int = Field(2, ge=1, le=64)
    """Sentences that the embedded voice works on at once, one core each. More: parallel turns wait less; fewer: other
    processes keep their cores."""

    elevenlabs_api_key: SecretStr | None = Field(
        None, validation_alias=env_alias("NEUROSYNC_TTS_ELEVENLABS_API_KEY", "ELEVENLABS_API_KEY")
    )
    """Key of ElevenLabs; absent or empty: it is not used."""
    elevenlabs_voice_id: str = Field(
        "JBFqnCBsd6RMkjVDRZzb",
        min_length=1,
        validation_alias=env_alias("NEUROSYNC_TTS_ELEVENLABS_VOICE_ID", "ELEVENLABS_VOICE_ID"),
    )
    """Voice of ElevenLabs where a request names none."""
    elevenlabs_model_id: str = Field(
        "eleven_flash_v2_5",
        min_length=1,
        validation_alias=env_alias("NEUROSYNC_TTS_ELEVENLABS_MODEL_ID", "ELEVENLABS_MODEL_ID"),
    )
    """Model of ElevenLabs; flash answers soonest, multilingual sounds richest."""
    elevenlabs_url: str = Field("https://api.elevenlabs.io", pattern=r"^https?://")
    """URL of ElevenLabs; another of its regions, or a gateway of your own."""
    local_url: str | None = Field(None, validation_alias=env_alias("NEUROSYNC_TTS_LOCAL_URL", "LOCAL_TTS_URL"))
    """HTTP endpoint that answers POST {"text", "voice"?} with a WAV file; absent or empty: it is not used."""
    local_voice: str = ""
    """What to send as "voice" to the local endpoint; empty sends none."""

    first_sound_timeout: float = Field(5.0, gt=0, le=120)
    """Seconds that a provider in the network gets until its first audio. Longer: a slow one is waited for; shorter: the
    next provider is tried sooner."""
    stall_timeout: float = Field(4.0, gt=0, le=120)
    """Seconds without data from the network after which a running sentence is given up. Longer: slow networks are
    waited for; shorter: the error comes sooner."""
    breaker_failures: int = Field(2, ge=1, le=100)
    """Failures in a row after which a provider rests: the others are tried before it. More: each failing call waits
    for it first; fewer: one hiccup changes the voice."""
    breaker_seconds: float = Field(30.0, gt=0, le=3600)
    """Seconds that it rests. Longer: fewer calls wait for it in vain; shorter: its voice is back sooner."""

    pause_clause: float = Field(0.16, ge=0, le=2)
    """Seconds of silence after a comma, colon, semicolon or dash. Larger: calmer; smaller: breathless."""
    pause_sentence: float = Field(0.38, ge=0, le=2)
    """Seconds of silence after a sentence. Larger: calmer; smaller: hurried."""
    pause_paragraph: float = Field(0.65, ge=0, le=2)
    """Seconds of silence after a paragraph or an ellipsis. Larger: more weight; smaller: more flow."""
    pause_unmarked: float = Field(0.06, ge=0, le=2)
    """Seconds of silence after text that ends without punctuation, as a sentence cut in two does."""

    @field_validator("elevenlabs_api_key", "local_url", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _has_what_the_provider_needs(self) -> Self:
        if self.local_url is not None and not self.local_url.startswith(("http://", "https://")):
            raise ValueError(f"local_url: expected http://... or https://..., got {self.local_url!r}")
        if self.provider == "elevenlabs" and self.elevenlabs_api_key is None:
            raise ValueError("provider: elevenlabs needs ELEVENLABS_API_KEY")
        if self.provider == "local" and self.local_url is None:
            raise ValueError("provider: local needs LOCAL_TTS_URL; hibari is the embedded voice")
        return self

    @property
    def pauses(self) -> Pauses:
        """The pauses of the settings."""
        return Pauses(self.pause_clause, self.pause_sentence, self.pause_paragraph, self.pause_unmarked)
