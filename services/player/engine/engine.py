"""One look at the world: what is due is sent, what was asked is done, what comes next is planned and rendered.

`Engine.step(now)` does all of it for one moment, so the player's thread is a loop around it, and a test is one as well.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable

from services.player.audio.output_device import AudioOutput, JoiningOutput, NoOutput
from services.player.audio.reconnect import LATE_PAUSES, Seeker
from services.player.engine.frame_sender import Outgoing, Ready
from services.player.engine.frame_sender import Sent as Sent
from services.player.engine.performer import Performer
from services.player.frame_outputs.livelink_udp import Sink
from services.player.timeline.ticks import TICK_RATE

logger = logging.getLogger(__name__)

LATENESS_TICKS = 3600  # a minute
PATIENCE_SECONDS = 1.5 / TICK_RATE  # without a tick of the device, before the face goes on by itself
MAX_COMMANDS = 1024  # waiting for the next step; each stream has one or two, so more is a flood
PREPARE_SECONDS = 0.01  # before a tick is due, its faces may be made; earlier: what is asked meanwhile is not in them
COMMAND_SECONDS = 0.002  # for requests in one step; longer: a flood of them holds up face and sound, shorter: it lasts


class Engine:
    """The player's only writer: everything but the audio callback happens in `step`, on one thread."""

    def __init__(
        self,
        performer: Performer,
        output: AudioOutput,
        sinks: list[Sink],
        *,
        clock: Callable[[], float],
        wall_offset: Callable[[], float],
        renderer_offset: float = 0.0,
        reopen: Callable[[], JoiningOutput] | None = None,
    ) -> None:
        """Join the parts.

        Args:
            performer: Subjects and turns; its grid is the output's.
            output: The device, or none; already started.
            sinks: Where datagrams go.
            clock: Monotonic time, read only to measure how late a datagram was and how long requests take.
            wall_offset: Seconds from monotonic time to local time of day (any day); later steps back are ignored.
            renderer_offset: Seconds by which the face is sent before its sound is heard.
            reopen: Opens a device that was lost, or that was not there at the start (see `Seeker`), in a thread of
                its own; None: the output stays as it is.
        """
        self.performer = performer
        self.output = output
        self.outgoing = Outgoing(sinks, wall_offset)
        self.commands: deque[Callable[[], object]] = deque()
        """Appended to by any thread, run by `step`; they do not raise. `Pacer.call` bounds them."""
        self.on_sent: Callable[[list[Sent]], None] | None = None
        """Told of the frames of each tick."""
        self.tick_count = 0
        self.skipped_count = 0
        self.lateness: deque[float] = deque(maxlen=LATENESS_TICKS)
        """Seconds by which each datagram was late."""
        self._clock = clock
        self.renderer_offset = renderer_offset
        """Seconds by which the face is sent before its sound is heard."""
        self.lost_count = 0
        """Times that the device was lost."""
        self.underrun_count = 0
        """Times that devices ran dry which were lost since."""
        self._reopen = reopen
        self._seeker = Seeker(reopen, LATE_PAUSES) if reopen and output.kind == "none" else None
        self._last_due = math.inf  # the first tick is the device's
        self._extra_ticks = 0
        self._ready: Ready | None = None

    def step(self, now: float) -> float:
        """Do what is due at monotonic time `now`; return when to look again."""
        taken = self.output.update(now)
        if self.output.lost:
            taken = self._replace_output(taken, now)
        elif self._seeker and (found := self._seeker.take()):
            taken = self._return_to(found, now)
        output, performer = self.output, self.performer
        self._send_due(taken, now)
        performer.commit = max(performer.commit, taken + output.margin)  # what is asked now changes nothing earlier
        self._run_commands()
        ear = min(output.sample_at(now), taken - 1)
        performer.advance(taken + output.margin, ear, now, output.time_of)
        due = self._due(performer.next_tick)
        patience = self._last_due + PATIENCE_SECONDS
        if self.commands:
            return now
        return min(patience, due if due > now else now + 1 / TICK_RATE)

    def prepare(self, now: float) -> None:
        """Make the faces of the next tick, if it is near, so that nothing but sending is left when it is due."""
        tick = self.performer.next_tick
        due = self._due(tick)
        if self._ready is None and now < due < now + PREPARE_SECONDS and not self.commands:
            self._ready = self._make_ready(tick, due)

    def close(self) -> None:
        """Let device and sockets go."""
        if self._seeker:
            self._seeker.close()
        self.output.close()
        self.outgoing.close()

    def _run_commands(self) -> None:
        """Do what was asked; what takes too long is left for the next step."""
        until = self._clock() + COMMAND_SECONDS
        for _ in range(len(self.commands)):
            self.commands.popleft()()
            self._ready = None  # it may look otherwise now
            if self._clock() > until:
                return

    def _due(self, tick: int) -> float:
        return self.output.time_of(self.performer.grid.sample(tick)) - self.renderer_offset

    def _send_due(self, taken: int, now: float) -> None:
        """Send the newest tick that is due; older ones are skipped, never sent in a burst.

        A sample that was not taken cannot be heard, so a device that pauses takes the turns along. The face goes on:
        its ticks are counted on, and from then on differ from the device's by `_extra_ticks`.
        """
        performer = self.performer
        ahead = round(self.renderer_offset * performer.grid.sample_rate)
        tick = performer.grid.tick(min(self.output.sample_at(now), taken - 1) + ahead)
        if tick >= performer.next_tick:
            if self.tick_count:
                self.skipped_count += tick - performer.next_tick
            ready = self._ready
            if ready is None or (ready.tick, ready.life) != (tick, tick + self._extra_ticks):
                ready = self._make_ready(tick, self._due(tick))
            performer.next_tick = tick + 1
            self._send(ready)
            self.lateness.append(self._clock() - ready.due)
        elif now >= self._last_due + PATIENCE_SECONDS:
            self._extra_ticks += 1
            tick = performer.next_tick - 1
            due = max(self._last_due + 1 / TICK_RATE, now - PATIENCE_SECONDS + 1 / TICK_RATE)
            faces = performer.show_pause(tick + self._extra_ticks)
            self._send(self.outgoing.make_ready(tick, tick + self._extra_ticks, faces, due, performer.subjects))

    def _make_ready(self, tick: int, due: float) -> Ready:
        """Return the faces of a tick of the device, encoded."""
        life = tick + self._extra_ticks
        faces = self.performer.show(tick, life)
        return self.outgoing.make_ready(tick, life, faces, due, self.performer.subjects)

    def _send(self, ready: Ready) -> None:
        self.outgoing.send(ready)
        self.tick_count += 1
        self._last_due, self._ready = ready.due, None
        if self.on_sent:
            self.on_sent(ready.frames)

    def _replace_output(self, taken: int, now: float) -> int:
        """Go on without the device, from the last sample that was heard; return how many count as taken."""
        lost = self.output
        message = f"the sound device {lost.name!r} has stopped; the face goes on without sound"
        logger.warning("device lost name=%s", lost.name)
        origin = now - min(lost.sample_at(now), taken - 1) / lost.sample_rate
        self.output = NoOutput(lost.sample_rate, origin=origin, message=message)
        self.lost_count += 1
        self.underrun_count += lost.underrun_count
        self.performer.lose_device(taken, message)
        lost.close()
        if self._reopen:
            self._seeker = Seeker(self._reopen)
        return self.output.update(now)

    def _return_to(self, device: JoiningOutput, now: float) -> int:
        """Go on with a device that is back, without a step in time; return how many samples count as taken."""
        logger.warning("device back name=%s", device.name)
        device.join(self.performer.tape, self.output.sample_at(now), now)
        self.output.close()
        self.output, self._seeker = device, None
        taken = device.update(now)
        self.performer.find_device(taken, f"the sound device {device.name!r} plays")
        return taken
