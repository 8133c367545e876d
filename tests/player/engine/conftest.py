"""Fixtures of the tests of sound outputs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.receiver import Receiver, receiver


@pytest.fixture
def unreal() -> Iterator[Receiver]:
    with receiver() as made:
        yield made
