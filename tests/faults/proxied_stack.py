"""All processes of NeuroSync, with a proxy in front of every stage, and the events that a client receives of a turn."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Any

import grpc

from bench.simulated_services import with_simulated_player
from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest, ConverseResponse, TurnFinished
from services.cli.processes.process_health import is_healthy
from services.cli.processes.service_process import service_named
from services.cli.processes.stack import Stack, started
from services.serving.dialing import dial
from tests.faults.proxy import Proxy, proxies
from tests.faults.received_frames import ReceivedFrames, received_frames

STAGES = ("llm", "tts", "face", "player")
SUBJECT = "NeuroSync"
HUNG_SECONDS = 3.0
"""Time after which the supervisor kills a stopped process."""


@dataclass
class ObservedTurn:
    """The events of one turn, with the time at which its client received each."""

    events: list[tuple[float, ConverseResponse]] = field(default_factory=list)
    error: grpc.aio.AioRpcError | None = None
    ended: float = 0.0

    @property
    def finished(self) -> TurnFinished:
        assert self.error is None, self.error
        return self.events[-1][1].finished

    @property
    def notices(self) -> list[str]:
        return [event.notice.message for _, event in self.events if event.HasField("notice")]

    @property
    def kinds(self) -> list[str]:
        return [str(event.WhichOneof("event")) for _, event in self.events]

    def answered(self, since: float) -> float:
        """Return the time from `since` to the next event or the end; infinite if there was none."""
        times = [at for at, event in self.events if not event.HasField("accepted")]
        return min((at - since for at in [*times, self.ended] if at > since), default=float("inf"))

    def heard_count(self) -> int:
        return sum(len(event.heard.words) for _, event in self.events)


@dataclass
class ProxiedStack:
    """The processes, the proxies in front of them, the received Live Link frames, and one client."""

    stack: Stack
    proxies: dict[str, Proxy]
    frames: ReceivedFrames
    channel: grpc.aio.Channel
    messages: list[str]

    @property
    def stub(self) -> orchestrator_pb2_grpc.OrchestratorServiceAsyncStub:
        return orchestrator_pb2_grpc.OrchestratorServiceStub(self.channel)

    def begin(self, **request: Any) -> tuple[ObservedTurn, asyncio.Task[None]]:
        """Start a turn; its events are added until the task is done."""
        seen = ObservedTurn()
        return seen, asyncio.create_task(self._follow(seen, ConverseRequest(**request)))

    async def turn(self, **request: Any) -> ObservedTurn:
        """Perform a whole turn."""
        seen, task = self.begin(**request)
        await task
        return seen

    async def interrupt(self, session: str) -> orchestrator_pb2.InterruptResponse:
        return await self.stub.Interrupt(orchestrator_pb2.InterruptRequest(session_id=session), timeout=10)

    async def healthy(self, name: str, seconds: float = 40) -> None:
        """Wait until a service is healthy."""
        service = service_named(name).service

        async def serves() -> bool:
            return await is_healthy(self.stack.addresses[name], service)

        await until(serves, seconds, f"{name} serves")

    async def _follow(self, seen: ObservedTurn, request: ConverseRequest) -> None:
        try:
            async for event in self.stub.Converse(request, timeout=60, wait_for_ready=True):
                seen.events.append((time.monotonic(), event))
        except grpc.aio.AioRpcError as error:
            seen.error = error
        finally:
            seen.ended = time.monotonic()


async def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until a condition is true; check it a hundred times a second."""
    deadline = time.monotonic() + seconds
    while True:
        met = condition()
        if asyncio.iscoroutine(met):
            met = await met
        if met:
            return
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def proxied_stack(*, subjects: str = SUBJECT) -> AsyncIterator[ProxiedStack]:
    """Start all processes, with the player on a simulated device of 20 ms latency."""
    messages: list[str] = []
    with received_frames() as receiver:
        async with proxies(*STAGES) as before:
            services = [
                replaced(service, flags={name: proxy.address for name, proxy in before.items()})
                if service.name == "orchestrator"
                else service
                for service in with_simulated_player(targets=receiver.address, subjects=subjects)
            ]
            stack = Stack(notify=messages.append, services=services, free_ports=True, hung_seconds=HUNG_SECONDS)
            for name, proxy in before.items():
                proxy.target = stack.addresses[name]
            async with started(stack), dial(stack.addresses["orchestrator"]) as channel:
                yield ProxiedStack(stack, before, receiver, channel, messages)
