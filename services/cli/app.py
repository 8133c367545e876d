"""The command with all its subcommands: importing a module registers its commands, in the order of the help."""

from services.cli.commands import up, serve, chat, ask, animate, replay, export, calibrate, monitor, doctor  # noqa: F401, I001
from services.cli.main import app

__all__ = ["app"]
