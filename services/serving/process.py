"""Runs a gRPC service as a process: settings from flags, logging, signals, and shutdown within a time limit.

def make_service(settings: FaceSettings) -> Service:
    from services.face.server import FaceService  # `--help` needs no models

    return FaceService(settings)

raise SystemExit(run_service(FaceSettings, make_service, program="python -m services.face"))
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from services.common.errors import ConfigurationError, NeuroSyncError
from services.common.settings import ServerSettings, load
from services.serving.flags import parse_flags
from services.serving.server import Service, running
from services.serving.signals import stop_on_signal

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""Seconds that cleanup may take after the grace period. Larger: a process that hangs ends later; smaller: slow cleanup
is cut off."""

S = TypeVar("S", bound=ServerSettings)


def run_service(
    settings_class: type[S],
    make_service: Callable[[S], Service],
    arguments: Sequence[str] | None = None,
    *,
    program: str | None = None,
) -> int:
    """Run one service until SIGTERM or Ctrl-C.

    Args:
        settings_class: Its settings; flags win over every other source of them.
        make_service: Makes the service from its settings; imports what is heavy, as `--help` does not get here.
        arguments: The command line without the program; None: that of this process.
        program: What to call the program in help and errors; None: that of this process.

    Returns:
        Exit status: 0 after a signal, 2 for a wrong setting, 1 for a failure.

    Raises:
        SystemExit: A flag is wrong (status 2), or help was asked for (0).
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    flags = parse_flags(settings_class, arguments, program=program or f"python -m services.{settings_class.table}")
    try:
        settings = load(settings_class, **flags)
        configure_logging(settings.log_level)
        end = threading.Timer(settings.shutdown_grace + CLOSE_SECONDS, _end_anyway)
        end.daemon = True
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(_serve(make_service(settings), settings, on_stop=end.start))
        finally:
            end.cancel()
    except ConfigurationError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except NeuroSyncError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def configure_logging(level: str) -> None:
    """Log to standard error, in the format that all services share."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )


async def _serve(service: Service, settings: ServerSettings, *, on_stop: Callable[[], object]) -> None:
    """Serve until SIGTERM or Ctrl-C, then call `on_stop` and drain; a second signal ends the process at once."""
    stop = stop_on_signal()
    if settings.exit_with_parent:
        _stop_with_parent(stop)
    async with running(service, settings) as server:
        waiting = asyncio.create_task(stop.wait(), name="wait for a signal")
        await asyncio.wait({waiting, server.warm}, return_when=asyncio.FIRST_COMPLETED)
        if server.warm.done():
            server.warm.result()  # raises if warming up failed, which ends the process
            _freeze_objects()
        await waiting
        on_stop()


def _freeze_objects() -> None:
    """Exclude all objects loaded so far from garbage collection, which keeps later collections short."""
    gc.collect()
    gc.freeze()


def _stop_with_parent(stop: asyncio.Event) -> None:
    """Set `stop` when standard input is closed, as happens whenever the parent process ends."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):  # not sys.stdin.read: it would hold a lock at exit
            pass
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="wait for the parent", daemon=True).start()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the factory of uvloop, which passes messages about 10 % faster; None on Windows, which lacks it."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _end_anyway() -> None:
    """Exit although something still runs, such as a thread that loads a model and cannot be cancelled."""
    logger.error("did not stop in time; ending")
    logging.shutdown()
    os._exit(1)
