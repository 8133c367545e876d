"""What `neurosync doctor` finds about the way to Unreal: names, what really arrives, and the player that runs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence

import grpc

from neurosync.v1 import player_pb2, player_pb2_grpc
from services.cli.checks.machine_checks import Check, State
from services.cli.checks.port_checks import resolved, split_target
from services.cli.monitoring.arrivals import Arrivals
from services.cli.monitoring.udp_port import UdpPort
from services.common.addresses import is_loopback
from services.common.errors import UnavailableError
from services.common.types import FRAME_RATE
from services.common.wire import seconds_of
from services.media.livelink import LiveLinkError, decode
from services.serving.dialing import Metadata

LISTEN_SECONDS = 1.0  # sixty frames; shorter cannot tell a rate
RATE_TOLERANCE = 1.5  # hertz around 60 that a second of counting may be off
LATE_SECONDS = 0.004  # 99th percentile of lateness from which the picture is seen to jerk
ANSWER_SECONDS = 3.0  # for the player to tell its state


def check_subjects(subjects: Sequence[str]) -> Check:
    """Look at the Live Link names of the characters, as Unreal would see them."""
    listed = ", ".join(map(repr, subjects))
    folded = Counter(name.casefold() for name in subjects)
    problems = [
        *(f"{name!r} means no name in Unreal" for name in subjects if name.casefold() == "none"),
        *(f"{name!r} begins or ends with a space, which nobody sees" for name in subjects if name != name.strip()),
        *(f"{name!r} comes twice; Unreal does not tell capitals apart" for name, count in folded.items() if count > 1),
        *(f"{name!r} is not ASCII: other receivers than Unreal may drop it" for name in subjects if not name.isascii()),
        *(f"{name!r} has a control character" for name in subjects if not name.isprintable()),
    ]
    if problems:
        advice = "set NEUROSYNC_PLAYER_SUBJECTS, and choose the same name in the Animation Blueprint"
        return Check("subjects", State.NOTE, "; ".join(problems), advice)
    return Check("subjects", State.OK, f"{listed}: choose the same name in Unreal")


def check_timing() -> Check:
    """Look whether the player's thread may be on time however busy the machine is."""
    if sys.platform == "win32":
        found = "the player sets Windows' timer to 1 ms"
        advice = "nothing; if frames come late while Unreal is in front, see docs/unreal.md"
        return Check("timing", State.OK, found, advice)
    if sys.platform != "linux":
        return Check("timing", State.OK, "the system's own timers")
    if _may_be_realtime():
        return Check("timing", State.OK, "real-time priority is allowed")
    advice = "nothing on an idle machine; else allow rtprio 20 in /etc/security/limits.d, and log in again"
    return Check("timing", State.OK, "no real-time priority: a busy machine may send frames late", advice)


async def check_player(channel: grpc.aio.Channel, metadata: Metadata, targets: Sequence[str]) -> list[Check]:
    """Look at a player that runs: its device, its pace, and whether its datagrams leave.

    Args:
        channel: To the player.
        metadata: What every call must carry.
        targets: Where the settings of this place would send the face.
    """
    stub: player_pb2_grpc.PlayerServiceAsyncStub = player_pb2_grpc.PlayerServiceStub(channel)

    async def ask() -> tuple[float, float, player_pb2.GetStatusResponse]:
        asked = time.monotonic()
        status = await stub.GetStatus(player_pb2.GetStatusRequest(), timeout=ANSWER_SECONDS, metadata=metadata)
        answered = time.monotonic()
        return (asked + answered) / 2, (answered - asked) / 2, status

    try:
        await ask()  # the first one also connects: its time tells nothing
        began, vague, before = await ask()
        await asyncio.sleep(LISTEN_SECONDS)
        ended, vaguer, after = await ask()
    except grpc.aio.AioRpcError as error:
        found = f"{error.code().name}: {error.details()}"
        return [
            Check("player", State.NOTE, found, "end it and run `neurosync up`; set NEUROSYNC_TOKEN if it wants one")
        ]
    tolerance = RATE_TOLERANCE + FRAME_RATE * (vague + vaguer) / (ended - began)
    further = zip(before.subject_outputs, after.subject_outputs, strict=False)
    return [
        _check_output("player's", after.output),
        _check_pace("player's", before.clock, after.clock, ended - began, tolerance),
        *(check for one, two in further for check in _check_further(one, two, ended - began, tolerance)),
        *(_check_sink(one, two) for one, two in zip(before.sinks, after.sinks, strict=False)),
        *_check_targets_agree(after, targets),
    ]


async def check_arrivals(targets: Iterable[str]) -> list[Check]:
    """Listen, in Unreal's place, where nobody else does on this machine, and judge what comes."""
    ports = {split_target(target)[1] for target in targets if is_loopback(split_target(target)[0])}
    return [check for port in sorted(ports) for check in await asyncio.to_thread(_listen, port)]


def _listen(port: int) -> list[Check]:
    try:
        with UdpPort("127.0.0.1", port) as udp:
            arrivals, senders = Arrivals(), Counter[tuple[str, str]]()
            until = time.monotonic() + LISTEN_SECONDS
            while (left := until - time.monotonic()) > 0:
                for at, data in udp.receive(left):
                    arrivals.note(data, at)
                    try:
                        datagram = decode(data)
                    except LiveLinkError:
                        continue
                    senders[datagram.subject, datagram.device_id] += 1
    except UnavailableError:
        return []  # somebody has the port: he gets the face, and nobody else can look
    return _judge(f"frames on {port}", arrivals, senders)


def _judge(name: str, arrivals: Arrivals, senders: Counter[tuple[str, str]]) -> list[Check]:
    """Return what is wrong with what came; one line if nothing is, and none if nothing came."""
    checks = []
    for reason, count in arrivals.refused.most_common(3):
        advice = "end what sends that: Unreal drops it without a word, and what came with it"
        checks.append(Check(name, State.NOTE, f"{count} datagrams that Unreal would drop: {reason}", advice))
    for subject, count in Counter(subject for subject, _ in senders).items():
        if count > 1:
            found = f"{count} senders send subject {subject!r}: the face flickers between them"
            checks.append(Check(name, State.NOTE, found, "end all players but one, or give each a subject of its own"))
            continue
        arrived = arrivals.subjects.get(subject)
        rate = arrived.rate() if arrived else 0.0
        if arrived and abs(rate - FRAME_RATE) > RATE_TOLERANCE:
            found = f"subject {subject!r} comes {rate:.1f} times a second, not {FRAME_RATE}"
            checks.append(
                Check(name, State.NOTE, found, "is the machine overloaded? `neurosync monitor` shows the gaps")
            )
        if arrived and arrived.bad_rate_count:
            advice = "end that sender: evaluation by timecode cannot work with it"
            checks.append(Check(name, State.NOTE, f"subject {subject!r} has no usable frame rate", advice))
    if not checks and senders:
        listed = ", ".join(sorted({repr(subject) for subject, _ in senders}))
        checks.append(Check(name, State.OK, f"{listed} at {FRAME_RATE} Hz, as Unreal takes them"))
    return checks


def _check_further(
    before: player_pb2.SubjectOutputStatus, after: player_pb2.SubjectOutputStatus, seconds: float, tolerance: float
) -> list[Check]:
    """Look at an output that subjects have of their own; it has a clock and a pace of its own."""
    whose = f"{' and '.join(after.subjects)}'s"
    return [
        _check_output(whose, after.output, "NEUROSYNC_PLAYER_OUTPUTS"),
        _check_pace(whose, before.clock, after.clock, seconds, tolerance),
    ]


def _check_output(whose: str, output: player_pb2.AudioOutputStatus, setting: str = "NEUROSYNC_PLAYER_OUTPUT") -> Check:
    name = f"{whose} sound"
    if output.kind == "none":
        advice = f"set {setting}, or see the check of the sound, and start it again"
        return Check(name, State.NOTE, f"none, nothing is heard: {output.message}", advice)
    latency = 1000 * seconds_of(output.latency)
    found = f"{output.device or output.kind}, {output.sample_rate_hertz} Hz, {latency:.0f} ms"
    if output.underrun_count:
        advice = "nothing if it is not heard; else raise NEUROSYNC_PLAYER_LATENCY"
        return Check(name, State.OK, f"{found}, ran dry {output.underrun_count} times", advice)
    return Check(name, State.OK, found)


def _check_pace(
    whose: str, before: player_pb2.ClockStatus, after: player_pb2.ClockStatus, seconds: float, tolerance: float
) -> Check:
    name = f"{whose} pace"
    rate = (after.tick_count - before.tick_count) / seconds
    late = seconds_of(after.lateness_p99)
    skipped = after.tick_skipped_count - before.tick_skipped_count
    found = f"{rate:.1f} frames a second, 99 of 100 within {1000 * late:.1f} ms of their time"
    if abs(rate - FRAME_RATE) > tolerance or skipped:
        return Check(name, State.NOTE, f"{found}, {skipped} left out", "the machine is too busy; see docs/unreal.md")
    if late > LATE_SECONDS:
        return Check(name, State.NOTE, found, "give the player a higher priority; see docs/unreal.md")
    return Check(name, State.OK, found)


def _check_sink(before: player_pb2.SinkStatus, after: player_pb2.SinkStatus) -> Check:
    name = f"player to {after.address}"
    sent, failed = after.sent_count - before.sent_count, after.failed_count - before.failed_count
    if failed:
        advice = "nobody listens there, or a firewall of this machine forbids it"
        return Check(name, State.NOTE, f"{failed} refusals by the system in {LISTEN_SECONDS:g} s", advice)
    if not sent:
        return Check(name, State.NOTE, "no frame was sent", "end the player and run `neurosync up`")
    return Check(name, State.OK, f"{sent} frames in {LISTEN_SECONDS:g} s")


def _check_targets_agree(status: player_pb2.GetStatusResponse, targets: Sequence[str]) -> list[Check]:
    """Return a check if the player that runs sends elsewhere than the settings here say."""
    wanted = {resolved(target) for target in targets}
    actual = {split_target(sink.address) for sink in status.sinks}
    if wanted == actual:
        return []
    seen = ", ".join(sorted(f"{host}:{port}" for host, port in actual)) or "nobody"
    advice = "start it again where these settings hold, if they are meant"
    return [
        Check("player's targets", State.NOTE, f"the running player sends to {seen}, the settings here differ", advice)
    ]


def _may_be_realtime() -> bool:
    """Return whether a thread of this user may ask for real-time scheduling; one tries, and ends."""
    allowed = False

    def attempt() -> None:
        nonlocal allowed
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        except OSError:
            return
        allowed = True

    thread = threading.Thread(target=attempt, name="try real-time priority")
    thread.start()
    thread.join()
    return allowed
