"""Checks of a player that runs: its sound devices, its pace, and whether its datagrams leave."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

import grpc

from neurosync.v1 import player_pb2, player_pb2_grpc
from services.cli.checks.check import Check, State
from services.cli.checks.target_checks import resolved_target, target_address
from services.common.errors import BadRequestError
from services.common.types import FRAME_RATE
from services.common.wire import seconds_of
from services.serving.dialing import Metadata

MEASURE_SECONDS = 1.0  # sixty frames; shorter cannot measure a rate
RATE_TOLERANCE = 1.5  # hertz around 60 that a second of counting may be off
LATE_SECONDS = 0.004  # 99th percentile of lateness from which the picture is seen to jerk
ANSWER_SECONDS = 3.0  # for the player to answer


async def check_player(channel: grpc.aio.Channel, metadata: Metadata, targets: Sequence[str]) -> list[Check]:
    """Check a player that runs: its device, its pace, and whether its datagrams leave.

    Args:
        channel: To the player.
        metadata: The token, which every call carries.
        targets: Where the settings found here send the face.
    """
    stub: player_pb2_grpc.PlayerServiceAsyncStub = player_pb2_grpc.PlayerServiceStub(channel)

    async def get_status() -> tuple[float, float, player_pb2.GetStatusResponse]:
        asked = time.monotonic()
        status = await stub.GetStatus(player_pb2.GetStatusRequest(), timeout=ANSWER_SECONDS, metadata=metadata)
        answered = time.monotonic()
        return (asked + answered) / 2, (answered - asked) / 2, status

    try:
        await get_status()  # the first one also connects, so its duration is no measure
        began, uncertainty, before = await get_status()
        await asyncio.sleep(MEASURE_SECONDS)
        ended, later_uncertainty, after = await get_status()
    except grpc.aio.AioRpcError as error:
        found = f"{error.code().name}: {error.details()}"
        return [
            Check("player", State.NOTE, found, "end it and run `neurosync up`; set NEUROSYNC_TOKEN if it wants one")
        ]
    tolerance = RATE_TOLERANCE + FRAME_RATE * (uncertainty + later_uncertainty) / (ended - began)
    further = zip(before.subject_outputs, after.subject_outputs, strict=False)
    return [
        _check_output("player's", after.output),
        _check_pace("player's", before.clock, after.clock, ended - began, tolerance),
        *(check for one, two in further for check in _check_further(one, two, ended - began, tolerance)),
        *(_check_sink(one, two) for one, two in zip(before.sinks, after.sinks, strict=False)),
        *_check_targets_agree(after, targets),
    ]


def _check_further(
    before: player_pb2.SubjectOutputStatus, after: player_pb2.SubjectOutputStatus, seconds: float, tolerance: float
) -> list[Check]:
    """Check an output that only some characters use; it has a clock and a pace of its own."""
    whose = f"{' and '.join(after.subjects)}'s"
    return [
        _check_output(whose, after.output, "NEUROSYNC_PLAYER_OUTPUTS"),
        _check_pace(whose, before.clock, after.clock, seconds, tolerance),
    ]


def _check_output(whose: str, output: player_pb2.AudioOutputStatus, setting: str = "NEUROSYNC_PLAYER_OUTPUT") -> Check:
    name = f"{whose} sound"
    if output.kind == "none":
        advice = f"set {setting}, or follow the advice on sound above; then start the player again"
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
        return Check(name, State.NOTE, f"{failed} refusals by the system in {MEASURE_SECONDS:g} s", advice)
    if not sent:
        return Check(name, State.NOTE, "no frame was sent", "end the player and run `neurosync up`")
    return Check(name, State.OK, f"{sent} frames in {MEASURE_SECONDS:g} s")


def _check_targets_agree(status: player_pb2.GetStatusResponse, targets: Sequence[str]) -> list[Check]:
    """Return a check if the running player sends elsewhere than the settings here name."""
    wanted = set()
    for target in targets:
        with contextlib.suppress(BadRequestError):  # `check_targets` reports it
            wanted.add(resolved_target(target))
    actual = {target_address(sink.address) for sink in status.sinks}
    if wanted == actual:
        return []
    seen = ", ".join(sorted(map(str, actual))) or "nobody"
    advice = "if these settings are meant, end the player and start it again from this folder"
    return [
        Check("player's targets", State.NOTE, f"the running player sends to {seen}, the settings here differ", advice)
    ]
