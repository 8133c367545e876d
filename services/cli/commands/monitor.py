"""`neurosync monitor`: listens where Unreal would, and shows what arrives."""

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

from services.cli.main import app, run, tell
from services.cli.monitoring.arrivals import Arrivals
from services.cli.monitoring.monitor_view import line, picture, summary_lines
from services.cli.monitoring.udp_port import UdpPort
from services.cli.take.plot import CURVES, write_plot
from services.common.errors import BadRequestError, UnavailableError
from services.media.takes.take_folder import load_take
from services.serving.server import stop_on_signal

PICTURE_SECONDS = 0.125  # between two pictures; shorter costs a core that others need, longer looks sluggish
LINE_SECONDS = 1.0


@app.command()
def monitor(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="UDP port; Unreal listens on 11111. 0 takes any.")
    ] = 11111,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 also hears other machines.")] = "127.0.0.1",
    subject: Annotated[str | None, typer.Option(help="Only this Live Link subject.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after so long; without it Ctrl-C ends.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
    take: Annotated[
        Path | None,
        typer.Option(exists=True, help="With --plot: what `neurosync replay` plays; nothing is listened to."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves of --take against its sound into this .svg or .png.")
    ] = None,
    curve: Annotated[list[str] | None, typer.Option(help="Curve to draw; several times for several.")] = None,
) -> None:
    """Listen for face frames as Unreal would, and show what arrives: rate, jitter, timecode, curves, a face.

    Unreal drops datagrams it does not like without a word; here each is counted with its reason.
    With --take and --plot a picture of a take is drawn instead.

    Only one program can have the port: close Unreal first. Exit status: 0 if frames came and none was refused, else 1.
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
        where = f"{host}:{udp.port}"
        tell(f"listening on UDP {where}")
        with ExitStack() as screen:
            console = Console(stderr=True)
            live = None
            if console.is_terminal:
                live = screen.enter_context(Live(console=console, auto_refresh=False, transient=True))
            next_line = LINE_SECONDS
            while not stop.is_set() and (elapsed := time.monotonic() - began) < (seconds or float("inf")):
                left = PICTURE_SECONDS if seconds is None else min(PICTURE_SECONDS, seconds - elapsed)
                for at, data in await asyncio.to_thread(_gather, udp, left):
                    arrivals.note(data, at)
                elapsed = time.monotonic() - began
                if live is not None:
                    live.update(picture(arrivals, where, elapsed, udp.now()), refresh=True)
                elif not as_json and elapsed >= next_line:
                    tell(line(arrivals, elapsed, udp.now()))
                    next_line += LINE_SECONDS
    elapsed = time.monotonic() - began
    if as_json:
        typer.echo(json.dumps({"seconds": round(elapsed, 3), **arrivals.summary()}))
    else:
        typer.echo("\n".join(summary_lines(arrivals, elapsed)))
    for advice in _advice(arrivals, host, udp.port):
        tell(advice)
    return 0 if arrivals.good else 1


def _open(host: str, port: int) -> UdpPort:
    try:
        return UdpPort(host, port)
    except UnavailableError as error:
        raise UnavailableError(
            f"{error}. If Unreal or another monitor is there, close it, or choose another --port for both sides"
        ) from error


def _gather(udp: UdpPort, seconds: float) -> list[tuple[float, bytes]]:
    """Return what arrives within `seconds`."""
    arrived: list[tuple[float, bytes]] = []
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        arrived += udp.receive(left)
    return arrived


def _advice(arrivals: Arrivals, host: str, port: int) -> list[str]:
    """Return what to check where nothing acceptable came."""
    if arrivals.accepted_count:
        return []
    if arrivals.others:
        return [f"frames came, but for other subjects: {', '.join(map(repr, arrivals.others))}"]
    if arrivals.refused:
        return ["nothing that Unreal would take came: the sender does not speak Live Link Face, packet version 6"]
    advice = [
        f"nothing arrived on UDP {host}:{port}. Check that",
        "  a player is running: `neurosync up` starts one, `neurosync doctor` tells what answers",
        "  it sends here: its targets (NEUROSYNC_PLAYER_TARGETS or LIVELINK_UDP_IP) must name this address and port",
    ]
    if host in {"127.0.0.1", "localhost", "::1"}:
        advice.append(
            "  the sender is on this machine; for others listen with --host 0.0.0.0, and open UDP in the firewall"
        )
    return advice
