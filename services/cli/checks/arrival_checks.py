"""Checks of the Live Link datagrams that arrive on this machine, where Unreal would receive them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterable

from services.cli.checks.check import Check, State
from services.cli.checks.target_checks import is_live_link, target_address
from services.cli.monitoring.arrivals import Arrivals
from services.cli.monitoring.udp_port import UdpPort
from services.common.addresses import is_loopback
from services.common.errors import BadRequestError, UnavailableError
from services.common.types import FRAME_RATE
from services.media.livelink import LiveLinkError, decode

LISTEN_SECONDS = 1.0  # sixty frames; shorter cannot measure a rate
RATE_TOLERANCE = 1.5  # hertz around 60 that a second of counting may be off


async def check_arrivals(targets: Iterable[str]) -> list[Check]:
    """Receive for a second on the targets on this machine that no other program has, and check what arrives."""
    ports = set()
    for target in targets:
        with contextlib.suppress(BadRequestError):  # `check_targets` reports it
            address = target_address(target)
            if is_live_link(target) and is_loopback(address.host):
                ports.add(address.port)
    return [check for port in sorted(ports) for check in await asyncio.to_thread(_listen, port)]


def _listen(port: int) -> list[Check]:
    try:
        with UdpPort("127.0.0.1", port) as udp:
            arrivals, senders = Arrivals(), Counter[tuple[str, str]]()
            until = time.monotonic() + LISTEN_SECONDS
            while (left := until - time.monotonic()) > 0:
                for at, data in udp.receive(left):
                    arrivals.add(data, at)
                    try:
                        datagram = decode(data)
                    except LiveLinkError:
                        continue
                    senders[datagram.subject, datagram.device_id] += 1
    except UnavailableError:
        return []  # another program has the port and receives the frames
    return _check_frames(f"frames on {port}", arrivals, senders)


def _check_frames(name: str, arrivals: Arrivals, senders: Counter[tuple[str, str]]) -> list[Check]:
    """Return what is wrong with what arrived; one line if nothing is, and none if nothing arrived."""
    checks = []
    for reason, count in arrivals.refused.most_common(3):
        advice = "end the program that sends them: Unreal drops them, and does not log it"
        checks.append(Check(name, State.NOTE, f"{count} datagrams that Unreal would drop: {reason}", advice))
    for subject, count in Counter(subject for subject, _ in senders).items():
        if count > 1:
            found = f"{count} senders send subject {subject!r}: the face flickers between them"
            checks.append(
                Check(name, State.NOTE, found, "end all players but one, or give each character a name of its own")
            )
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
