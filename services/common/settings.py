"""Settings that every process has, and where they come from: flags, environment, `.env`, `neurosync.toml`.

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
_TOKEN = re.compile(r"[!-~]+")  # what travels unchanged in gRPC metadata

S = TypeVar("S", bound="Settings")


def env_alias(own: str, known: str) -> Any:
    """Return the alias of a field that is also read from a variable that users already have."""
    return AliasChoices(own, known)


class Settings(BaseSettings):
    """Base of all settings: one subclass a process, `table` naming it in `neurosync.toml`."""

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
    """What every server takes."""

    listen: str = "127.0.0.1:0"
    """Host and port to listen on; port 0 takes a free one."""
    token: SecretStr | None = Field(default=None, validation_alias=env_alias("NEUROSYNC_TOKEN", "neurosync_token"))
    """What clients must present as `authorization: Bearer ...`; required beyond loopback, unless clients have
    certificates."""
    tls_certificate: Path | None = None
    """PEM chain of this server; with `tls_key` turns TLS on."""
    tls_key: Path | None = None
    """PEM key of `tls_certificate`."""
    tls_client_authority: Path | None = None
    """PEM authority whose client certificates are required (mutual TLS)."""
    shutdown_grace: float = Field(default=3.0, ge=0, le=120)
    """Seconds that running calls get to finish at shutdown; larger drains more kindly, smaller stops sooner."""
    max_open_calls: int = Field(default=256, ge=1, le=100_000)
    """Calls of all kinds at once; one more is refused before it is read. Larger: a flood takes more memory, about 50 kB
    a call; smaller: many quiet clients are refused."""
    max_connection_age: float = Field(default=0.0, ge=0)
    """Seconds after which a client must dial again, so that it finds new replicas (300 suits several); 0: never."""
    exit_with_parent: bool = Field(
        default=False, validation_alias=env_alias("NEUROSYNC_EXIT_WITH_PARENT", "neurosync_exit_with_parent")
    )
    """Whether the process ends when its standard input does; a supervisor keeps that open as long as it lives."""
    log_level: str = Field(default="INFO", validation_alias=env_alias("NEUROSYNC_LOG_LEVEL", "neurosync_log_level"))
    """DEBUG, INFO, WARNING or ERROR."""

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        host, separator, port = self.listen.rpartition(":")  # as gRPC reads it: no host means every interface
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
    """Build the settings of a process; `flags` that are not None win over every other source.

    Raises:
        ConfigurationError: A value is wrong, or `neurosync.toml` cannot be read.
    """
    try:
        return kind(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        lines = "; ".join(_line(item["loc"], item["msg"] + _seen(item)) for item in error.errors())
        raise ConfigurationError(f"settings of {kind.table}: {lines}") from error


def _seen(error: ErrorDetails) -> str:
    """Return the value of a number that is out of its range; others are not shown, as they may be secrets."""
    return f", got {error['input']}" if error["type"] in _OUT_OF_RANGE else ""


def _line(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in location)
    text = message.removeprefix("Value error, ")
    return f"{name}: {text}" if name else text


def _toml_table(kind: type[Settings]) -> dict[str, Any]:
    """Return the process's own table of `neurosync.toml`, or an empty one."""
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
