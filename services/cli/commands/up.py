"""`neurosync up`: all processes on this machine. `neurosync serve`: one of them."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import sys
from enum import StrEnum
from typing import Annotated

import typer

from services.cli.main import app, run, tell
from services.cli.processes.stack import Stack, started
from services.serving.server import stop_on_signal


class ServiceName(StrEnum):
    """The services that can be served alone."""

    LLM = "llm"
    TTS = "tts"
    FACE = "face"
    PLAYER = "player"
    ORCHESTRATOR = "orchestrator"


@app.command()
def up(
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON once all is healthy.")] = False,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Take any free ports instead of 50050 to 50054.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show everything that the processes log.")] = False,
) -> None:
    """Start all processes here on embedded defaults, keep them alive, and end them with Ctrl-C."""
    run(_up(Stack(tell=tell, free_ports=free_ports, verbose=verbose), as_json=as_json))


async def _up(stack: Stack, *, as_json: bool) -> int:
    stop = stop_on_signal()
    tell("starting NeuroSync")
    serving = asyncio.create_task(_serve(stack, as_json=as_json), name="serve")
    stopped = asyncio.create_task(stop.wait(), name="wait for a signal")
    await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if serving.done():
        await serving  # raises why it could not start
    tell("stopping")
    serving.cancel()
    await asyncio.wait({serving})
    tell("stopped")
    return 0


async def _serve(stack: Stack, *, as_json: bool) -> None:
    """Keep the stack running until cancelled."""
    async with started(stack) as running:
        if as_json:
            typer.echo(json.dumps(running.addresses))
        tell("ready: `neurosync chat` or `neurosync ask` in another terminal; Ctrl-C here ends everything")
        await asyncio.Event().wait()


@app.command()
def serve(
    service: Annotated[ServiceName, typer.Argument(help="Which service.")],
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT; anything beyond 127.0.0.1 needs NEUROSYNC_TOKEN.")
    ] = None,
) -> None:
    """Run one service in this process, until Ctrl-C."""
    if listen is not None:
        os.environ[f"NEUROSYNC_{service.upper()}_LISTEN"] = listen
    sys.argv = [f"neurosync serve {service}"]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)
