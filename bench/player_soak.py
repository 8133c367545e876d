"""Soak test of the player on a sound server that is killed again and again: `python -m bench.player_soak --minutes 60`.

Random turns on three characters, stopped, replaced, queued and abandoned at random; the sound server is killed and
started again; two of three targets cannot be reached. Exit status 0: every character was sent 60 times a second
throughout, the memory did not grow by more than 2 % after the warm-up, and the counters add up. A window that lacks no
more than its share of the time for which a virtual machine's host kept the processors is reported, and is no defect.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from bench.lip_sync import VOICE_RATE, requests
from bench.machine import describe, stolen_seconds
from bench.player_process import PlayerProcess, player_process
from bench.soak import growth
from bench.sound_server import REMEDY, SoundServer, missing, sound_server
from bench.window_rates import WINDOW_SECONDS, WindowRates
from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.common.types import FRAME_RATE
from services.common.wire import seconds_of
from services.serving.dialing import dial

CHARACTERS = ("NeuroSync", "Bob", "Cyd")
REFUSALS = (grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.FAILED_PRECONDITION)
"""Stopped before it came, the queue is full, or the character is speaking and the policy is to refuse."""
NOWHERE = "127.0.0.1:9,192.0.2.1:11111"  # nobody listens, nobody is there (RFC 5737)
GROWTH = 0.02
WARM_UP_SHARE = 0.25  # of the time
RATE_LEEWAY = 0.02  # of 60 Hz in each window; a machine that stalls for 200 ms uses it up
KILL_SECONDS = (20.0, 90.0)  # between two deaths of the sound server; less in a short soak
KILL_SHARES = (1 / 6, 1 / 3)
AWAY_SECONDS = (0.5, 5.0)
WEIGH_SECONDS = 2.0
TURN_SECONDS = 30.0  # after which a turn is stuck


@dataclass
class Record:
    """What a soak has seen."""

    ends: Counter[str] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the start, and bytes."""
    kill_count: int = 0
    figures: str = ""


class Soak:
    """Turns, stops and deaths, drawn from one seed."""

    def __init__(self, process: PlayerProcess, channel: grpc.aio.Channel, server: SoundServer, seed: int) -> None:
        """Perform on a player that runs."""
        self.record = Record()
        self._process, self._server = process, server
        self._stub = player_pb2_grpc.PlayerServiceStub(channel)
        self._dice = random.Random(seed)
        self._begun = time.monotonic()
        self._stolen = stolen_seconds()
        self._until = self._begun

    async def run(self, seconds: float) -> None:
        """Go on for `seconds`."""
        self._until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for character in CHARACTERS:
                group.create_task(self._talk(character), name=f"talk {character}")
            group.create_task(self._kill(), name="kill")
            group.create_task(self._weigh(), name="weigh")

    @property
    def _goes_on(self) -> bool:
        return time.monotonic() < self._until

    async def _talk(self, character: str) -> None:
        while self._goes_on:
            try:
                async with asyncio.timeout(TURN_SECONDS):
                    await self._turn(character)
            except TimeoutError:
                self.record.defects.append(f"a turn of {character} is stuck")
            await asyncio.sleep(self._dice.expovariate(2))

    async def _turn(self, character: str) -> None:
        dice, ends = self._dice, self.record.ends
        frames = dice.randint(6, 5 * FRAME_RATE)
        sound = np.random.default_rng(dice.randrange(1 << 30)).integers(
            -9_000, 9_000, frames * VOICE_RATE // FRAME_RATE, dtype=np.int16
        )
        jaw = np.abs(np.sin(np.arange(frames) / 5)).astype(np.float32)
        config = pb.PerformConfig(
            turn_id=str(uuid.uuid4()), subject=character, policy=dice.choice(pb.BusyPolicy.values()[1:])
        )
        ends["begun"] += 1
        granted: asyncio.Queue[int] = asyncio.Queue()
        call = self._stub.Perform()
        sending = asyncio.create_task(_send(call, requests(sound, jaw, granted, config)), name="send")
        fate, when = dice.choice(("whole", "whole", "stop", "silence", "vanish")), dice.uniform(0, 2)
        acting = asyncio.create_task(self._act(fate, when, call, config), name="act")
        try:
            async for event in call:
                if event.HasField("accepted"):
                    granted.put_nowait(event.accepted.granted_sample)
                elif event.HasField("position"):
                    granted.put_nowait(event.position.granted_sample)
                elif event.HasField("finished"):
                    ends["finished"] += 1
                    self._check(event.finished, len(sound))
                    break  # a message that was on its way may yet make gRPC call this an error
            else:
                ends["vanished" if fate == "vanish" else "ended without a word"] += 1
        except asyncio.CancelledError:
            if not call.cancelled() or fate != "vanish":
                raise
            ends["vanished"] += 1
        except grpc.aio.AioRpcError as error:
            ends["refused"] += 1
            if error.code() not in REFUSALS:
                self.record.defects.append(f"a call ended with {error.code().name}: {error.details()}")
        finally:
            for task in (acting, sending):
                task.cancel()
            await asyncio.gather(acting, sending, return_exceptions=True)
            call.cancel()

    async def _act(self, fate: str, when: float, call: grpc.aio.Call, config: pb.PerformConfig) -> None:
        await asyncio.sleep(when)
        if fate == "stop":
            await self._stub.Stop(pb.StopRequest(turn_id=config.turn_id), timeout=10)
        elif fate == "silence":
            await self._stub.Stop(pb.StopRequest(everything=True), timeout=10)
        elif fate == "vanish":
            call.cancel()

    def _check(self, finished: pb.PerformFinished, sent: int) -> None:
        if not 0 <= finished.heard_sample_count <= sent:
            self.record.defects.append(f"heard {finished.heard_sample_count} of {sent} samples")

    async def _kill(self) -> None:
        seconds = self._until - self._begun
        between = [min(most, share * seconds) for most, share in zip(KILL_SECONDS, KILL_SHARES, strict=True)]
        while (pause := self._dice.uniform(*between)) < self._until - time.monotonic() - 2 * AWAY_SECONDS[1]:
            await asyncio.sleep(pause)
            if (await self._status()).output.kind != "device":
                self.record.defects.append(f"no sound {pause:.0f} s after the sound server was started")
                continue
            self.record.kill_count += 1
            await self._server.kill()
            await asyncio.sleep(self._dice.uniform(*AWAY_SECONDS))
            await self._server.start()

    async def _status(self) -> pb.GetStatusResponse:
        status: pb.GetStatusResponse = await self._stub.GetStatus(pb.GetStatusRequest(), timeout=10)
        return status

    async def _weigh(self) -> None:
        while self._goes_on:
            with contextlib.suppress(OSError):
                self.record.memory.append((time.monotonic() - self._begun, self._process.memory_bytes()))
            await asyncio.sleep(WEIGH_SECONDS)

    async def add_up(self, tally: WindowRates, seconds: float) -> None:
        """Check that nothing is left, and that the counters agree with what was seen."""
        record = self.record
        await self._stub.Stop(pb.StopRequest(everything=True), timeout=10)
        await asyncio.sleep(1)
        status = await self._status()
        ends, clock, output = record.ends, status.clock, status.output
        if ends["begun"] != ends["finished"] + ends["refused"] + ends["vanished"] or ends["ended without a word"]:
            record.defects.append(f"the turns do not add up: {dict(ends)}")
        if output.kind != "device" or output.lost_count != record.kill_count:
            record.defects.append(f"killed {record.kill_count} times, lost {output.lost_count}, now on {output.kind}")
        for character in status.subjects:
            if character.turn_id or character.queued_turn_count:
                record.defects.append(f"{character.subject} still speaks")
        received = sum(sum(windows.values()) for windows in tally.windows.values())
        sent = clock.tick_count * len(CHARACTERS)
        # The status came before the last datagrams, or after them: a few ticks either way.
        if abs(status.sinks[0].sent_count - received) > 10 * len(CHARACTERS) or abs(sent - received) > 10 * len(
            CHARACTERS
        ):
            record.defects.append(f"{sent} frames, {status.sinks[0].sent_count} sent, {received} received")
        windows = [window for character in CHARACTERS for window in tally.rates(character)]
        rates = [rate for rate, _ in windows]
        off = [(rate, stolen) for rate, stolen in windows if abs(rate / FRAME_RATE - 1) > RATE_LEEWAY]
        ours = sorted(rate for rate, stolen in off if rate > FRAME_RATE or 1 - rate / FRAME_RATE > RATE_LEEWAY + stolen)
        if ours:
            record.defects.append(f"{len(ours)} of {len(rates)} windows of {WINDOW_SECONDS:g} s: {ours[:5]} Hz")
        grown = growth(record.memory, WARM_UP_SHARE * seconds)
        if grown > GROWTH:
            record.defects.append(f"the memory grew by {grown:.1%}")
        record.figures = (
            f"datagrams: {received}, {min(rates):.2f} to {max(rates):.2f} Hz in windows of {WINDOW_SECONDS:g} s, "
            f"longest gap {max(tally.longest.values()) * 1000:.0f} ms, {clock.tick_skipped_count} ticks skipped, "
            f"late by {seconds_of(clock.lateness_p99) * 1000:.2f} ms p99 in the last minute; "
            f"{len(off)} of {len(rates)} windows off by more than {RATE_LEEWAY:.0%}, "
            f"{len(off) - len(ours)} of them by no more than the host took\n"
            f"device: lost {output.lost_count} times, ran dry {output.underrun_count} times\n"
            f"memory: {record.memory[-1][1] / 1e6:.1f} MB, grew by {grown:.2%} after the warm-up; "
            f"{self._process.cpu_seconds() / (time.monotonic() - self._begun):.1%} of a core\n"
            f"the machine's host kept {stolen_seconds() - self._stolen:.1f} s of its processors to itself\n"
            f"turns: {dict(ends)}"
        )


async def _send(call: Any, messages: AsyncGenerator[pb.PerformRequest, None]) -> None:
    """Send the messages of a turn, as long as its call goes on."""
    with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
        async with contextlib.aclosing(messages) as each:
            async for message in each:
                await call.write(message)
        await call.done_writing()


async def soak(minutes: float, seed: int, place: Path) -> Record:
    """Run a soak on a sound server and a player of its own."""
    tally = WindowRates()
    try:
        async with (
            sound_server(place) as server,
            player_process(
                server.environment, targets=f"{tally.address},{NOWHERE}", subjects=",".join(CHARACTERS), max_queued=2
            ) as process,
            dial(process.address) as channel,
        ):
            running = Soak(process, channel, server, seed)
            await running.run(60 * minutes)
            await asyncio.sleep(6)  # the device comes back, if it was lost last
            await running.add_up(tally, 60 * minutes)
            return running.record
    finally:
        tally.close()


def main() -> int:
    """Run the soak of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.player_soak", description="Random turns, stops and deaths.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if lacking := missing():
        print(f"{', '.join(lacking)} is not installed: {REMEDY}")
        return 2
    print(f"{describe(('grpcio', 'numpy', 'sounddevice'))}; {options.minutes:g} minutes, seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        record = asyncio.run(soak(options.minutes, options.seed, Path(folder)))
    print(record.figures)
    print("\n".join(f"DEFECT {defect}" for defect in record.defects) or "no defect")
    return 1 if record.defects else 0


if __name__ == "__main__":
    raise SystemExit(main())
