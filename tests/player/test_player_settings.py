"""Settings of the player from the environment; errors name the setting."""

from __future__ import annotations

import pytest

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.player.settings import PlayerSettings


def test_targets_and_subjects_are_lists_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSYNC_PLAYER_TARGETS", "10.0.0.5, 10.0.0.6:11112")
    monkeypatch.setenv("NEUROSYNC_PLAYER_SUBJECTS", "Ada,Bob")
    settings = load(PlayerSettings)
    assert settings.targets == ("10.0.0.5", "10.0.0.6:11112")
    assert settings.subjects == ("Ada", "Bob")


def test_the_variable_that_users_already_have_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVELINK_UDP_IP", "192.168.1.20")
    assert load(PlayerSettings).targets == ("192.168.1.20",)


def test_outputs_are_a_json_object_of_names_and_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSYNC_PLAYER_OUTPUTS", '{"Bob": "USB speakers, left", "Cyd": 3}')
    assert load(PlayerSettings).outputs == {"Bob": "USB speakers, left", "Cyd": "3"}
    monkeypatch.setenv("NEUROSYNC_PLAYER_OUTPUTS", "")
    assert load(PlayerSettings).outputs == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("targets", "10.0.0.5,,"),
        ("subjects", "x" * 65),
        ("subjects", "Ada,"),
        ("max_ahead", "0"),
        ("outputs", '{"Bob": }'),
        ("outputs", '["Bob"]'),
        ("outputs", '{"": "USB speakers"}'),
        ("outputs", '{"Bob ": "USB speakers"}'),
        ("outputs", '{"Bob": " "}'),
        ("outputs", '{"Bob": null}'),
        ("outputs", '{"Bob": "1", "Bob": "2"}'),
    ],
)
def test_wrong_settings_are_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"NEUROSYNC_PLAYER_{name.upper()}", value)
    with pytest.raises(ConfigurationError, match=f"(?i){name}"):
        load(PlayerSettings)


@pytest.mark.parametrize("name", ["NEUROSYNC_PLAYER_MAX_AHEAD", "NEUROSYNC_PLAYER_HORIZON"])
def test_how_far_a_sender_may_send_has_a_name_of_before(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "3.5")
    assert load(PlayerSettings).max_ahead == 3.5
