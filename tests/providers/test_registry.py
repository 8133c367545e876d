"""The table of providers: names, factories, and what is left out."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from services.common.errors import ConfigurationError
from services.providers.registry import Registry


@dataclass
class Named:
    name: str

    async def close(self) -> None:
        """Nothing is held."""


def factory(name: str, key: str = "") -> tuple[str, object]:
    def make(settings: set[str]) -> Named:
        if key and key not in settings:
            raise ConfigurationError(f"provider {name}: set {key}")
        return Named(name)

    return name, make


def registry() -> Registry[set[str], Named]:
    made = dict([factory("cloud", "KEY"), factory("server", "URL"), factory("own")])
    return Registry("voice", made)  # type: ignore[arg-type]


def names(settings: set[str], order: tuple[str, ...], *, required: bool = False, fallback: bool = True) -> list[str]:
    made = registry().make_all(settings, order, first_required=required, fallback=fallback)
    return [provider.name for provider in made]


def test_providers_come_in_order_without_those_that_are_incomplete(caplog: pytest.LogCaptureFixture) -> None:
    order = registry().names
    assert order == ("cloud", "server", "own")
    assert names({"KEY", "URL"}, order) == ["cloud", "server", "own"]
    with caplog.at_level(logging.INFO):
        assert names({"URL"}, order) == ["server", "own"]
    assert "provider chosen name=server fallbacks=own" in caplog.text


def test_without_fallback_the_first_complete_one_is_the_only_one() -> None:
    assert names({"URL"}, ("cloud", "server", "own"), fallback=False) == ["server"]


def test_a_required_provider_that_is_incomplete_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^provider cloud: set KEY$"):
        names(set(), ("cloud", "own"), required=True)
    assert names({"KEY"}, ("cloud", "server"), required=True) == ["cloud"]


def test_nothing_that_is_complete_is_refused_with_every_remedy() -> None:
    with pytest.raises(
        ConfigurationError, match="no voice is set up: provider cloud: set KEY; provider server: set URL"
    ):
        names(set(), ("cloud", "server"))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="voice: expected one of cloud, server, own, got 'radio'"):
        registry().make("radio", set())
    with pytest.raises(ConfigurationError, match="got 'radio'"):
        names(set(), ("own", "radio"))
