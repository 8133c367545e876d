"""Latency benchmark of turns: the time to the first sound, and the shares of the stages, the orchestrator and gRPC.

The player has a simulated device of 20 ms latency. Durations count from the call of the client to the sample at the
listener's ear. Each stage measures its own time; the rest is what the orchestrator and gRPC add:

    request       = from the call of the client to the start of the turn; both use the clock of this machine
    to the voice  = first audio - first sentence - the voice's own time to its first audio
    to the player = first sound - first audio - the player's own time since audio

The first sound is the time at which it is heard, as the player reports it by the same clock, not the arrival of the
event. Before each turn, the same three calls are made to a server that only responds: this is the time that gRPC alone
takes on an idle machine, and the lower limit of the rest. On a virtual machine, the processor time that its host takes
meanwhile is printed, and the figures are also given for the turns during which it took none.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

from bench.latency.bare_grpc import Bare, bare
from bench.latency.texts import PROMPTS, SENTENCES
from bench.latency.waterfall import bars, draw
from bench.machine import describe, percentile, stolen_seconds
from bench.simulated_services import with_simulated_player
from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest
from services.cli.processes.stack import Stack, started
from services.common.wire import seconds_of
from services.serving.dialing import dial

OVERHEAD = "orchestrator and gRPC"
BARE = "three hops of bare gRPC"
STOLEN = "taken by the host"
STAGES = ("request", "first_word", "first_sentence", "first_audio", "first_frame", "first_sound")
OWN = ("llm.first_word", "llm.first_sentence", "tts.first_audio", "player.since_audio", "player.first_frame")
PICTURE = Path(__file__).parents[2] / "docs" / "latency.svg"
TARGETS = (
    ("say", "first_sound", 0.5, 0.150),
    ("say", "first_sound", 0.95, 0.250),
    ("say", OVERHEAD, 0.99, 0.010),
    ("ask", "first_sound", 0.5, 1.2),
)
"""Targets: kind of turn, duration, percentile (0 to 1), and the most seconds it should take."""

ROUNDS = 10  # of all sentences: two of 200 turns lie beyond the 99th percentile
REST_SECONDS = 0.3  # between turns, for computations of an interrupted one to end

Stages = dict[str, float]
"""Seconds by name of the stage."""


async def perform(
    stub: orchestrator_pb2_grpc.OrchestratorServiceAsyncStub, alone: Bare, request: ConverseRequest
) -> Stages:
    """Run a turn until its first sentence is complete and its first sound is heard; return its durations."""
    begun = made = asked = False
    hops = await alone.hops()
    await asyncio.sleep(REST_SECONDS)
    called, travelled, heard = time.time(), 0.0, 0.0
    stolen_before = stolen = stolen_seconds()
    async for event in stub.Converse(request, timeout=60):
        if event.HasField("accepted"):
            travelled = event.accepted.started.ToNanoseconds() / 1e9 - called
        if event.HasField("started"):
            heard = event.started.heard_at.ToNanoseconds() / 1e9 - called - travelled
            stolen = stolen_seconds()
        begun, made = begun or event.HasField("started"), made or event.HasField("timings")
        if begun and made and not asked:
            asked = True
            await stub.Interrupt(orchestrator_pb2.InterruptRequest(session_id=request.session_id), timeout=10)
        if event.HasField("finished"):
            stages = {timing.stage: seconds_of(timing.duration) for timing in event.finished.timings}
            stages |= {"first_sound": heard, BARE: hops, STOLEN: stolen - stolen_before}
            return _with_added(stages, travelled)
    raise RuntimeError("the turn did not finish")


def _with_added(stages: Stages, request: float) -> Stages:
    """Return the durations from the call of the client on, and those that the orchestrator and gRPC add."""
    voice, player = stages.get("tts.first_audio"), stages.get("player.since_audio")
    counted = {stage: took + request if stage in STAGES else took for stage, took in stages.items()}
    counted["request"] = request
    if voice is not None and player is not None:
        counted["to the voice"] = stages["first_audio"] - stages.get("first_sentence", 0) - voice
        counted["to the player"] = stages["first_sound"] - stages["first_audio"] - player
        counted[OVERHEAD] = request + counted["to the voice"] + counted["to the player"]
    return counted


async def main() -> None:
    """Measure, print, and draw."""
    services = with_simulated_player(targets="127.0.0.1:9")
    print(describe())
    async with contextlib.AsyncExitStack() as resources:
        stack = await resources.enter_async_context(
            started(Stack(notify=_print_message, services=services, free_ports=True))
        )
        channel = await resources.enter_async_context(dial(stack.addresses["orchestrator"]))
        stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        alone = await resources.enter_async_context(bare())
        first = await perform(stub, alone, ConverseRequest(session_id="first", speak=SENTENCES[0]))
        say = [ConverseRequest(session_id="say", speak=text) for text in SENTENCES * ROUNDS]
        said = [await perform(stub, alone, request) for request in say]
        asked = [
            await perform(stub, alone, ConverseRequest(session_id=f"ask {number}", prompt=prompt))
            for number, prompt in enumerate(PROMPTS * 2)
        ]
        print(f"load now {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
    first_sound = f"after a first turn of {1000 * first['first_sound']:.0f} ms"
    _table(f"say, {len(SENTENCES)} sentences of 8 to 20 words, {ROUNDS} times, {first_sound}", said)
    _table(f"ask, {len(asked)} prompts, each in a new session", asked)
    _verdict({"say": said, "ask": asked})
    turn = sorted(asked, key=lambda stages: stages["first_sound"])[len(asked) // 2]
    draw(
        PICTURE,
        "From the prompt to the first sound at the ear",
        f"median of {len(asked)} prompts; {describe()}",
        bars(turn),
    )
    print(f"\ndrawn: {PICTURE.relative_to(Path.cwd()) if PICTURE.is_relative_to(Path.cwd()) else PICTURE}")


def _table(title: str, turns: list[Stages]) -> None:
    """Print durations, and the share of each stage in the time to the first sound."""
    print(f"\n{title}\n  {'ms':<24}{'p50':>8}{'p95':>8}{'p99':>8}{'share':>8}")
    whole = percentile([turn["first_sound"] for turn in turns], 0.5)
    for stage in (*STAGES, *OWN, "to the voice", "to the player", OVERHEAD, BARE):
        if values := [turn[stage] for turn in turns if stage in turn]:
            figures = [percentile(values, share) for share in (0.5, 0.95, 0.99)]
            share = f"{figures[0] / whole:8.0%}" if stage in OWN or stage not in STAGES else ""
            print(f"  {stage:<24}" + "".join(f"{1000 * value:8.1f}" for value in figures) + share)


def _verdict(turns: dict[str, list[Stages]]) -> None:
    print("\ntargets")
    for kind, stage, share, limit in TARGETS:
        value = percentile([turn[stage] for turn in turns[kind] if stage in turn], share)
        verdict = "met" if value <= limit else "MISSED"
        print(f"  {kind} {stage} p{share * 100:g}: {1000 * value:.1f} ms of {1000 * limit:.0f} ms, {verdict}")
        alone = [turn[stage] for turn in turns[kind] if stage in turn and not turn[STOLEN]]
        if 0 < len(alone) < len(turns[kind]):
            value, count = percentile(alone, share), f"{len(alone)} of {len(turns[kind])}"
            print(f"    {1000 * value:.1f} ms in the {count} turns during which the host took no processor time")


def _print_message(line: str) -> None:
    print(line, file=sys.stderr)
