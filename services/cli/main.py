"""The `neurosync` command: what its subcommands share. Errors that people can mend are one line and a status.

Exit status: 0 done, 1 failed, 2 wrong usage, input or setting, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from importlib.metadata import version
from typing import Annotated, Any

import grpc
import typer

from services.common.errors import BadRequestError, ConfigurationError, NeuroSyncError

app = typer.Typer(
    name="neurosync",
    help="Type a prompt, and a character answers: words, voice and face in step.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"neurosync {version('neurosync')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


def tell(line: str) -> None:
    """Show a line about what the command is doing; results alone go to standard output."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def run(work: Coroutine[Any, Any, int]) -> None:
    """Run a command to its exit status; an error of the tree is one line, never a traceback."""
    import asyncio

    try:
        status = asyncio.run(work)
    except KeyboardInterrupt:
        status = 130
    except (ConfigurationError, BadRequestError) as error:
        tell(f"error: {error}")
        status = 2
    except NeuroSyncError as error:
        tell(f"error: {error}")
        status = 1
    except grpc.aio.AioRpcError as error:
        tell(f"error: {error.code().name}: {error.details()}")
        status = 2 if error.code() is grpc.StatusCode.INVALID_ARGUMENT else 1
    raise typer.Exit(status)
