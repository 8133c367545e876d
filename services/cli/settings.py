"""Settings of the `neurosync` command: where it finds the services."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.common.settings import Settings, env_alias


class ClientSettings(Settings):
    """What `neurosync` needs to find the services."""

    table: ClassVar[str] = "client"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_CLIENT_")

    orchestrator: str = "127.0.0.1:50050"
    """Address of the orchestrator."""
    face: str = "127.0.0.1:50053"
    """Address of the face service."""
    player: str = "127.0.0.1:50054"
    """Address of the player."""
    token: SecretStr | None = Field(default=None, validation_alias=env_alias("NEUROSYNC_TOKEN", "neurosync_token"))
    """Token that services require from their clients."""
    tls_authority: Path | None = None
    """PEM authority that signed the services' certificates; absent: plain text."""
    tls_certificate: Path | None = None
    """PEM certificate to show to services that want one (mutual TLS)."""
    tls_key: Path | None = None
    """PEM key of `tls_certificate`."""
    takes: Path = Path("takes")
    """Folder of recorded takes."""
