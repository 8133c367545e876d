"""All sound outputs of a player: one, unless the settings give characters outputs of their own.

Outputs share nothing: one that stalls or loses its device disturbs no other.
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
from services.player.audio.output_device import OutputDevice, ReopenedDevice
from services.player.engine.frame_sender import SentFrame
from services.player.engine.output_assignment import OutputAssignment, output_assignments
from services.player.engine.performer import Performer
from services.player.engine.recent_turns import REMEMBERED_TURNS, StoppedTurn
from services.player.engine.sound_output import SoundOutput, open_sound_output
from services.player.engine.status import joined, status_of
from services.player.face.composition import Recordings
from services.player.settings import PlayerSettings

logger = logging.getLogger(__name__)


class SoundOutputs:
    """Finds the output of a character or turn, and reaches all of them at once."""

    def __init__(
        self,
        settings: PlayerSettings,
        *,
        open_device: Callable[..., OutputDevice],
        reopen_device: Callable[..., ReopenedDevice],
    ) -> None:
        """Prepare the outputs of the settings; `open_device` and `reopen_device` will open the sound devices."""
        self._settings = settings
        options = {"latency": settings.latency, "channels": settings.channels, "volume": settings.volume}
        self._open_device = partial(open_device, **options)
        self._reopen_device = partial(reopen_device, **options)
        self._outputs: list[SoundOutput] = []
        self._started = self._closed = False
        self._lock = threading.Lock()  # `open` runs in a thread that goes on when whoever waits for it is cancelled
        self._turns: dict[str, SoundOutput] = {}  # the output of each recent turn, oldest first; for several outputs

    def open(self, recordings: Recordings) -> None:
        """Open sockets and devices, and bring the first characters to life: all of them, or none.

        Raises:
            UnavailableError: A device cannot be opened.
            ConfigurationError: A target is wrong.
        """
        settings = self._settings
        seed = secrets.randbits(32) if settings.seed is None else settings.seed
        assignments, opened = output_assignments(settings), dict[OutputAssignment, SoundOutput]()
        try:
            for assignment in sorted(assignments, key=_opens_last):
                opened[assignment] = open_sound_output(
                    assignment,
                    settings,
                    recordings,
                    seed=seed,
                    open_device=self._open_device,
                    reopen_device=self._reopen_device,
                )
        except BaseException:
            _release(opened.values())
            raise
        with self._lock:
            if not self._closed:
                self._outputs = [opened[assignment] for assignment in assignments]
                return
        _release(opened.values())

    def start(self, on_sent: Callable[[list[SentFrame]], None]) -> None:
        """Start the threads; `on_sent` receives the frames of each tick, on the thread of each output."""
        self._started = True
        for sound_output in self._outputs:
            sound_output.engine.on_sent = on_sent
            sound_output.pacer.start()
            device, names = sound_output.engine.output, ",".join(sound_output.assignment.assigned)
            of = f" subjects={names}" if names else ""
            logger.info("output started kind=%s device=%s rate=%d%s", device.kind, device.name, device.sample_rate, of)

    async def close(self) -> None:
        """Fade out what is heard, notify its senders, and release devices and sockets."""
        with self._lock:
            self._closed = True
            outputs, self._outputs = self._outputs, []
        if self._started:
            await asyncio.gather(*(output.close() for output in outputs))
        else:
            _release(outputs)

    def of(self, character: str) -> SoundOutput:
        """Return the output on which a character is, or would be, heard."""
        main, *others = self._all()
        return next((output for output in others if character in output.assignment.assigned), main)

    async def admit(self, turn_id: str, output: SoundOutput) -> None:
        """Record that a turn goes to `output`; a turn that is on the same output already is refused there.

        Raises:
            DuplicateError: A turn of this id is not over on another output.
        """
        if len(self._outputs) < 2:
            return
        before = self._turns.get(turn_id, output)
        in_use = before is not output and await before.call(before.performer.has, turn_id)
        if in_use or self._turns.get(turn_id, before) is not before:  # or one like it was admitted meanwhile
            raise DuplicateError(f"turn {turn_id} is in use")
        self._turns.pop(turn_id, None)
        self._turns[turn_id] = output
        if len(self._turns) > REMEMBERED_TURNS:
            del self._turns[next(iter(self._turns))]

    async def stop_turn(self, turn_id: str, fade: float) -> list[StoppedTurn]:
        """Fade out one turn over `fade` seconds; one that has not come will be refused on every output."""
        return await self._stop(lambda performer: performer.stop_turn(turn_id, fade))

    async def stop_character(self, name: str, fade: float) -> list[StoppedTurn]:
        """Fade out every turn of one character over `fade` seconds."""
        output = self.of(name)
        return await output.call(output.performer.stop_character, name, fade)

    async def stop_everything(self, fade: float) -> list[StoppedTurn]:
        """Fade out every turn over `fade` seconds."""
        return await self._stop(lambda performer: performer.stop_everything(fade))

    async def status(self) -> pb.GetStatusResponse:
        """Return the state of all outputs together."""
        now, outputs = time.monotonic(), self._all()
        statuses = await asyncio.gather(*(output.call(status_of, output.engine, now) for output in outputs))
        return joined(statuses, [output.assignment.assigned for output in outputs], self._settings.subjects)

    async def _stop(self, stop: Callable[[Performer], list[StoppedTurn]]) -> list[StoppedTurn]:
        """Stop on all outputs at once."""
        stopped = await asyncio.gather(*(output.call(stop, output.performer) for output in self._all()))
        return [turn for turns in stopped for turn in turns]

    def _all(self) -> list[SoundOutput]:
        """Return the outputs, the main one first.

        Raises:
            UnavailableError: They are closed.
        """
        if not self._outputs:
            raise UnavailableError("the player is shutting down")
        return self._outputs


def _opens_last(assignment: OutputAssignment) -> bool:
    """Return whether an output takes any device that the others leave."""
    return assignment.output == "auto"


def _release(outputs: Iterable[SoundOutput]) -> None:
    """Close devices and sockets of outputs whose threads did not start."""
    for output in outputs:
        output.engine.close()
