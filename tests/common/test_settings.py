"""Sources of settings, their order, and the errors of wrong values."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.addresses import is_loopback
from services.common.errors import ConfigurationError
from services.common.settings import ServerSettings, env_alias, load


class ExampleSettings(ServerSettings):
    """Settings with a field of each kind: own name only, own and known name, and a shared one (`token`)."""

    table: ClassVar[str] = "known"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_KNOWN_")
    plain: str = "default"
    model: str = Field("default", validation_alias=env_alias("NEUROSYNC_KNOWN_MODEL", "KNOWN_MODEL"))


FIELDS = {
    "plain": ["NEUROSYNC_KNOWN_PLAIN"],
    "model": ["NEUROSYNC_KNOWN_MODEL", "KNOWN_MODEL"],
    "token": ["NEUROSYNC_TOKEN"],
}
NAMES = [(field, name) for field, names in FIELDS.items() for name in names]


def value(settings: ExampleSettings, field: str) -> str:
    seen = getattr(settings, field)
    return str(seen.get_secret_value() if field == "token" else seen)


@pytest.mark.parametrize(("field", "name"), NAMES)
def test_flags_win_over_environment_over_dotenv_over_toml(
    field: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("neurosync.toml").write_text(f'[known]\n{field} = "toml"\n')
    assert value(load(ExampleSettings), field) == "toml"
    Path(".env").write_text(f"{name}=dotenv\n")
    assert value(load(ExampleSettings), field) == "dotenv"
    monkeypatch.setenv(name, "environment")
    assert value(load(ExampleSettings), field) == "environment"
    flags: dict[str, Any] = {field: "flag"}
    assert value(load(ExampleSettings, **flags), field) == "flag"


def test_the_own_name_wins_over_the_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOWN_MODEL", "known")
    assert load(ExampleSettings).model == "known"
    monkeypatch.setenv("NEUROSYNC_KNOWN_MODEL", "own")
    assert load(ExampleSettings).model == "own"


def test_a_flag_that_is_not_given_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSYNC_KNOWN_PLAIN", "environment")
    assert load(ExampleSettings, plain=None).plain == "environment"


def test_tables_of_other_processes_are_ignored() -> None:
    Path("neurosync.toml").write_text('[other]\nplain = "theirs"\nunknown = 1\n')
    assert load(ExampleSettings).plain == "default"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[known]\nplane = 1\n", r"\[known\] has no setting 'plane'"),
        ("[known\n", "neurosync.toml: "),
        ("known = 3\n", r"expected a table \[known\], got known = 3"),
        ("[known]\nshutdown_grace = 'soon'\n", "settings of known: shutdown_grace: "),
    ],
)
def test_a_wrong_toml_file_is_an_error_that_names_the_place(toml: str, message: str) -> None:
    Path("neurosync.toml").write_text(toml)
    with pytest.raises(ConfigurationError, match=message):
        load(ExampleSettings)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"listen": "50051"}, "listen: expected HOST:PORT, got '50051'"),
        ({"listen": "127.0.0.1:http"}, "listen: expected HOST:PORT"),
        ({"listen": "127.0.0.1:65536"}, "listen: expected HOST:PORT"),
        ({"token": ""}, "token: expected printable ASCII"),
        ({"token": "secret\n"}, "token: expected printable ASCII"),
        ({"token": "two words"}, "token: expected printable ASCII"),
        ({"token": "gehëim"}, "token: expected printable ASCII"),
        ({"tls_certificate": "a.pem"}, "tls_certificate and tls_key: expected both or neither"),
        ({"tls_client_authority": "a.pem"}, "tls_client_authority: expected tls_certificate and tls_key"),
        ({"listen": "0.0.0.0:1", "tls_certificate": "a", "tls_key": "b"}, "set NEUROSYNC_TOKEN, or mutual TLS"),
        ({"shutdown_grace": -1}, "shutdown_grace: "),
        ({"log_level": "LOUD"}, "log_level: expected DEBUG, INFO, WARNING or ERROR, got 'LOUD'"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_setting(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(ExampleSettings, **flags)
    assert message in str(caught.value)


def test_no_error_shows_the_token() -> None:
    for name, value in (("token", "hidden\n"), ("listen", "nowhere"), ("shutdown_grace", "soon")):
        Path(".env").write_text("NEUROSYNC_TOKEN=hidden\nNEUROSYNC_KNOWN_LISTEN=0.0.0.0:1\n")
        flags: dict[str, Any] = {name: value}
        with pytest.raises(ConfigurationError) as caught:
            load(ExampleSettings, **flags)
        assert "hidden" not in "".join(traceback.format_exception(caught.value))
    assert "secret" not in repr(load(ExampleSettings, token="secret"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    load(ExampleSettings, listen=f"{host}:0")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "", "10.0.0.7", "[fe80::1]", "neurosync-face", "localhost.lan"])
def test_every_other_host_needs_a_token(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(ConfigurationError, match="is reachable from other machines"):
        load(ExampleSettings, listen=f"{host}:0")
    load(ExampleSettings, listen=f"{host}:0", token="secret")
