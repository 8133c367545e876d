"""Base classes of all settings, and their sources: flags, environment variables, `.env`, and `neurosync.toml`.

NEUROSYNC_FACE_LISTEN=0.0.0.0:50053 NEUROSYNC_TOKEN=... neurosync serve face

# neurosync.toml
[face]
listen = "0.0.0.0:50053"
"""

from __future__ import annotations

import logging
import re
import tomllib
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from services.common.addresses import is_loopback
from services.common.errors import ConfigurationError

TOML_FILE = Path("neurosync.toml")
_OUT_OF_RANGE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
_TOKEN = re.compile(r"[!-~]+")  # characters that gRPC metadata carries unchanged

S = TypeVar("S", bound="Settings")


def env_alias(own: str, known: str) -> Any:
    """Return the alias of a field that is also read from `known`, a variable that users may have already."""
    return AliasChoices(own, known)


class Settings(BaseSettings):
    """Base of all settings; each process has a subclass, whose table in `neurosync.toml` is `table`."""

    table: ClassVar[str]
    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        populate_by_name=True,
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, `.env`, `neurosync.toml`."""
        toml = InitSettingsSource(settings_cls, init_kwargs=_toml_table(cls))
        return named["init_settings"], named["env_settings"], named["dotenv_settings"], toml


class ServerSettings(Settings):
    """Settings of every server."""

    listen: str = "127.0.0.1:0"
    """Host and port to listen on; port 0 takes a free one."""
    token: SecretStr | None = Field(default=None, validation_alias=env_alias("NEUROSYNC_TOKEN", "neurosync_token"))
    """Token that clients send as `authorization: Bearer ...`; required beyond loopback, unless clients have
    certificates."""
    tls_certificate: Path | None = None
    """PEM certificate chain of this server; enables TLS together with `tls_key`."""
    tls_key: Path | None = None
    """PEM private key of `tls_certificate`."""
    tls_client_authority: Path | None = None
    """PEM certificate of the authority that must have signed the client certificates (mutual TLS)."""
    shutdown_grace: float = Field(default=3.0, ge=0, le=120)
    """Seconds that running calls have to finish at shutdown. Larger: more calls finish; smaller: it stops sooner."""
    max_open_calls: int = Field(default=256, ge=1, le=100_000)
    """Calls of all kinds at once; any more are refused before they are read. Larger: a flood takes more memory, about
    50 kB a call; smaller: many quiet clients are refused."""
    max_connection_age: float = Field(default=0.0, ge=0)
    """Seconds after which a client must reconnect, so that it finds new replicas (300 suits several); 0: never."""
    exit_with_parent: bool = Field(
        default=False, validation_alias=env_alias("NEUROSYNC_EXIT_WITH_PARENT", "neurosync_exit_with_parent")
    )
    """Whether the process ends when its standard input closes; a supervisor keeps it open as long as it runs."""
    log_level: str = Field(default="INFO", validation_alias=env_alias("NEUROSYNC_LOG_LEVEL", "neurosync_log_level"))
    """DEBUG, INFO, WARNING or ERROR."""

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        host, separator, port = self.listen.rpartition(":")  # like gRPC: an empty host means every interface
        if not separator or not port.isdecimal() or int(port) > 65535:
            raise ValueError(f"listen: expected HOST:PORT, got {self.listen!r}")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key: expected both or neither")
        if self.tls_client_authority and not self.tls_certificate:
            raise ValueError("tls_client_authority: expected tls_certificate and tls_key beside it")
        if self.token is not None and not _TOKEN.fullmatch(self.token.get_secret_value()):
            raise ValueError(
                "token: expected printable ASCII characters without spaces (does its file end in a newline?)"
            )
        if self.log_level.upper() not in logging.getLevelNamesMapping():
            raise ValueError(f"log_level: expected DEBUG, INFO, WARNING or ERROR, got {self.log_level!r}")
        if not is_loopback(host) and self.token is None and self.tls_client_authority is None:
            raise ValueError(
                f"listen: {self.listen} is reachable from other machines: set NEUROSYNC_TOKEN, or mutual TLS "
                "(tls_certificate, tls_key, tls_client_authority), or listen on 127.0.0.1"
            )
        return self


def load(kind: type[S], **flags: Any) -> S:
    """Return the settings of a process; `flags` that are not None win over every other source.

    Raises:
        ConfigurationError: A value is wrong, or `neurosync.toml` cannot be read.
    """
    try:
        return kind(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(_problem(item["loc"], item["msg"] + _shown_value(item)) for item in error.errors())
        raise ConfigurationError(f"settings of {kind.table}: {problems}") from error


def _shown_value(error: ErrorDetails) -> str:
    """Return the value if it is a number out of range; no other value is shown, as it may be a secret."""
    return f", got {error['input']}" if error["type"] in _OUT_OF_RANGE else ""


def _problem(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in location)
    text = message.removeprefix("Value error, ")
    return f"{name}: {text}" if name else text


def _toml_table(kind: type[Settings]) -> dict[str, Any]:
    """Return the table of the process in `neurosync.toml`, empty if there is none."""
    if not TOML_FILE.exists():
        return {}
    try:
        table = tomllib.loads(TOML_FILE.read_text(encoding="utf-8")).get(kind.table, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{TOML_FILE}: {error}") from error
    if not isinstance(table, dict):
        raise ConfigurationError(f"{TOML_FILE}: expected a table [{kind.table}], got {kind.table} = {table!r}")
    unknown = sorted(set(table) - set(kind.model_fields))
    if unknown:
        raise ConfigurationError(f"{TOML_FILE}: [{kind.table}] has no setting {unknown[0]!r}")
    return dict(table)
