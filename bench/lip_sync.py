"""Lip-sync benchmark: the offset between lips and sound in a recording: `python -m bench.lip_sync --minutes 10`.

The player plays clicks on the null sink of a sound server, and opens the jaw on the frame of each. What the sink plays
is recorded. A click's deviation is its time on the recording, less the recorder's own delay, less the arrival of the
datagram with the open jaw: positive if the sound comes after the face.

Then the player speaks a tone, is stopped, and the recording shows how soon it was silent, and whether it clicked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.machine import describe
from bench.player_process import player_process
from bench.receiver import Receiver, receiver
from bench.sound_server import (
    RATE,
    REMEDY,
    SoundServer,
    missing,
    onsets,
    recorder_delay,
    recording,
    sound_server,
)
from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.common.types import FRAME_RATE, Pcm
from services.common.wire import audio_chunk, frame_batch
from services.media.curves import INDEX
from services.serving.dialing import dial

CLICKS = 200
PROBES = 60  # clicks of the player that is not ours, for the recorder's own delay
VOICE_RATE = 24_000  # Hz, of the turn
CLICK_SECONDS = 0.002
LEAD_FRAMES = 30  # before the first click: the face has come from idle by then
CHUNK_FRAMES = 6  # sound and frames of 0.1 s
PAIR_SECONDS = 0.09  # less than half of the shortest time between two clicks
JAW_OPEN = 0.6  # between rest and the spike
PAUSE_SECONDS = 0.25  # between two tones
TONE_HERTZ = 441.0
TONE_LEVEL = 12_000
SILENT = 40  # of 32768: quieter is not heard
JAW = INDEX["JawOpen"]

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sync:
    """The results of a run of clicks, in seconds."""

    played: int
    """Clicks of the turn."""
    recorder: Seconds
    """Delay of the recorder, of each click of the bare player."""
    clicks: Seconds
    """When each click was heard, in monotonic time."""
    deviations: Seconds
    """Click after datagram, of each click."""

    @property
    def slope(self) -> float:
        """Milliseconds a minute by which the deviation grows."""
        return float(np.polyfit(self.clicks / 60, self.deviations * 1000, 1)[0])

    def __str__(self) -> str:
        off = np.abs(self.deviations - np.median(self.deviations))
        apart = np.percentile(np.abs(self.deviations), (95, 99)) * 1000
        around = np.percentile(off, (95, 99)) * 1000
        delay = np.percentile(self.recorder, (5, 50, 95)) * 1000
        minutes = (self.clicks[-1] - self.clicks[0]) / 60
        return (
            f"  recorder's own delay     {delay[1]:6.2f} ms (p5 {delay[0]:.2f}, p95 {delay[2]:.2f})\n"
            f"  clicks                   {len(self.clicks)} of {self.played} in {minutes:.1f} minutes\n"
            f"  click after datagram     {np.median(self.deviations) * 1000:6.2f} ms median   (wanted: 3 either way)\n"
            f"  |deviation|              {apart[0]:6.2f} ms p95, {apart[1]:.2f} ms p99   (wanted: 10, 15)\n"
            f"  |deviation from median|  {around[0]:6.2f} ms p95, {around[1]:.2f} ms p99\n"
            f"  trend                    {self.slope:6.3f} ms a minute   (wanted: 0.2 either way)"
        )


@dataclass(frozen=True)
class BargeIn:
    """The results of a run of stops."""

    silent: Seconds
    """Seconds from the call of Stop to the last sound, of each stop."""
    steps: npt.NDArray[np.float64]
    """Largest step between two samples in the last 50 ms of each tone, over that of the tone itself."""
    latency: float
    """Seconds that the device was asked for."""

    def __str__(self) -> str:
        median, late = np.percentile(self.silent, (50, 99)) * 1000
        wanted = (self.latency + 0.03) * 1000
        return (
            f"  {len(self.silent)} stops at {self.latency * 1000:.0f} ms latency: silent after {median:.1f} ms p50, "
            f"{late:.1f} ms p99   (wanted: {wanted:.0f})\n"
            f"  largest step of the fade {np.max(self.steps):.2f} of the tone's own   (a click: far more than 1)"
        )


def clicks_and_spikes(count: int, every: int) -> tuple[Pcm, npt.NDArray[np.float32], list[int]]:
    """Return sound (n,), the jaw on each frame (n / 400,), and the frames that click: `count`, each `every` frames."""
    frames = LEAD_FRAMES + count * every + LEAD_FRAMES
    clicking = [LEAD_FRAMES + number * every for number in range(count)]
    per_frame = VOICE_RATE // FRAME_RATE
    sound = np.zeros(frames * per_frame, np.int16)
    jaw = np.full(frames, 0.1, np.float32)
    for frame in clicking:
        sound[frame * per_frame : frame * per_frame + round(CLICK_SECONDS * VOICE_RATE)] = 20_000
        jaw[frame] = 0.95
    return sound, jaw, clicking


async def requests(
    sound: Pcm, jaw: npt.NDArray[np.float32], granted: asyncio.Queue[int], config: pb.PerformConfig | None = None
) -> AsyncGenerator[pb.PerformRequest, None]:
    """Yield the messages of a turn of 24 kHz, no further ahead than is granted; `config` may name what else it is."""
    config = config or pb.PerformConfig(turn_id=str(uuid.uuid4()))
    config.format.sample_rate_hertz = VOICE_RATE
    yield pb.PerformRequest(config=config)
    header = media.FrameHeader(curve_names=["JawOpen"], frame_rate_hertz=FRAME_RATE)
    yield pb.PerformRequest(frame_header=header)
    per_frame = VOICE_RATE // FRAME_RATE
    allowed = 0
    for first in range(0, len(jaw), CHUNK_FRAMES):
        piece = jaw[first : first + CHUNK_FRAMES]
        samples = sound[first * per_frame : (first + len(piece)) * per_frame]
        while allowed < first * per_frame + len(samples):
            allowed = await granted.get()
        yield pb.PerformRequest(frames=frame_batch(first, piece[:, np.newaxis]))
        yield pb.PerformRequest(audio=audio_chunk(first * per_frame, samples))
    yield pb.PerformRequest(end=pb.PerformEnd())


async def perform(
    stub: player_pb2_grpc.PlayerServiceAsyncStub, sound: Pcm, jaw: npt.NDArray[np.float32]
) -> pb.PerformFinished:
    """Perform a turn to its end."""
    granted: asyncio.Queue[int] = asyncio.Queue()
    async for event in stub.Perform(requests(sound, jaw, granted)):
        if event.HasField("accepted"):
            granted.put_nowait(event.accepted.granted_sample)
        elif event.HasField("position"):
            granted.put_nowait(event.position.granted_sample)
        elif event.HasField("finished"):
            return event.finished
    raise RuntimeError("the turn did not finish")


async def measure_sync(
    server: SoundServer, *, clicks: int, every: int, latency: float = 0.05, probes: int = PROBES
) -> tuple[Sync, pb.GetStatusResponse]:
    """Play `clicks` clicks, one each `every` frames; return what the recording shows, and the status."""
    with receiver() as unreal, recording(server) as made:
        await asyncio.sleep(0.3)
        delay = await asyncio.to_thread(recorder_delay, server, made, clicks=probes)
        async with (
            player_process(server.environment, targets=unreal.address, latency=latency) as player,
            dial(player.address) as channel,
        ):
            stub = player_pb2_grpc.PlayerServiceStub(channel)
            begun = made.seconds
            sound, jaw, clicking = clicks_and_spikes(clicks, every)
            await perform(stub, sound, jaw)
            await asyncio.sleep(0.5)
            status = await stub.GetStatus(pb.GetStatusRequest())
    found = onsets(made.sound())
    heard = made.times(found[found > begun * RATE]) - np.median(delay)
    return Sync(len(clicking), delay, *paired(heard, _spikes(unreal))), status


def paired(heard: Seconds, shown: Seconds) -> tuple[Seconds, Seconds]:
    """Return the clicks that have a spike near them, and by how much they come after it.

    A device that ran dry may swallow a click, a machine that stalled a frame: those have no partner, and are counted.
    """
    if not len(heard) or not len(shown):
        return heard[:0], heard[:0]
    apart = heard[:, np.newaxis] - shown  # (clicks, spikes)
    nearest = np.abs(apart).argmin(axis=1)
    deviations = apart[np.arange(len(heard)), nearest]
    is_near = np.abs(deviations) < PAIR_SECONDS
    return heard[is_near], deviations[is_near]


def _spikes(unreal: Receiver) -> Seconds:
    """Return when the jaw opened."""
    is_open = unreal.curve(JAW) > JAW_OPEN
    return unreal.times()[np.flatnonzero(is_open & ~np.roll(is_open, 1))]


async def measure_barge_in(server: SoundServer, *, stops: int, latency: float, probes: int = PROBES) -> BargeIn:
    """Speak a tone and stop it, `stops` times; return how soon it was silent."""
    seconds = 3.0
    tone = np.asarray(
        TONE_LEVEL * np.sin(2 * np.pi * TONE_HERTZ * np.arange(round(seconds * VOICE_RATE)) / VOICE_RATE), np.int16
    )
    dice = np.random.default_rng(5)
    asked: list[float] = []
    with recording(server) as made:
        await asyncio.sleep(0.3)
        delay = float(np.median(await asyncio.to_thread(recorder_delay, server, made, clicks=probes)))
        begun = made.seconds
        async with (
            player_process(server.environment, targets="127.0.0.1:9", latency=latency) as player,
            dial(player.address) as channel,
        ):
            stub = player_pb2_grpc.PlayerServiceStub(channel)
            for _ in range(stops):
                await _speak_and_stop(stub, tone, 0.2 + dice.random() * 0.3, asked)
    sound = made.sound()
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > SILENT)
    loud = loud[loud > begun * RATE]
    heard = made.times(loud) - delay
    ends, silent = [], []
    for moment in asked:
        last = np.searchsorted(heard, moment + PAUSE_SECONDS) - 1
        if heard[last] > moment:  # else the device had run dry just then
            ends.append(int(loud[last]))
            silent.append(heard[last] - moment)
    natural = TONE_LEVEL * 2 * np.pi * TONE_HERTZ / RATE
    steps = [np.abs(np.diff(sound[end - RATE // 20 : end + RATE // 100].astype(int))).max() / natural for end in ends]
    return BargeIn(np.array(silent), np.array(steps), latency)


async def _speak_and_stop(
    stub: player_pb2_grpc.PlayerServiceAsyncStub, tone: Pcm, after: float, asked: list[float]
) -> None:
    """Speak, stop once `after` seconds were heard, and wait for the end."""
    config = pb.PerformConfig(
        turn_id=str(uuid.uuid4()), format=media.AudioFormat(sample_rate_hertz=VOICE_RATE), voice_only=True
    )
    is_stopped = False
    async for event in stub.Play(pb.PlayRequest(config=config, pcm=tone.tobytes())):
        if event.HasField("position") and not is_stopped and event.position.heard_sample_count > after * VOICE_RATE:
            is_stopped = True
            asked.append(time.monotonic())
            await stub.Stop(pb.StopRequest(turn_id=config.turn_id))
    await asyncio.sleep(PAUSE_SECONDS)


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep `count` processes busy."""
    children = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


async def main(minutes: float, latency: float, stops: int) -> int:
    """Measure, and print what came out."""
    if lacking := missing():
        print(f"{', '.join(lacking)} is not installed: {REMEDY}")
        return 2
    every = max(12, round(minutes * 60 * FRAME_RATE / CLICKS))
    print(describe(("grpcio", "numpy", "sounddevice")), "; PulseAudio, null sink,", f"latency {latency * 1000:.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        async with sound_server(Path(folder)) as server:
            sync, status = await measure_sync(server, clicks=CLICKS, every=every, latency=latency)
            print(f"Lips and sound\n{sync}\n  device ran dry           {status.output.underrun_count} times")
            with busy(2):
                sync, status = await measure_sync(server, clicks=CLICKS, every=18, latency=latency)
            print(f"With two busy processes\n{sync}\n  device ran dry           {status.output.underrun_count} times")
            print("Stop")
            for wanted in (0.02, 0.03, latency):
                print(await measure_barge_in(server, stops=stops, latency=wanted))
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.lip_sync", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="of clicks")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that the device is asked for")
    parser.add_argument("--stops", type=int, default=50, help="of a tone, at each latency")
    options = parser.parse_args()
    raise SystemExit(asyncio.run(main(options.minutes, options.latency, options.stops)))
