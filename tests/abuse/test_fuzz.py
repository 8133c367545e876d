"""Twenty thousand random calls: each ends in time, with a status that the contract allows."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.abuse.processes import Server
from tests.abuse.rpcs import ALWAYS, BOUND, RPCS, Outcome, Rpc, call
from tests.abuse.valid_calls import check_serves

SEED = 20_26
WORKERS = 12
GROWTH = 50.0
"""Megabytes that a service may grow by."""
LEAST_CASES = 20_000
_NAMED = re.compile(r"[A-Za-z_][\w.\[\]]*: expected .+, got .+", re.DOTALL)


def test_the_default_run_has_twenty_thousand_cases() -> None:
    assert sum(rpc.cases for rpc in RPCS.values()) >= LEAST_CASES


def defect_of(rpc: Rpc, outcome: Outcome) -> str:
    """Return the defect that an outcome shows, or an empty string."""
    if outcome.status not in ALWAYS | rpc.also:
        return "a status outside the contract"
    if outcome.status == "INVALID_ARGUMENT" and not _NAMED.fullmatch(outcome.details):
        return "no field, value seen and value wanted"
    if outcome.seconds > BOUND - 1:
        return "a hang"
    return ""


def run(server: Server, rpc: Rpc, counts: Counter[str], failures: list[str]) -> None:
    """Make all cases of one RPC, several at once, over a few connections."""
    channels = [server.channel() for _ in range(3)]
    lock = threading.Lock()

    def one(index: int) -> None:
        outcome = call(channels[index % 3], rpc, rpc.case(SEED, index), hold=bool(rpc.first) and index % 50 == 0)
        defect = defect_of(rpc, outcome)
        with lock:
            counts[f"{rpc.name} {outcome.status}"] += 1
            if defect:
                failures.append(f"{defect}: `python -m tests.abuse.fuzzer {rpc.name} {SEED} {index}`: {outcome}")

    try:
        with ThreadPoolExecutor(WORKERS) as workers:
            list(workers.map(one, range(rpc.cases)))
    finally:
        for channel in channels:
            channel.close()


@pytest.mark.parametrize("name", ["llm", "tts", "face", "player", "orchestrator"])
def test_every_case_ends_with_an_allowed_status_and_the_service_survives(servers: dict[str, Server], name: str) -> None:
    server = servers[name]
    check_serves(servers, name)
    before, started = {other.name: other.megabytes for other in servers.values()}, time.monotonic()
    counts: Counter[str] = Counter()
    failures: list[str] = []
    for rpc in RPCS.values():
        if rpc.service == name:
            run(server, rpc, counts, failures)
    growth = {other.name: round(other.megabytes - before[other.name], 1) for other in servers.values()}
    print(f"\n{name}: {counts.total()} cases in {time.monotonic() - started:.1f} s, {dict(counts)}, MB {growth}")
    assert not failures, "\n".join(failures[:10])
    assert not server.logged_errors()
    assert max(growth.values()) <= GROWTH, growth
    check_serves(servers, name)
