"""All venues of a player: one for each output in use, so a single one unless the settings give subjects their own.

Venues share nothing: one that stalls or loses its device disturbs no other.
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
from services.common.errors import DuplicateError, UnavailableError
from services.player.audio.output_device import AudioOutput, JoiningOutput
from services.player.engine.engine import Sent
from services.player.engine.output_assignment import Route, routes_of
from services.player.engine.performer import REMEMBERED_TURNS, Performer, Stopped
from services.player.engine.sound_output import Venue, open_venue
from services.player.engine.status import joined, status_of
from services.player.face.composition import Recordings
from services.player.settings import PlayerSettings

logger = logging.getLogger(__name__)


class Venues:
    """Who asks for a subject is sent to its venue."""

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
        self._venues: list[Venue] = []
        self._started = self._closed = False
        self._lock = threading.Lock()  # `open` runs in a thread that goes on when whoever waits for it is cancelled
        self._turns: dict[str, Venue] = {}  # where each of the last turns went, oldest first; for several venues

    def open(self, recordings: Recordings) -> None:
        """Open sockets and devices, and bring the first faces to life: all of them, or none.

        Raises:
            UnavailableError: An output cannot be had.
            ConfigurationError: A target is wrong.
        """
        settings = self._settings
        seed = secrets.randbits(32) if settings.seed is None else settings.seed
        routes, opened = routes_of(settings), dict[Route, Venue]()
        try:
            for route in sorted(routes, key=lambda route: route.output == "auto"):  # which makes do with what is left
                opened[route] = open_venue(
                    route, settings, recordings, seed=seed, opens=self._opens, reopens=self._reopens
                )
        except BaseException:
            _let_go(opened.values())
            raise
        with self._lock:
            if not self._closed:
                self._venues = [opened[route] for route in routes]
                return
        _let_go(opened.values())

    def start(self, on_sent: Callable[[list[Sent]], None]) -> None:
        """Begin to perform; `on_sent` is told, on the thread of each venue, of the frames of each tick."""
        self._started = True
        for venue in self._venues:
            venue.engine.on_sent = on_sent
            venue.pacer.start()
            output, names = venue.engine.output, ",".join(venue.route.named)
            of = f" subjects={names}" if names else ""
            logger.info("alive output=%s device=%s rate=%d%s", output.kind, output.name, output.sample_rate, of)

    async def close(self) -> None:
        """Fade out what is heard, tell its senders, and let devices and sockets go."""
        with self._lock:
            self._closed = True
            venues, self._venues = self._venues, []
        if self._started:
            await asyncio.gather(*(venue.close() for venue in venues))
        else:
            _let_go(venues)

    def of(self, subject: str) -> Venue:
        """Return the venue on which a subject is, or would be, heard."""
        main, *others = self._all()
        return next((venue for venue in others if subject in venue.route.named), main)

    async def admit(self, turn_id: str, venue: Venue) -> None:
        """Take note that a turn goes to `venue`, which itself refuses one that it has already.

        Raises:
            DuplicateError: A turn of this id is not over on another venue.
        """
        if len(self._venues) < 2:
            return
        before = self._turns.get(turn_id, venue)
        in_use = before is not venue and await before.call(before.performer.has, turn_id)
        if in_use or self._turns.get(turn_id, before) is not before:  # or one like it was admitted meanwhile
            raise DuplicateError(f"turn {turn_id} is in use")
        self._turns.pop(turn_id, None)
        self._turns[turn_id] = venue
        if len(self._turns) > REMEMBERED_TURNS:
            del self._turns[next(iter(self._turns))]

    async def stop_turn(self, turn_id: str, fade: float) -> list[Stopped]:
        """Fade out one turn over `fade` seconds; one that has not come will be refused wherever it does."""
        return await self._stop(lambda performer: performer.stop_turn(turn_id, fade))

    async def stop_subject(self, name: str, fade: float) -> list[Stopped]:
        """Fade out every turn of one subject over `fade` seconds."""
        venue = self.of(name)
        return await venue.call(venue.performer.stop_subject, name, fade)

    async def stop_everything(self, fade: float) -> list[Stopped]:
        """Fade out every turn over `fade` seconds."""
        return await self._stop(lambda performer: performer.stop_everything(fade))

    async def status(self) -> pb.GetStatusResponse:
        """Return what all venues say about themselves."""
        now, venues = time.monotonic(), self._all()
        told = await asyncio.gather(*(venue.call(status_of, venue.engine, now) for venue in venues))
        return joined(told, [venue.route.named for venue in venues], self._settings.subjects)

    async def _stop(self, stop: Callable[[Performer], list[Stopped]]) -> list[Stopped]:
        """Stop on all venues at once."""
        stopped = await asyncio.gather(*(venue.call(stop, venue.performer) for venue in self._all()))
        return [turn for turns in stopped for turn in turns]

    def _all(self) -> list[Venue]:
        """Return the venues, the main one first.

        Raises:
            UnavailableError: They are closed.
        """
        if not self._venues:
            raise UnavailableError("the player shuts down")
        return self._venues


def _let_go(venues: Iterable[Venue]) -> None:
    """Close what was opened for venues that did not begin."""
    for venue in venues:
        venue.engine.close()
