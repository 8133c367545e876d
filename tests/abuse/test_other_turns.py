"""The delay of a correct turn while other clients abuse the services: its first sound, and its positions."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from neurosync.v1 import orchestrator_pb2
from tests.abuse.processes import ROOT, Server
from tests.abuse.rpcs import STUBS
from tests.abuse.valid_calls import RATE, turn

SUBJECT = "Neighbour"
TEXT = "Hello there, my friend. How are you today?"
TURNS = 5
BOUND = 0.25
"""Seconds of delay that fail the test; 0.05 are intended, but this machine also runs the abuse and other programs."""


@dataclass(frozen=True)
class Delays:
    """The delays of one turn, in seconds."""

    first_sound: float
    lateness: float
    """Largest delay of a position, counted from `started`."""


def delays_of_perform(servers: dict[str, Server]) -> Delays:
    """Perform a second of sound."""
    with servers["player"].channel() as channel:
        asked, began, late = time.monotonic(), 0.0, 0.0
        for event in STUBS["player"](channel).Perform(turn(1.0, subject=SUBJECT), timeout=30):
            now = time.monotonic()
            if event.HasField("started"):
                began = now
            elif event.HasField("position"):
                late = max(late, now - began - event.position.heard_sample_count / RATE)
        assert event.finished.heard_sample_count == RATE
        return Delays(began - asked, late)


def delays_of_converse(servers: dict[str, Server]) -> Delays:
    """Speak a text through all services."""
    request = orchestrator_pb2.ConverseRequest(session_id=str(uuid.uuid4()), speak=TEXT, subject=SUBJECT)
    with servers["orchestrator"].channel() as channel:
        asked, began, late = time.monotonic(), 0.0, 0.0
        for event in STUBS["orchestrator"](channel).Converse(request, timeout=60):
            now = time.monotonic()
            if event.HasField("started"):
                began = now
            elif event.HasField("heard"):
                late = max(late, now - began - event.heard.heard_sample_count / RATE)
        assert event.finished.heard_text == TEXT, event.finished
        return Delays(began - asked, late)


@contextlib.contextmanager
def fuzzed_load(servers: dict[str, Server]) -> Iterator[None]:
    """Send fuzzed calls to all services while the block runs."""
    addresses = json.dumps({name: server.address for name, server in servers.items()})
    command = [sys.executable, "-m", "tests.abuse.load_process", addresses]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"started\n"
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_a_correct_turn_is_hardly_delayed_by_the_abuse_of_others(servers: dict[str, Server]) -> None:
    delays_of_converse(servers)
    alone = [(delays_of_perform(servers), delays_of_converse(servers)) for _ in range(TURNS)]
    with fuzzed_load(servers):
        beside = [(delays_of_perform(servers), delays_of_converse(servers)) for _ in range(TURNS)]
    delays = {}
    for which, name in enumerate(("Perform", "Converse")):
        for what in ("first_sound", "lateness"):
            before, after = ([getattr(pair[which], what) for pair in pairs] for pairs in (alone, beside))
            middle, other = statistics.median(before), statistics.median(after)
            delays[f"{name} {what}"] = other - middle
            worst = f"at most {max(after) * 1e3:.0f}"
            print(f"\n{name} {what}: {middle * 1e3:.0f} ms alone, {other * 1e3:.0f} ({worst}) beside the abuse")
    assert max(delays.values()) <= BOUND, delays
