"""Settings of the language model service, and their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from services.common.settings import ServerSettings, env_alias
from services.llm.persona import PERSONA
from services.text.sentences import FIRST_MIN_CHARS, MAX_CHARS


class LanguageModelSettings(ServerSettings):
    """Settings of the llm process: NEUROSYNC_LLM_..., and the names that users already have."""

    table: ClassVar[str] = "llm"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_LLM_")

    listen: str = "127.0.0.1:50051"
    """Host and port to listen on."""
    provider: Literal["auto", "openai", "endpoint", "embedded", "local"] = Field(
        "auto", validation_alias=env_alias("NEUROSYNC_LLM_PROVIDER", "LLM_PROVIDER")
    )
    """The provider that is tried first. `auto`: OpenAI if there is a key, else the endpoint if there is one, else the
    embedded model; `local`: the same without OpenAI. The others follow as fallbacks where they are set up."""
    fallback: bool = True
    """Whether a provider that fails before its first word is followed by the next one; off: the call fails."""

    openai_api_key: SecretStr | None = Field(
        None, validation_alias=env_alias("NEUROSYNC_LLM_OPENAI_API_KEY", "OPENAI_API_KEY")
    )
    """Key of OpenAI."""
    openai_model: str = Field(
        "gpt-4o-mini", min_length=1, validation_alias=env_alias("NEUROSYNC_LLM_OPENAI_MODEL", "OPENAI_MODEL")
    )
    """Model of OpenAI. A larger one answers better, and its first word comes later."""
    openai_base_url: str = Field(
        "https://api.openai.com/v1", validation_alias=env_alias("NEUROSYNC_LLM_OPENAI_BASE_URL", "OPENAI_BASE_URL")
    )
    """URL of OpenAI, `/v1` included."""
    base_url: str = ""
    """URL of another server with the chat completions API (vLLM, llama.cpp, Ollama, LM Studio), `/v1` included."""
    api_key: SecretStr | None = None
    """Key of that server, if it wants one."""
    model: str = ""
    """Model of that server; empty: the first that it lists."""
    context_tokens: int = Field(8192, ge=512, le=1_000_000)
    """Tokens of prompt and reply of OpenAI and that server. Larger: more history fits, and a reply costs more."""

    embedded_weights: Path | None = None
    """GGUF file to run instead of the one in the weights package."""
    embedded_threads: int = Field(1, ge=1, le=64)
    """Threads of the embedded model. More are faster where cores are idle, and slower where they are not."""
    embedded_context_tokens: int = Field(2048, ge=512, le=32_768)
    """Tokens of prompt and reply of the embedded model. It reads about 100 tokens a second, and caches what it has
    read. Larger: more of the history fits, and a conversation that is not in the cache takes longer to begin."""

    persona: str = Field(PERSONA, max_length=20_000)
    """System prompt of requests that have none: who the character is."""
    max_output_tokens: int = Field(400, ge=1, le=8192)
    """Tokens of a reply, for requests that set no limit; the embedded model stops at 96. Larger: longer monologues."""
    temperature: float | None = Field(None, ge=0, le=2)
    """Sampling temperature of requests that set none. Higher: livelier, lower: steadier; unset: the provider's."""
    first_word_timeout: float = Field(10.0, gt=0, le=120)
    """Seconds to the first word of a provider before the next is tried. Smaller: the next provider answers sooner;
    larger: a cold start is waited for."""
    inactivity_timeout: float = Field(8.0, gt=0, le=120)
    """Seconds between two pieces of a reply before it counts as broken off."""
    retry_after: float = Field(30.0, ge=0, le=3600)
    """Seconds that a provider rests after a failure: the others are tried before it. Larger: fewer turns try it in
    vain; smaller: it is used again sooner."""
    max_generations: int = Field(4, ge=1, le=1024)
    """Replies at once; one more is refused. Larger serves more people, each more slowly."""
    first_min_chars: int = Field(FIRST_MIN_CHARS, ge=0, le=1000)
    """Characters after which the first piece may end at a comma. Larger: better melody, later first sound."""
    max_chars: int = Field(MAX_CHARS, ge=40, le=4000)
    """Characters after which a sentence is cut. Larger: better melody, later sound of long sentences."""

    @field_validator("provider", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("base_url", "openai_base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError(f"expected http://... or https://..., got {value!r}")
        return value.rstrip("/")
