"""All stages of a player: one for each output in use, so a single one unless the settings give subjects their own.

Stages share nothing: one that stalls or loses its device disturbs no other.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from neurosync.v1 import player_pb2 as pb
from services.errors import DuplicateError, UnavailableError
from services.player.engine import Sent
from services.player.face import Recordings
from services.player.output import AudioOutput, JoiningOutput
from services.player.performer import REMEMBERED_TURNS, Performer, Stopped
from services.player.routes import Route, routes_of
from services.player.settings import PlayerSettings
from services.player.stage import Stage, open_stage
from services.player.status import joined, status_of

logger = logging.getLogger(__name__)


class Stages:
    """Who asks for a subject is sent to its stage."""

    def __init__(
        self,
        settings: PlayerSettings,
        *,
        opens: Callable[..., AudioOutput],
        reopens: Callable[..., JoiningOutput],
    ) -> None:
        """Be what the settings say, once they are opened; `opens` and `reopens` open the sound devices."""
        self._settings = settings
        device = {"latency": settings.latency, "channels": settings.channels, "volume": settings.volume}
        self._opens = partial(opens, **device)
        self._reopens = partial(reopens, **device)
        self._stages: list[Stage] = []
        self._started = self._closed = False
        self._lock = threading.Lock()  # `open` runs in a thread that goes on when whoever waits for it is cancelled
        self._turns: dict[str, Stage] = {}  # where each of the last turns went, oldest first; for several stages

    def open(self, recordings: Recordings) -> None:
        """Open sockets and devices, and bring the first faces to life: all of them, or none.

        Raises:
            UnavailableError: An output cannot be had.
            ConfigurationError: A target is wrong.
        """
        settings = self._settings
        seed = secrets.randbits(32) if settings.seed is None else settings.seed
        routes, opened = routes_of(settings), dict[Route, Stage]()
        try:
            for route in sorted(routes, key=lambda route: route.output == "auto"):  # which makes do with what is left
                opened[route] = open_stage(
                    route, settings, recordings, seed=seed, opens=self._opens, reopens=self._reopens
                )
        except BaseException:
            _let_go(opened.values())
            raise
        with self._lock:
            if not self._closed:
                self._stages = [opened[route] for route in routes]
                return
        _let_go(opened.values())

    def start(self, on_sent: Callable[[list[Sent]], None]) -> None:
        """Begin to perform; `on_sent` is told, on the thread of each stage, of the frames of each tick."""
        self._started = True
        for stage in self._stages:
            stage.engine.on_sent = on_sent
            stage.pacer.start()
            output, names = stage.engine.output, ",".join(stage.route.named)
            of = f" subjects={names}" if names else ""
            logger.info("alive output=%s device=%s rate=%d%s", output.kind, output.name, output.sample_rate, of)

    async def close(self) -> None:
        """Fade out what is heard, tell its senders, and let devices and sockets go."""
        with self._lock:
            self._closed = True
            stages, self._stages = self._stages, []
        if self._started:
            await asyncio.gather(*(stage.close() for stage in stages))
        else:
            _let_go(stages)

    def of(self, subject: str) -> Stage:
        """Return the stage on which a subject is, or would be, heard."""
        main, *others = self._all()
        return next((stage for stage in others if subject in stage.route.named), main)

    async def admit(self, turn_id: str, stage: Stage) -> None:
        """Take note that a turn goes to `stage`, which itself refuses one that it has already.

        Raises:
            DuplicateError: A turn of this id is not over on another stage.
        """
        if len(self._stages) < 2:
            return
        before = self._turns.get(turn_id, stage)
        in_use = before is not stage and await before.call(before.performer.has, turn_id)
        if in_use or self._turns.get(turn_id, before) is not before:  # or one like it was admitted meanwhile
            raise DuplicateError(f"turn {turn_id} is in use")
        self._turns.pop(turn_id, None)
        self._turns[turn_id] = stage
        if len(self._turns) > REMEMBERED_TURNS:
            del self._turns[next(iter(self._turns))]

    async def stop_turn(self, turn_id: str, fade: float) -> list[Stopped]:
        """Fade out one turn over `fade` seconds; one that has not come will be refused wherever it does."""
        return await self._stop(lambda performer: performer.stop_turn(turn_id, fade))

    async def stop_subject(self, name: str, fade: float) -> list[Stopped]:
        """Fade out every turn of one subject over `fade` seconds."""
        stage = self.of(name)
        return await stage.call(stage.performer.stop_subject, name, fade)

    async def stop_everything(self, fade: float) -> list[Stopped]:
        """Fade out every turn over `fade` seconds."""
        return await self._stop(lambda performer: performer.stop_everything(fade))

    async def status(self) -> pb.GetStatusResponse:
        """Return what all stages say about themselves."""
        now, stages = time.monotonic(), self._all()
        told = await asyncio.gather(*(stage.call(status_of, stage.engine, now) for stage in stages))
        return joined(told, [stage.route.named for stage in stages], self._settings.subjects)

    async def _stop(self, stop: Callable[[Performer], list[Stopped]]) -> list[Stopped]:
        """Stop on all stages at once."""
        stopped = await asyncio.gather(*(stage.call(stop, stage.performer) for stage in self._all()))
        return [turn for turns in stopped for turn in turns]

    def _all(self) -> list[Stage]:
        """Return the stages, the main one first.

        Raises:
            UnavailableError: They are closed.
        """
        if not self._stages:
            raise UnavailableError("the player shuts down")
        return self._stages


def _let_go(stages: Iterable[Stage]) -> None:
    """Close what was opened for stages that did not begin."""
    for stage in stages:
        stage.engine.close()
