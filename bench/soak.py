"""Soak test of all services: random turns, interruptions and killed processes, with checks for hangs and memory growth.

python -m bench.soak --minutes 30 --seed 1

The exit status is 0 if no turn hung, the memory of no process grew by more than 3 % after the warm-up, and the counters
of the client, the history of the orchestrator and the player agree.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from bench.latency.texts import PROMPTS, SENTENCES
from bench.machine import describe
from bench.simulated_services import with_simulated_player
from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc, player_pb2, player_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest
from neurosync.v1.outcome_pb2 import TurnOutcome
from services.cli.processes.process_health import is_healthy
from services.cli.processes.service_process import SERVICES, service_named
from services.cli.processes.stack import Stack, started
from services.serving.dialing import dial

TURN_SECONDS = 60.0  # after which a turn hangs: the longest text here lasts 15 s
GROWTH = 0.03  # allowed, of the memory of a process after the warm-up
MIN_MEASUREMENTS = 30  # of a process; with fewer, the first long sentence of the voice would look like growth
WARM_UP_SHARE = 0.2  # of the time, from the start of a process: caches and allocators fill up
KILL_SHARE = 0.08  # of the turns of the first half; in the second, processes live long enough to be measured
SESSIONS = 6
REASONS = {
    TurnOutcome.TURN_OUTCOME_COMPLETED: "completed",
    TurnOutcome.TURN_OUTCOME_INTERRUPTED: "interrupted",
    TurnOutcome.TURN_OUTCOME_FAILED: "failed",
}


@dataclass
class Record:
    """The results of a soak."""

    ends: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)
    memory: dict[tuple[str, int], list[tuple[float, int]]] = field(default_factory=dict)
    """By part and process: seconds since the start, and bytes in use."""


class Soak:
    """Turns, interruptions and kills, drawn from one seed."""

    def __init__(self, stack: Stack, channel: grpc.aio.Channel, player: grpc.aio.Channel, seed: int) -> None:
        """Make calls to a running stack."""
        self.record = Record()
        self._stack, self._dice = stack, random.Random(seed)
        self._stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        self._player = player_pb2_grpc.PlayerServiceStub(player)
        self._began = time.monotonic()

    async def run(self, seconds: float, *, kills: bool) -> None:
        """Run turns for `seconds`."""
        while time.monotonic() - self._began < seconds:
            session = f"soak {self._dice.randrange(SESSIONS)}"
            half_over = time.monotonic() - self._began > seconds / 2
            kill = kills and not half_over and self._dice.random() < KILL_SHARE
            part = self._dice.choice(SERVICES).name if kill else ""
            await self._turn(session, part)
            if part:
                await self._recovered(part)
            self._measure_memory()
        await self._check_totals()

    async def _turn(self, session: str, part: str) -> None:
        """Run one turn, with an interruption or a killed process at random."""
        dice = self._dice
        request = ConverseRequest(session_id=session)
        if dice.random() < 0.3:
            request.prompt = dice.choice(PROMPTS)
        else:
            request.speak = " ".join(dice.sample(SENTENCES, dice.randint(1, 3)))
        interrupt_after = dice.uniform(0, 3) if dice.random() < 0.7 else None
        kill_after = dice.uniform(0, 2)
        following = asyncio.create_task(self._follow(request, has_kill=bool(part)))
        acts = []
        if interrupt_after is not None:
            acts.append(self._interrupt(session, interrupt_after))
        if part:
            acts.append(self._kill(part, kill_after))
        async with asyncio.TaskGroup() as group:
            for act in acts:
                group.create_task(act)
        done, _ = await asyncio.wait({following}, timeout=TURN_SECONDS)
        if not done:
            self.record.defects.append(f"a turn hangs: {request}")
            following.cancel()
        self.record.ends["turns"] += 1

    async def _follow(self, request: ConverseRequest, *, has_kill: bool) -> None:
        heard, made = 0, 0
        try:
            async for event in self._stub.Converse(request, timeout=TURN_SECONDS, wait_for_ready=True):
                heard += len(event.heard.words)
                made += event.HasField("timings")
                if event.HasField("finished"):
                    self._note_end(event.finished, heard, has_kill=has_kill)
        except grpc.aio.AioRpcError as error:
            self.record.ends[f"call {error.code().name.lower()}"] += 1
            if not has_kill:
                self.record.defects.append(f"a call ended with {error.code().name}: {error.details()}")

    def _note_end(self, finished: orchestrator_pb2.TurnFinished, heard: int, *, has_kill: bool) -> None:
        self.record.ends[REASONS.get(finished.outcome, "unspecified")] += 1
        if finished.outcome == TurnOutcome.TURN_OUTCOME_FAILED and not has_kill:
            self.record.defects.append(f"a turn failed: {finished.message}")
        if bool(heard) != bool(finished.heard_text):
            self.record.defects.append(f"{heard} words were reported as heard, but the text is {finished.heard_text!r}")
        if not finished.text.lstrip().startswith(finished.heard_text):
            self.record.defects.append(f"heard {finished.heard_text!r} of {finished.text!r}")

    async def _interrupt(self, session: str, after: float) -> None:
        await asyncio.sleep(after)
        with contextlib.suppress(grpc.aio.AioRpcError):  # the orchestrator may have been killed
            await self._stub.Interrupt(orchestrator_pb2.InterruptRequest(session_id=session), timeout=10)

    async def _kill(self, part: str, after: float) -> None:
        await asyncio.sleep(after)
        how = self._dice.choice((signal.SIGKILL, signal.SIGSTOP))
        self.record.kills[f"{part} {how.name}"] += 1
        os.kill(self._stack.pid(part), how)

    async def _recovered(self, name: str) -> None:
        """Wait until a part serves again; the supervisor starts it without anyone's help."""
        service, deadline = service_named(name).service, time.monotonic() + 90
        await asyncio.sleep(1)
        while not await is_healthy(self._stack.addresses[name], service):
            if time.monotonic() > deadline:
                self.record.defects.append(f"{name} did not come back")
                return
            await asyncio.sleep(0.2)
        await asyncio.sleep(1)

    def _measure_memory(self) -> None:
        """Record the memory of every process; Linux only."""
        for part in SERVICES:
            pid = self._stack.pid(part.name)
            with contextlib.suppress(OSError, IndexError, ValueError):
                pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
                measured = self.record.memory.setdefault((part.name, pid), [])
                measured.append((time.monotonic() - self._began, pages * os.sysconf("SC_PAGE_SIZE")))

    async def _check_totals(self) -> None:
        """Check that nothing is left running and that the counters agree."""
        ends = self.record.ends
        ended = sum(count for end, count in ends.items() if end != "turns")
        if ended != ends["turns"]:
            self.record.defects.append(f"{ends['turns']} turns began, {ended} ended")
        status = await self._player.GetStatus(player_pb2.GetStatusRequest(), timeout=10)
        for subject in status.subjects:
            if subject.turn_id or subject.queued_turn_count:
                self.record.defects.append(f"{subject.subject} still speaks after the last turn")
        sent = status.clock.tick_count * len(status.subjects)
        for sink in status.sinks:
            if abs(sink.sent_count - sent) > len(status.subjects) + sink.failed_count:
                self.record.defects.append(f"{sink.sent_count} datagrams sent for {sent} frames")


def growth(measured: list[tuple[float, int]], warm_up: float) -> float:
    """Return the relative growth of a process after the warm-up, from the median of the first third to the last."""
    sizes = [size for at, size in measured if at - measured[0][0] >= warm_up]
    third = len(sizes) // 3
    if third < 3:
        return 0.0
    first, last = sorted(sizes[:third]), sorted(sizes[-third:])
    return last[third // 2] / first[third // 2] - 1


async def soak(minutes: float, seed: int, *, kills: bool = True) -> Record:
    """Run a soak on processes of its own, with a player on a simulated device."""
    services = with_simulated_player(targets="127.0.0.1:9")
    async with contextlib.AsyncExitStack() as resources:
        stack = await resources.enter_async_context(
            started(Stack(notify=_print_message, services=services, free_ports=True))
        )
        orchestrator = await resources.enter_async_context(dial(stack.addresses["orchestrator"]))
        player = await resources.enter_async_context(dial(stack.addresses["player"]))
        running = Soak(stack, orchestrator, player, seed)
        await running.run(60 * minutes, kills=kills)
    record = running.record
    for (part, pid), measured in record.memory.items():
        size = f"  {part} ({pid}): {measured[-1][1] / 1e6:.0f} MB"
        if len(measured) < MIN_MEASUREMENTS:
            print(f"{size}, not alive long enough to measure growth")
            continue
        grown = growth(measured, WARM_UP_SHARE * 60 * minutes)
        print(f"{size}, grew by {grown:.1%} after the warm-up")
        if grown > GROWTH:
            record.defects.append(f"the memory of {part} grew by {grown:.1%}")
    return record


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Random turns, interruptions and kills.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--no-kills", action="store_true", help="kill no process, so that memory is measured over the whole time"
    )
    options = parser.parse_args()
    print(f"{describe()}; {options.minutes:g} minutes, seed {options.seed}")
    record = asyncio.run(soak(options.minutes, options.seed, kills=not options.no_kills))
    print(f"turns: {dict(record.ends)}\nkills: {dict(record.kills)}")
    print("\n".join(f"DEFECT {defect}" for defect in record.defects) or "no defect")
    return 1 if record.defects else 0


def _print_message(line: str) -> None:
    if "orchestrator] " not in line:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
