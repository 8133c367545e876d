"""Priority of a thread and of the threads that it starts."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.common.scheduling import BACKGROUND_NICENESS, lower_priority


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def _niceness_of_a_child() -> int:
    found: list[int] = []
    child = threading.Thread(target=lambda: found.append(_niceness()))
    child.start()
    child.join()
    return found[0]


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is by process there")
def test_a_thread_that_gives_way_takes_its_children_along_and_no_other() -> None:
    before = _niceness()
    with ThreadPoolExecutor(1, initializer=lower_priority) as pool:
        assert pool.submit(_niceness).result() == BACKGROUND_NICENESS
        assert pool.submit(_niceness_of_a_child).result() == BACKGROUND_NICENESS
    assert _niceness() == before
