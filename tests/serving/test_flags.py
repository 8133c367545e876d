"""Settings as command-line flags: what is read back, what is refused, and what help and secrets show."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.common.settings import ServerSettings, env_alias, load
from services.serving.flags import flags_for, parse_flags


class FlagSettings(ServerSettings):
    table: ClassVar[str] = "flagged"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_FLAGGED_")

    listen: str = "127.0.0.1:50099"
    wait: Literal[50, 100] = 100
    """Milliseconds, at 100 % of speed."""
    strength: dict[str, float] = Field(default_factory=dict)
    """Factor by region."""
    seed: int | None = None
    life: bool = True
    recording: Path | None = None
    api_key: SecretStr | None = Field(None, validation_alias=env_alias("NEUROSYNC_FLAGGED_API_KEY", "VENDOR_KEY"))


def settings_of(*arguments: str) -> FlagSettings:
    return load(FlagSettings, **parse_flags(FlagSettings, arguments, program="flagged"))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"listen": "127.0.0.1:1", "exit_with_parent": True},
        {"wait": 50, "seed": 7, "life": False},
        {"shutdown_grace": 0.5, "recording": Path("some where.csv")},
    ],
)
def test_flags_are_read_back_as_the_settings_they_were_made_of(values: dict[str, Any]) -> None:
    settings = settings_of(*flags_for(values))
    assert {name: getattr(settings, name) for name in values} == values
    assert settings.model_fields_set == set(values)


def test_a_table_is_given_as_json() -> None:
    assert settings_of("--strength", '{"jaw": 1.5}').strength == {"jaw": 1.5}


@pytest.mark.parametrize("arguments", [["--strength", "jaw"], ["--wait", "7"], ["--lis", "x"], ["face"], ["--token=x"]])
def test_what_is_no_flag_or_no_value_of_it_ends_the_program(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        settings_of(*arguments)
    assert ended.value.code == 2
    assert "flagged: error: " in capsys.readouterr().err


def test_flags_win_over_variables_and_those_over_the_settings_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("neurosync.toml").write_text("[flagged]\nlisten = '127.0.0.1:1'\nseed = 1\nwait = 50\n")
    monkeypatch.setenv("NEUROSYNC_FLAGGED_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("NEUROSYNC_FLAGGED_SEED", "2")
    monkeypatch.setenv("NEUROSYNC_EXIT_WITH_PARENT", "0")
    settings = settings_of("--listen=127.0.0.1:3", "--exit-with-parent")
    assert (settings.listen, settings.seed, settings.wait) == ("127.0.0.1:3", 2, 50)
    assert settings.exit_with_parent


def test_help_has_every_setting_with_its_docstring_and_default_but_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("VENDOR_KEY", "do-not-show-me")
    with pytest.raises(SystemExit) as ended:
        settings_of("--help")
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--wait {50,100} Milliseconds, at 100 % of speed. (default: 100)" in text
    assert "Host and port to listen on; port 0 takes a free one. (default: 127.0.0.1:50099)" in text
    assert "--life, --no-life" in text
    assert "Secrets have no flag: token, api_key." in text
    assert "--token" not in text
    assert "--api-key" not in text
    assert "do-not-show-me" not in text
