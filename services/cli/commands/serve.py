"""`neurosync serve SERVICE`: one service in this process; its flags are the settings of the service."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import typer

from services.cli.main import app
from services.cli.processes.service_process import SERVICES

serve = typer.Typer(
    help="Run one service in this process, until Ctrl-C. Its flags: `neurosync serve SERVICE --help`.",
    no_args_is_help=True,
)
app.add_typer(serve, name="serve")

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Leaves all flags, `--help` too, to the service: it alone has the list of its settings."""


def _command(name: str) -> Callable[[typer.Context], None]:
    def run_service(context: typer.Context) -> None:
        module = importlib.import_module(f"services.{name}.__main__")  # by name: a machine may have only some of them
        raise typer.Exit(module.main(context.args, program=f"neurosync serve {name}"))

    return run_service


for service in SERVICES:
    serve.command(
        service.name, help=f"Run the {service.name} service (port {service.port}).", context_settings=_PASS_ON
    )(_command(service.name))
