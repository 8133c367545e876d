"""`neurosync up`: all services as processes of this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from services.cli.main import app, run
from services.cli.processes.stack import Stack, started
from services.cli.terminal.notices import notify
from services.serving.signals import stop_on_signal


@app.command()
def up(
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON once all is healthy.")] = False,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Take any free ports instead of 50050 to 50054.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show everything that the processes log.")] = False,
) -> None:
    """Start all processes here on embedded defaults, keep them alive, and end them with Ctrl-C."""
    run(_up(Stack(notify=notify, free_ports=free_ports, verbose=verbose), as_json=as_json))


async def _up(stack: Stack, *, as_json: bool) -> int:
    stop = stop_on_signal()
    notify("starting NeuroSync")
    serving = asyncio.create_task(_serve(stack, as_json=as_json), name="serve")
    stopped = asyncio.create_task(stop.wait(), name="wait for a signal")
    await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if serving.done():
        await serving  # raises why it could not start
    notify("stopping")
    serving.cancel()
    await asyncio.wait({serving})
    notify("stopped")
    return 0


async def _serve(stack: Stack, *, as_json: bool) -> None:
    """Keep the stack running until cancelled."""
    async with started(stack) as running:
        if as_json:
            typer.echo(json.dumps(running.addresses))
        notify("ready: `neurosync chat` or `neurosync ask` in another terminal; Ctrl-C here ends everything")
        await asyncio.Event().wait()
