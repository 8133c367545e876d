"""Failover: the order of providers, their rest after failures, the rule of the first output, and cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import UnavailableError
from services.providers.breaker import CircuitBreaker
from services.providers.failover import Failover
from services.providers.provider_error import ProviderError

REST = 30.0  # seconds


@dataclass
class Scripted:
    """A provider that yields `events`, then raises `error` if there is one; or waits for ever."""

    name: str
    events: Sequence[str] = ("word",)
    error: ProviderError | None = None
    hangs: bool = False
    calls: int = 0
    open_streams: int = 0
    closed: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def speak(self) -> AsyncGenerator[str]:
        self.calls += 1
        self.open_streams += 1
        self.begun.set()
        try:
            for event in self.events:
                yield event
            if self.hangs:
                await asyncio.Event().wait()
            if self.error is not None:
                raise self.error
        finally:
            self.open_streams -= 1

    async def warm_up(self) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        self.closed = True


@dataclass
class Bench:
    """A failover with a clock that the test moves."""

    providers: Sequence[Scripted]
    failures: int = 1
    now: float = 0.0
    failover: Failover[Scripted] = field(init=False)

    def __post_init__(self) -> None:
        self.failover = Failover("voice", self.providers, lambda: CircuitBreaker(self.failures, REST), lambda: self.now)

    def stream(self, providers: Sequence[Scripted] | None = None) -> AsyncGenerator[tuple[Scripted, int, str]]:
        requests = list(zip(providers or self.providers, range(9), strict=False))
        return self.failover.stream(requests, lambda provider, _: provider.speak(), lambda event: event != "quiet")

    async def answer(self, providers: Sequence[Scripted] | None = None) -> tuple[str, list[str]]:
        """Return the name of the provider that answers, and its events."""
        name, events = "", []
        async with aclosing(self.stream(providers)) as stream:
            async for provider, _, event in stream:
                name = name or provider.name
                assert provider.name == name, "one answer comes from one provider"
                events.append(event)
        return name, events

    async def answers(self, count: int) -> list[str]:
        return [(await self.answer())[0] for _ in range(count)]


def failing(name: str, *events: str, counts: bool = True, retry_after: float | None = None) -> Scripted:
    return Scripted(name, events, ProviderError(f"{name} is away", counts=counts, retry_after=retry_after))


EVENTS = st.lists(st.sampled_from(["quiet", "word"]), max_size=4)
PROVIDERS = st.lists(st.tuples(EVENTS, st.booleans()), min_size=1, max_size=5)


@given(PROVIDERS)
def test_the_first_provider_that_does_not_fail_before_its_first_output_answers(
    plans: list[tuple[list[str], bool]],
) -> None:
    providers = [
        Scripted(str(number), events, ProviderError("away") if fails else None)
        for number, (events, fails) in enumerate(plans)
    ]
    bench = Bench(providers)
    expected = next((p for p in providers if p.error is None or "word" in p.events), None)
    received: list[tuple[str, str]] = []

    async def run() -> None:
        async with aclosing(bench.stream()) as stream:
            async for provider, request, event in stream:
                assert provider is providers[request], "each provider gets its own form of the request"
                received.append((provider.name, event))

    if expected is None:
        with pytest.raises(UnavailableError) as raised:
            asyncio.run(run())
        assert str(raised.value).count("away") == len(providers), "the reason of each is collected"
    elif expected.error is not None:
        with pytest.raises(ProviderError, match=r"^away$"):
            asyncio.run(run())
    else:
        asyncio.run(run())
    if expected is None:
        assert received == []
    else:
        assert received == [(expected.name, event) for event in expected.events]
        assert [p.calls for p in providers] == [
            int(index <= providers.index(expected)) for index in range(len(providers))
        ]
    assert not any(provider.open_streams for provider in providers)


async def test_reasons_name_their_providers() -> None:
    bench = Bench([failing("a"), failing("b", "quiet")])
    with pytest.raises(UnavailableError, match=r"^no voice answers \(a: a is away; b: b is away\)$"):
        await bench.answer()


async def test_a_failing_provider_rests_then_one_request_tries_it() -> None:
    first, second = failing("first"), Scripted("second")
    bench = Bench([first, second], failures=2)
    assert await bench.answers(4) == ["second"] * 4
    assert first.calls == 2, "two failures in a row open the breaker"
    bench.now = REST
    assert await bench.answers(2) == ["second"] * 2
    assert first.calls == 3, "after the rest one request tries it"
    bench.now, first.error, first.events = 2 * REST, None, ("word",)
    assert await bench.answers(2) == ["first"] * 2


async def test_resting_providers_are_tried_last_rather_than_not_at_all() -> None:
    first, second = failing("first"), Scripted("second")
    bench = Bench([first, second])
    await bench.answer()
    first.error, first.events = None, ("word",)
    assert await bench.answers(1) == ["second"]
    second.error, second.events = ProviderError("away"), ()
    assert await bench.answers(2) == ["first", "first"], "the answer closed its breaker"


async def test_a_fault_of_one_request_does_not_rest_its_provider() -> None:
    first, second = failing("first", counts=False), Scripted("second")
    bench = Bench([first, second])
    assert await bench.answers(3) == ["second"] * 3
    assert first.calls == 3


async def test_a_provider_rests_for_as_long_as_it_asks() -> None:
    first, second = failing("first", retry_after=300), Scripted("second")
    bench = Bench([first, second], failures=9)
    await bench.answer()
    bench.now = 299
    await bench.answer()
    assert first.calls == 1
    bench.now = 300
    await bench.answer()
    assert first.calls == 2


async def test_a_failure_after_the_first_output_counts() -> None:
    first, second = failing("first", "word"), Scripted("second")
    bench = Bench([first, second])
    with pytest.raises(ProviderError):
        await bench.answer()
    assert await bench.answers(1) == ["second"]


async def test_a_request_leaves_out_the_providers_that_are_not_named() -> None:
    first, second = Scripted("first"), Scripted("second")
    assert (await Bench([first, second]).answer([second]))[0] == "second"
    assert first.calls == 0


async def test_an_answer_without_output_is_an_answer() -> None:
    first, second = Scripted("first", ["quiet"]), Scripted("second")
    assert await Bench([first, second]).answer() == ("first", ["quiet"])


async def test_cancellation_closes_the_stream_of_the_provider_and_is_not_a_failure() -> None:
    first = Scripted("first", hangs=True)
    bench = Bench([first, Scripted("second")])
    task = asyncio.create_task(bench.answer())
    await asyncio.wait_for(first.begun.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert first.open_streams == 0
    first.hangs = False
    assert await bench.answers(1) == ["first"]


async def test_closing_the_stream_closes_that_of_the_provider() -> None:
    first = Scripted("first", hangs=True)
    stream = Bench([first]).stream()
    assert (await anext(stream))[2] == "word"
    assert first.open_streams == 1
    await stream.aclose()
    assert first.open_streams == 0


async def test_a_client_that_leaves_during_an_answer_closes_the_breaker() -> None:
    first, second = failing("first"), Scripted("second")
    bench = Bench([first, second])
    await bench.answer()
    first.error, first.events, first.hangs = None, ("word",), True
    bench.now = REST
    stream = bench.stream()
    assert (await anext(stream))[0] is first
    await stream.aclose()
    first.hangs = False
    assert await bench.answers(1) == ["first"]


async def test_warm_up_prepares_all_and_failures_count() -> None:
    first, second = failing("first"), Scripted("second")
    bench = Bench([first, second])
    await bench.failover.warm_up(lambda provider: provider.warm_up())
    assert (first.calls, second.calls) == (1, 1)
    first.error, first.events = None, ("word",)
    assert await bench.answers(1) == ["second"]


async def test_warm_up_fails_if_nobody_is_ready() -> None:
    with pytest.raises(UnavailableError, match="no voice is ready"):
        await Bench([failing("first")]).failover.warm_up(lambda provider: provider.warm_up())


async def test_warm_up_of_the_first_ends_with_it_and_failures_do_not_count() -> None:
    first, second, third = failing("first"), Scripted("second"), Scripted("third")
    bench = Bench([first, second, third])
    await bench.failover.warm_up_first(lambda provider: provider.warm_up())
    assert (first.calls, second.calls, third.calls) == (1, 1, 0)
    first.error, first.events = None, ("word",)
    assert await bench.answers(1) == ["first"]


async def test_closing_closes_every_provider() -> None:
    providers = [Scripted("first"), Scripted("second")]
    await Bench(providers).failover.close()
    assert all(provider.closed for provider in providers)
