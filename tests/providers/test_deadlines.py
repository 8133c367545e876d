"""Waits with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from services.providers.deadlines import closed_within, items_within, within
from services.providers.provider_error import ProviderError


async def items(count: int, *, then_hangs: bool = False) -> AsyncGenerator[int]:
    for number in range(count):
        yield number
    if then_hangs:
        await asyncio.Event().wait()


async def test_an_answer_in_time_is_returned() -> None:
    assert await within(asyncio.sleep(0, "done"), 5, "no answer") == "done"


async def test_an_answer_that_is_late_is_an_error_that_counts() -> None:
    with pytest.raises(ProviderError, match=r"^no answer for 0\.01 s$") as raised:
        await within(asyncio.Event().wait(), 0.01, "no answer")
    assert raised.value.counts


async def test_items_are_passed_on_to_the_end() -> None:
    assert [item async for item in items_within(items(3), 5, 5, "sound")] == [0, 1, 2]


@pytest.mark.parametrize(("count", "message"), [(0, "no sound for 0.01 s"), (2, "no more sound for 0.02 s")])
async def test_the_first_item_has_a_limit_of_its_own(count: int, message: str) -> None:
    received: list[int] = []
    with pytest.raises(ProviderError) as raised:
        async for item in items_within(items(count, then_hangs=True), 0.01, 0.02, "sound"):
            received.append(item)  # noqa: PERF401
    assert str(raised.value) == message
    assert received == list(range(count))


async def test_a_connection_that_does_not_close_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    await closed_within(asyncio.Event().wait(), 0.01)
    assert "did not close" in caplog.text
