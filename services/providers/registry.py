"""A table of the providers of one service: names, in order of preference, and the factories that make them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from services.common.errors import ConfigurationError
from services.providers.failover import NamedProvider

logger = logging.getLogger(__name__)

S = TypeVar("S")
P = TypeVar("P", bound=NamedProvider)


class Registry(Generic[S, P]):
    """Factories that make providers from a service's settings."""

    def __init__(self, service: str, factories: Mapping[str, Callable[[S], P]]) -> None:
        """Hold the factories.

        Args:
            service: What they provide, in messages.
            factories: By name, in the order in which they are tried by default. A factory raises ConfigurationError
                if the settings lack what its provider needs, and names the setting.
        """
        self._service = service
        self._factories = dict(factories)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order in which they are tried by default."""
        return tuple(self._factories)

    def make(self, name: str, settings: S) -> P:
        """Return the provider `name`.

        Raises:
            ConfigurationError: There is no such provider, or the settings lack what it needs.
        """
        if name not in self._factories:
            raise ConfigurationError(f"{self._service}: expected one of {', '.join(self.names)}, got {name!r}")
        return self._factories[name](settings)

    def make_all(self, settings: S, names: Sequence[str], *, first_required: bool, fallback: bool) -> list[P]:
        """Return the providers `names`, in order, without those whose settings are incomplete.

        Args:
            settings: The service's settings.
            names: The names, the preferred one first.
            first_required: Whether the first is refused, not left out, if its settings are incomplete.
            fallback: Whether more than one provider is wanted.

        Raises:
            ConfigurationError: A name is unknown, the first is required and incomplete, or none is left.
        """
        providers: list[P] = []
        missing: list[str] = []
        for name in names:
            if providers and not fallback:
                break
            try:
                providers.append(self.make(name, settings))
            except ConfigurationError as error:
                if name not in self._factories or (first_required and name == names[0]):
                    raise
                missing.append(str(error))
        if not providers:
            raise ConfigurationError(f"no {self._service} is set up: {'; '.join(missing)}")
        fallbacks = ", ".join(provider.name for provider in providers[1:]) or "none"
        logger.info("provider chosen name=%s fallbacks=%s", providers[0].name, fallbacks)
        return providers
