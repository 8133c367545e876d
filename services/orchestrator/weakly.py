"""Calls to an object that the caller does not keep alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


def weakly(method: Callable[P, object]) -> Callable[P, None]:
    """Return what calls `method`, of some object, as long as that object lives."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: P.args, **named: P.kwargs) -> None:
        if (alive := reference()) is not None:
            alive(*arguments, **named)

    return call
