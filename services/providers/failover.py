"""Failover: a request goes to the first provider that answers it, and a provider that keeps failing rests a while.

Every provider has a circuit breaker. A resting provider is not skipped for good: it is tried after all the others,
because a late answer is better than none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from services.common.errors import UnavailableError
from services.providers.breaker import CircuitBreaker
from services.providers.provider_error import ProviderError

logger = logging.getLogger(__name__)


class NamedProvider(Protocol):
    """What every provider has, of whatever service."""

    @property
    def name(self) -> str:
        """Short name, such as `openai`; unique among the providers of a service."""

    async def close(self) -> None:
        """Release sockets, threads and memory."""


P = TypeVar("P", bound=NamedProvider)
R = TypeVar("R")
E = TypeVar("E")


class ProviderEvent(NamedTuple, Generic[P, R, E]):
    """One event of an answer, with its origin."""

    provider: P
    request: R
    event: E


class Failover(Generic[P]):
    """Providers of one service, in order of preference."""

    def __init__(
        self,
        service: str,
        providers: Sequence[P],
        make_breaker: Callable[[], CircuitBreaker],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hold `providers`, which `close` closes.

        Args:
            service: What they provide, in messages: "no `service` answers".
            providers: The preferred one first.
            make_breaker: Makes the circuit breaker of one provider.
            now: Returns the time in seconds, monotonic.
        """
        self.providers = tuple(providers)
        self._service = service
        self._breakers = {provider.name: make_breaker() for provider in providers}
        self._now = now

    async def stream(
        self,
        requests: Sequence[tuple[P, R]],
        start: Callable[[P, R], AsyncGenerator[E]],
        is_output: Callable[[E], bool] = lambda _: True,
    ) -> AsyncGenerator[ProviderEvent[P, R, E]]:
        """Yield the events of the first provider that answers.

        A provider that fails before its first output is followed by the next one, and nothing of it is yielded;
        after its first output the failure is raised. Closing this generator closes the provider's.

        Args:
            requests: The providers to try, in order, each with its own form of the request. A provider that is not
                among them is left out of this request.
            start: Begins one request.
            is_output: Whether an event is output that a client receives; events before it are held back.

        Raises:
            ProviderError: The provider failed after its first output.
            UnavailableError: No provider answers; the message has the reason of each.
        """
        reasons: list[str] = []
        for provider, request in self._by_readiness(requests):
            begun = False
            held: list[E] = []
            try:
                async with contextlib.aclosing(start(provider, request)) as events:
                    async for event in events:
                        held.append(event)
                        begun = begun or is_output(event)
                        while begun and held:
                            yield ProviderEvent(provider, request, held.pop(0))
            except ProviderError as error:
                self._record_failure(provider, error)
                if begun:
                    raise
                reasons.append(f"{provider.name}: {error}")
            except (asyncio.CancelledError, GeneratorExit):  # the client left
                if begun:
                    self._breakers[provider.name].succeeded()
                raise
            else:
                self._breakers[provider.name].succeeded()
                for event in held:
                    yield ProviderEvent(provider, request, event)
                return
        raise UnavailableError(f"no {self._service} answers ({'; '.join(reasons) or 'none is set up'})")

    def _by_readiness(self, requests: Sequence[tuple[P, R]]) -> Iterator[tuple[P, R]]:
        """Yield the requests in order, those of resting providers last.

        Lazy, because a breaker that allows a call after its rest expects that call to be made.
        """
        resting = []
        for provider, request in requests:
            if self._breakers[provider.name].allows(self._now()):
                yield provider, request
            else:
                resting.append((provider, request))
        yield from resting

    async def warm_up(self, prepare: Callable[[P], Awaitable[None]]) -> None:
        """Prepare all providers at once; a failure counts against its provider.

        Raises:
            UnavailableError: None is ready.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_error_of(prepare, provider), name=provider.name) for provider in self.providers]
        errors = [task.result() for task in tasks]
        for provider, error in zip(self.providers, errors, strict=True):
            if error is not None:
                self._record_failure(provider, error)
        if None not in errors:
            raise UnavailableError(f"no {self._service} is ready; the log has the reasons")

    async def warm_up_first(self, prepare: Callable[[P], Awaitable[None]]) -> None:
        """Prepare one provider, the first that can be; return also if none can.

        A failure does not count against its provider, which may still be starting: every request tries it first.
        """
        for provider in self.providers:
            error = await _error_of(prepare, provider)
            if error is None:
                return
            logger.warning("provider is not ready name=%s reason=%s", provider.name, error)

    async def close(self) -> None:
        """Close every provider."""
        for provider in self.providers:
            await provider.close()

    def _record_failure(self, provider: P, error: ProviderError) -> None:
        logger.warning("provider failed name=%s counts=%s reason=%s", provider.name, error.counts, error)
        if error.counts:
            self._breakers[provider.name].failed(self._now(), error.retry_after)


async def _error_of(prepare: Callable[[P], Awaitable[None]], provider: P) -> ProviderError | None:
    try:
        await prepare(provider)
    except ProviderError as error:
        return error
    return None
