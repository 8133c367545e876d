"""The `neurosync` command itself: its options, how errors are shown, and exit statuses.

Exit status: 0 done, 1 failed, 2 wrong usage, input or setting, 130 interrupted. An error that people can correct is one
line, never a traceback.
"""

from __future__ import annotations

from collections.abc import Coroutine
from importlib.metadata import version
from typing import Annotated, Any

import grpc
import typer

from services.cli.terminal.notices import notify
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


def run(work: Coroutine[Any, Any, int]) -> None:
    """Run a command to its exit status; an error of NeuroSync or of a service is printed as one line."""
    import asyncio

    try:
        status = asyncio.run(work)
    except KeyboardInterrupt:
        status = 130
    except (NeuroSyncError, grpc.aio.AioRpcError) as error:
        notify(error_line(error))
        status = 2 if isinstance(error, ConfigurationError) or is_bad_request(error) else 1
    raise typer.Exit(status)


def error_line(error: NeuroSyncError | grpc.aio.AioRpcError) -> str:
    """Return an error as a person sees it."""
    if isinstance(error, grpc.aio.AioRpcError):
        return f"error: {error.code().name}: {error.details()}"
    return f"error: {error}"


def is_bad_request(error: Exception) -> bool:
    """Return whether the request was wrong, here or as a service found it, so that trying again is of no use."""
    if isinstance(error, grpc.aio.AioRpcError):
        return bool(error.code() is grpc.StatusCode.INVALID_ARGUMENT)
    return isinstance(error, BadRequestError)
