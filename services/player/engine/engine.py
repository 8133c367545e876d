"""The engine of one output: each step sends what is due, runs requests, and plans and renders what comes next.

`Engine.step(now)` does all of it for one moment: the player's thread calls it in a loop, and so do tests.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable

from services.player.audio.null_device import NullDevice
from services.player.audio.output_device import OutputDevice, ReopenedDevice
from services.player.audio.reconnect import LATE_PAUSES, Reconnector
from services.player.engine.frame_sender import FrameSender, PreparedFrames, SentFrame
from services.player.engine.performer import Performer
from services.player.frame_outputs.frame_output import FrameOutput
from services.player.timeline.ticks import TICK_RATE

logger = logging.getLogger(__name__)

LATENESS_TICKS = 3600  # a minute
DEVICE_WAIT_SECONDS = 1.5 / TICK_RATE  # without a tick of the device, before the face goes on by itself
PREPARE_SECONDS = 0.01  # before a tick is due, its frames may be made; earlier: later requests do not show in them
COMMAND_SECONDS = 0.002  # for requests in one step; longer: a flood delays face and sound, shorter: it lasts longer


class Engine:
    """The player's only writer: everything but the audio callback happens in `step`, on one thread."""

    def __init__(
        self,
        performer: Performer,
        output: OutputDevice,
        frame_outputs: list[FrameOutput],
        *,
        clock: Callable[[], float],
        wall_offset: Callable[[], float],
        renderer_offset: float = 0.0,
        reopen: Callable[[], ReopenedDevice] | None = None,
    ) -> None:
        """Make an engine.

        Args:
            performer: Characters and turns; its ticks are those of the output.
            output: The device, or none; already started.
            frame_outputs: Where frames are sent.
            clock: Monotonic time, read only to measure how late frames were and how long requests take.
            wall_offset: Seconds from monotonic time to local time of day (any day); later steps back are ignored.
            renderer_offset: Seconds by which the face is sent before its sound is heard.
            reopen: Opens a device that was lost, or that was not there at the start (see `Reconnector`), in a thread of
                its own; None: the output stays as it is.
        """
        self.performer = performer
        self.output = output
        self.frame_sender = FrameSender(frame_outputs, wall_offset)
        self.commands: deque[Callable[[], object]] = deque()
        """Requests of other threads, run by `step`; they must not raise. `Pacer.call` bounds how many wait."""
        self.on_sent: Callable[[list[SentFrame]], None] | None = None
        """Receives the frames of each tick, on this thread."""
        self.tick_count = 0
        self.skipped_count = 0
        self.lateness: deque[float] = deque(maxlen=LATENESS_TICKS)
        """Seconds by which the frames of each tick were late."""
        self._clock = clock
        self.renderer_offset = renderer_offset
        """Seconds by which the face is sent before its sound is heard."""
        self.lost_count = 0
        """Times that the device was lost."""
        self.underrun_count = 0
        """Underruns of devices that have been lost."""
        self._reopen = reopen
        self._reconnector = Reconnector(reopen, LATE_PAUSES) if reopen and output.kind == "none" else None
        self._last_due = math.inf  # the first tick is the device's
        self._extra_ticks = 0
        self._ready: PreparedFrames | None = None

    def step(self, now: float) -> float:
        """Do what is due at monotonic time `now`; return when to look again."""
        taken = self.output.update(now)
        if self.output.lost:
            taken = self._replace_output(taken, now)
        elif self._reconnector and (device := self._reconnector.take()):
            taken = self._return_to(device, now)
        output, performer = self.output, self.performer
        self._send_due(taken, now)
        performer.commit = max(performer.commit, taken + output.margin)  # requests can change nothing earlier
        self._run_commands()
        ear = min(output.sample_at(now), taken - 1)
        performer.advance(taken + output.margin, ear, now, output.time_of)
        due = self._due(performer.next_tick)
        pause = self._last_due + DEVICE_WAIT_SECONDS
        if self.commands:
            return now
        return min(pause, due if due > now else now + 1 / TICK_RATE)

    def prepare(self, now: float) -> None:
        """Make the frames of the next tick, if it is near, so that only sending is left when it is due."""
        tick = self.performer.next_tick
        due = self._due(tick)
        if self._ready is None and now < due < now + PREPARE_SECONDS and not self.commands:
            self._ready = self._prepare_tick(tick, due)

    def close(self) -> None:
        """Release device and sockets."""
        if self._reconnector:
            self._reconnector.close()
        self.output.close()
        self.frame_sender.close()

    def _run_commands(self) -> None:
        """Run requests; those that would take too long are left for the next step."""
        until = self._clock() + COMMAND_SECONDS
        for _ in range(len(self.commands)):
            self.commands.popleft()()
            self._ready = None  # the frames may look different now
            if self._clock() > until:
                return

    def _due(self, tick: int) -> float:
        return self.output.time_of(self.performer.ticks.sample(tick)) - self.renderer_offset

    def _send_due(self, taken: int, now: float) -> None:
        """Send the newest tick that is due; older ones are skipped, never sent in a burst.

        A sample that was not taken cannot be heard, so the turns pause with the device. The face goes on: its own ticks
        advance, and from then on differ from the device's by `_extra_ticks`.
        """
        performer = self.performer
        ahead = round(self.renderer_offset * performer.ticks.sample_rate)
        tick = performer.ticks.tick(min(self.output.sample_at(now), taken - 1) + ahead)
        if tick >= performer.next_tick:
            if self.tick_count:
                self.skipped_count += tick - performer.next_tick
            ready = self._ready
            if ready is None or (ready.tick, ready.life) != (tick, tick + self._extra_ticks):
                ready = self._prepare_tick(tick, self._due(tick))
            performer.next_tick = tick + 1
            self._send(ready)
            self.lateness.append(self._clock() - ready.due)
        elif now >= self._last_due + DEVICE_WAIT_SECONDS:
            self._extra_ticks += 1
            tick = performer.next_tick - 1
            due = max(self._last_due + 1 / TICK_RATE, now - DEVICE_WAIT_SECONDS + 1 / TICK_RATE)
            faces = performer.show_pause(tick + self._extra_ticks)
            self._send(self.frame_sender.prepare(tick, tick + self._extra_ticks, faces, due))

    def _prepare_tick(self, tick: int, due: float) -> PreparedFrames:
        """Return the faces of a tick of the device, encoded."""
        life = tick + self._extra_ticks
        faces = self.performer.show(tick, life)
        return self.frame_sender.prepare(tick, life, faces, due)

    def _send(self, ready: PreparedFrames) -> None:
        self.frame_sender.send()
        self.tick_count += 1
        self._last_due, self._ready = ready.due, None
        if self.on_sent:
            self.on_sent(ready.frames)

    def _replace_output(self, taken: int, now: float) -> int:
        """Go on without the lost device, from the last sample heard; return how many samples count as taken."""
        lost = self.output
        message = f"the sound device {lost.name!r} has stopped; the face goes on without sound"
        logger.warning("sound device lost name=%s", lost.name)
        origin = now - min(lost.sample_at(now), taken - 1) / lost.sample_rate
        self.output = NullDevice(lost.sample_rate, origin=origin, message=message)
        self.lost_count += 1
        self.underrun_count += lost.underrun_count
        self.performer.lose_device(taken, message)
        lost.close()
        if self._reopen:
            self._reconnector = Reconnector(self._reopen)
        return self.output.update(now)

    def _return_to(self, device: ReopenedDevice, now: float) -> int:
        """Go on with a device that is back, without a step in time; return how many samples count as taken."""
        logger.warning("sound device back name=%s", device.name)
        device.join(self.performer.buffer, self.output.sample_at(now), now)
        self.output.close()
        self.output, self._reconnector = device, None
        taken = device.update(now)
        self.performer.find_device(taken, f"the sound device {device.name!r} plays")
        return taken
