"""`neurosync monitor`: receives Live Link datagrams in the place of Unreal, and shows what arrives."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from services.cli.commands.options import AsJson
from services.cli.main import app, run
from services.cli.monitoring.arrivals import Arrivals
from services.cli.monitoring.monitor_view import live_picture, state_line, summary_lines
from services.cli.monitoring.udp_port import UdpPort
from services.cli.pictures.plot import CURVES, write_plot
from services.cli.terminal.notices import notify
from services.common.addresses import LIVE_LINK_PORT, Address, is_loopback
from services.common.errors import BadRequestError, UnavailableError
from services.media.takes.take_folder import load_take
from services.serving.signals import stop_on_signal

PICTURE_SECONDS = 0.125  # between two pictures; shorter costs a core that others need, longer is visibly slow
LINE_SECONDS = 1.0


@app.command()
def monitor(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="UDP port; Unreal listens on 11111. 0 takes any that is free.")
    ] = LIVE_LINK_PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 also receives from other machines.")
    ] = "127.0.0.1",
    subject: Annotated[str | None, typer.Option(help="Only this Live Link subject.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after so long; without it Ctrl-C ends.")] = None,
    as_json: AsJson = False,
    take: Annotated[
        Path | None,
        typer.Option(exists=True, help="With --plot: a take to draw; the port is not opened."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves of --take against its sound into this .svg or .png.")
    ] = None,
    curve: Annotated[list[str] | None, typer.Option(help="Curve to draw; several times for several.")] = None,
) -> None:
    """Receive face frames as Unreal would, and show what arrives: rate, jitter, timecode, curves, a face.

    Unreal drops malformed datagrams and logs nothing; here each is counted with its reason.
    With --take and --plot a picture of a take is drawn instead.

    Only one program can have the port: close Unreal first.

    Exit status: 0 if frames arrived and none was refused, else 1.
    """
    if take or plot or curve:
        run(_plot(take, plot, curve or CURVES))
    run(_monitor(host, port, Arrivals(subject), seconds, as_json=as_json))


async def _plot(path: Path | None, plot: Path | None, curves: Sequence[str]) -> int:
    """Draw a take."""
    if path is None or plot is None:
        raise BadRequestError("monitor", "--take" if path else "--plot or --curve", "--take and --plot together")
    take = await asyncio.to_thread(load_take, path)
    await asyncio.to_thread(write_plot, plot, take, curves)
    typer.echo(f"{plot}: {take.seconds:.2f} s, {len(take.weights)} frames")
    return 0


async def _monitor(host: str, port: int, arrivals: Arrivals, seconds: float | None, *, as_json: bool) -> int:
    with _open(host, port) as udp:
        stop, began = stop_on_signal(), time.monotonic()
        where = str(Address(host, udp.port))
        notify(f"listening on UDP {where}")
        with ExitStack() as screen:
            console = Console(stderr=True)
            live = None
            if console.is_terminal:
                live = screen.enter_context(Live(console=console, auto_refresh=False, transient=True))
            next_line = LINE_SECONDS
            while not stop.is_set() and (elapsed := time.monotonic() - began) < (seconds or float("inf")):
                left = PICTURE_SECONDS if seconds is None else min(PICTURE_SECONDS, seconds - elapsed)
                for at, data in await asyncio.to_thread(_receive, udp, left):
                    arrivals.add(data, at)
                elapsed = time.monotonic() - began
                if live is not None:
                    live.update(live_picture(arrivals, where, elapsed, udp.now()), refresh=True)
                elif not as_json and elapsed >= next_line:
                    notify(state_line(arrivals, elapsed, udp.now()))
                    next_line += LINE_SECONDS
    elapsed = time.monotonic() - began
    if as_json:
        typer.echo(json.dumps({"seconds": round(elapsed, 3), **arrivals.summary()}))
    else:
        typer.echo("\n".join(summary_lines(arrivals, elapsed)))
    for advice in _advice(arrivals, host, udp.port):
        notify(advice)
    return 0 if arrivals.good else 1


def _open(host: str, port: int) -> UdpPort:
    try:
        return UdpPort(host, port)
    except UnavailableError as error:
        raise UnavailableError(
            f"{error}. If Unreal or another monitor is there, close it, or choose another --port for both sides"
        ) from error


def _receive(udp: UdpPort, seconds: float) -> list[tuple[float, bytes]]:
    """Return what arrives within `seconds`."""
    arrived: list[tuple[float, bytes]] = []
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        arrived += udp.receive(left)
    return arrived


def _advice(arrivals: Arrivals, host: str, port: int) -> list[str]:
    """Return what to check if no acceptable frame arrived."""
    if arrivals.accepted_count:
        return []
    if arrivals.others:
        return [f"frames arrived, but for other subjects: {', '.join(map(repr, arrivals.others))}"]
    if arrivals.refused:
        return ["Unreal would take none of it: the sender does not send Live Link Face, packet version 6"]
    advice = [
        f"nothing arrived on UDP {Address(host, port)}. Check that",
        "  a player is running: `neurosync up` starts one, `neurosync doctor` shows what answers",
        "  it sends here: its targets (NEUROSYNC_PLAYER_TARGETS or LIVELINK_UDP_IP) must name this address and port",
    ]
    if is_loopback(host):
        advice.append(
            "  the sender is on this machine; for others listen with --host 0.0.0.0, and open UDP in the firewall"
        )
    return advice
