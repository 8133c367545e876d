"""Pacing benchmark: jitter of the player's datagrams beside a bare loop: `python -m bench.pacing --minutes 10`.

Lateness of a datagram: the kernel's time of its arrival less the time that its timecode names. The bare loop
does nothing but `clock_nanosleep` to absolute deadlines, 60 times a second, at the priority of the player's thread, in
a process of its own, at the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import math
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.lip_sync import clicks_and_spikes, perform
from bench.machine import describe
from bench.player_process import PlayerProcess, player_process
from bench.receiver import Receiver, receiver
from neurosync.v1 import player_pb2_grpc
from services.common.scheduling import PLAYER_PRIORITY, raise_priority
from services.media.curves import CURVE_COUNT
from services.media.livelink import decode
from services.player.frame_outputs.frame_output import OutputFrame
from services.player.frame_outputs.livelink_udp import LiveLinkUdp
from services.serving.dialing import dial

RATE = 60
CROWD = 8
CROWD_SECONDS = 60.0
SPEECH_SECONDS = 30.0
ROUNDS = 20_000
WARM_UP_SECONDS = 2.0  # after the start, which nobody measures

Seconds = npt.NDArray[np.float64]


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


def bare_loop(seconds: float) -> Seconds:
    """Sleep to 60 deadlines a second by `clock_nanosleep`; return by how much each was missed."""
    library, until = ctypes.CDLL("libc.so.6"), _Timespec()
    monotonic, absolute = 1, 1
    raise_priority(PLAYER_PRIORITY)
    begin, late = time.monotonic() + 0.1, []
    for number in range(round(seconds * RATE)):
        due = begin + number / RATE
        until.seconds, until.nanoseconds = int(due), int(due % 1 * 1e9)
        library.clock_nanosleep(monotonic, absolute, ctypes.byref(until), None)
        late.append(time.monotonic() - due)
    return np.array(late)


@dataclass(frozen=True)
class Pacing:
    """The results of a run."""

    lateness: Seconds
    rate: float
    """Datagrams a second of the slowest character."""
    longest: float
    """Seconds between two datagrams of one character, at most."""
    cpu: float
    """Share of one core."""

    def __str__(self) -> str:
        median, late, last = np.percentile(self.lateness, (50, 99, 100)) * 1000
        return (
            f"{self.rate:.3f} Hz, late by {median:.3f} ms p50, {late:.3f} ms p99, {last:.2f} ms at most; "
            f"longest gap {self.longest * 1000:.1f} ms; {self.cpu:.1%} of a core"
        )


async def watched(player: PlayerProcess, unreal: Receiver, seconds: float) -> Pacing:
    """Watch the player for a while."""
    first, used, begun = len(unreal.arrivals), player.cpu_seconds(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu = (player.cpu_seconds() - used) / (time.monotonic() - begun)
    last = len(unreal.arrivals)
    times = unreal.times()[first:last]
    names = [decode(data).subject for _, _, data in unreal.arrivals[first:last]]
    rates, gaps = [], []
    for name in Counter(names):
        own = times[[other == name for other in names]]
        rates.append((len(own) - 1) / (own[-1] - own[0]))
        gaps.append(float(np.diff(own).max()))
    return Pacing(unreal.lateness()[first:last], min(rates), max(gaps), cpu)


async def measure(minutes: float) -> tuple[Pacing, Seconds]:
    """Watch an idle player with one character and three targets; return that and the bare loop's lateness."""
    seconds = minutes * 60
    with receiver() as unreal, receiver() as second:
        targets = f"{unreal.address},{second.address},127.0.0.1:9"
        async with player_process(targets=targets, output="none") as player:
            await asyncio.sleep(WARM_UP_SECONDS)
            command = f"import sys, bench.pacing as it; sys.stdout.buffer.write(it.bare_loop({seconds}).tobytes())"
            bare = await asyncio.create_subprocess_exec(
                sys.executable, "-c", command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1]
            )
            watching = asyncio.create_task(watched(player, unreal, seconds), name="watch")
            try:
                output, _ = await bare.communicate()
                pacing = await watching
            finally:
                if bare.returncode is None:
                    bare.kill()
                    await bare.wait()
    return pacing, np.frombuffer(output)


async def measure_speech(seconds: float) -> Pacing:
    """Watch a player whose one character speaks."""
    with receiver() as unreal:
        async with player_process(targets=unreal.address, output="none") as player, dial(player.address) as channel:
            stub = player_pb2_grpc.PlayerServiceStub(channel)
            sound, jaw, _ = clicks_and_spikes(round((seconds + 2) * RATE / 12), 12)
            speaking = asyncio.create_task(perform(stub, sound, jaw), name="speak")
            await asyncio.sleep(1)
            pacing = await watched(player, unreal, seconds)
            speaking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await speaking
    return pacing


async def measure_crowd(characters: int, seconds: float) -> Pacing:
    """Watch a player with several characters."""
    names = ",".join(f"Character{number}" for number in range(characters))
    with receiver() as unreal:
        async with player_process(targets=unreal.address, output="none", subjects=names) as player:
            await asyncio.sleep(WARM_UP_SECONDS)
            return await watched(player, unreal, seconds)


def measure_send(rounds: int = ROUNDS) -> Seconds:
    """Return how long it took to encode and send one frame, each of `rounds` times."""
    with receiver() as unreal:
        output = LiveLinkUdp(unreal.address, device_id="3f1d4c62-8a59-4a8e-9a0c-6f7f0b6f2f11")
        values, took = np.random.default_rng(1).random(CURVE_COUNT, np.float32), np.zeros(rounds)
        for number in range(rounds):
            begin = time.perf_counter()
            output.prepare([OutputFrame("NeuroSync", values, number, 0.5)])
            output.send()
            took[number] = time.perf_counter() - begin
            if number % 500 == 0:
                time.sleep(0.01)  # the receiver keeps up
        output.close()
    return took


async def main(minutes: float) -> int:
    """Measure, and print what came out."""
    print(describe(("grpcio", "numpy")), "; real-time priority", "given" if _is_real_time() else "refused")
    took = np.percentile(measure_send(), (50, 99)) * 1e6
    print(f"encode and send one frame: {took[0]:.1f} us p50, {took[1]:.1f} us p99   (wanted: 30 p50)")
    pacing, bare = await measure(minutes)
    p50, p99, last = np.percentile(bare, (50, 99, 100)) * 1000
    excess = (np.percentile(pacing.lateness, 99) - np.percentile(bare, 99)) * 1000
    print(
        f"bare clock_nanosleep, {minutes:g} minutes: late by {p50:.3f} ms p50, {p99:.3f} ms p99, {last:.2f} ms at most"
    )
    print(f"one character, three targets: {pacing}")
    print(
        f"  p99 above the bare loop's: {excess:.3f} ms   (wanted: 0.5; p99 2 ms at real-time priority; 10 % of a core)"
    )
    print(f"one character that speaks: {await measure_speech(min(SPEECH_SECONDS, minutes * 60))}")
    print(f"{CROWD} characters: {await measure_crowd(CROWD, min(CROWD_SECONDS, minutes * 60))}   (wanted: 60 Hz)")
    return 0 if math.isfinite(excess) else 1


def _is_real_time() -> bool:
    """Return whether a thread of this user is given real-time priority."""
    given: list[bool] = []
    thread = threading.Thread(target=lambda: given.append(raise_priority(PLAYER_PRIORITY)))
    thread.start()
    thread.join()
    return given[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.pacing", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    raise SystemExit(asyncio.run(main(parser.parse_args().minutes)))
