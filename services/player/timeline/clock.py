"""The device's samples on the line of monotonic time: a delay-locked loop over jittery reports.

The loop follows slow changes: the device's true rate, and its drift. A step (the device ran dry, paused, or was
re-routed) is no drift: once reports agree on it, the line is moved there at once and the rate is kept.
"""

from __future__ import annotations

import math
import statistics
from collections import deque

BANDWIDTH = 0.2  # Hz; wider follows the device faster and passes more jitter on to the face, narrower the reverse
FIRST_BANDWIDTH = 2.0  # Hz, when the rate is not known yet; narrows as 1 / time
RATE_TOLERANCE = 0.02  # of the nominal rate; real devices are off by less than 0.0003, virtual ones by 0.01
STEP_SECONDS = 0.004  # a report at least that far off is a wild one, or a step; below it is jitter
DRY_STEP_REPORTS = 2  # the same, right after the device said that it ran dry
DRY_SECONDS = 0.2  # how long that counts
STEP_NOISE = 2.5  # the same, of the mean deviation of the reports: some devices jitter by more
NOISE_REPORTS = 64  # over which that mean is taken
WILD_SECONDS = 0.05  # a report counts as that far off at most
STEP_REPORTS = 6  # that many in a row on one side: a step; more: followed later, fewer: jitter passes for steps
SETTLE_REPORTS = 40  # the first reports of a stream are wrong on some systems (see `DeviceClock.observe`)
SETTLE_SECONDS = 0.4


class DeviceClock:
    """Tells when a sample is at the listener's ear, and which sample is there at a time.

    Without reports it is exact: sample 0 at `origin`, then the nominal rate.
    """

    def __init__(self, sample_rate: int, *, origin: float = 0.0) -> None:
        """Start with sample 0 at the ear at `origin` (seconds of monotonic time)."""
        self._nominal = 1.0 / sample_rate
        self._period = self._nominal
        self._sample = 0
        self._time = origin
        self._age = 0.0  # seconds that the loop has followed the device
        self._reports = 0
        self._noise = 0.0  # seconds, mean deviation
        self._strange: deque[float] = deque(maxlen=STEP_REPORTS)
        self._dry_since = -math.inf
        self._settling_since = math.inf
        self.settled = False
        """True once reports are believed."""
        self.step_count = 0
        """Times that the device's time jumped."""

    def observe(self, sample: int, at: float, *, is_dry: bool = False) -> None:
        """Take a report: `sample` will be at the ear at time `at`; `is_dry` if the device ran dry before it.

        The first callback of a stream may come a second before the second one, and claim no latency at all, so nothing
        is believed until `SETTLE_REPORTS` reports and `SETTLE_SECONDS` after the second.
        """
        if not self.settled:
            self._settle(sample, at)
            return
        step = sample - self._sample
        if step <= 0:
            return
        if is_dry:
            self._dry_since = at
        predicted = self.time_of(sample)
        error = at - predicted
        self._noise += (min(abs(error), WILD_SECONDS) - self._noise) / NOISE_REPORTS
        if abs(error) > max(STEP_SECONDS, STEP_NOISE * self._noise):
            self._note_strange(error, DRY_STEP_REPORTS if at - self._dry_since < DRY_SECONDS else STEP_REPORTS)
        else:
            self._strange.clear()
            self._follow(sample, predicted, error, step)

    def time_of(self, sample: float) -> float:
        """Return when `sample` is at the ear, in seconds of monotonic time."""
        return self._time + (sample - self._sample) * self._period

    def position_at(self, now: float) -> float:
        """Return what is at the ear at `now`, in samples and parts of one."""
        return self._sample + (now - self._time) / self._period

    def sample_at(self, now: float) -> int:
        """Return the last sample that is at the ear at `now`."""
        return math.floor(self.position_at(now) + 1e-3)  # a tick's own time finds the tick

    def _follow(self, sample: int, predicted: float, error: float, step: int) -> None:
        """Move the line a little towards a report; second order, so that a steady rate leaves no error."""
        elapsed = step * self._nominal
        self._age += elapsed
        bandwidth = max(BANDWIDTH, FIRST_BANDWIDTH / (1 + 2 * self._age))
        omega = min(2 * math.pi * bandwidth * elapsed, 0.5)
        period = self._period + omega * omega * error / step
        limit = RATE_TOLERANCE * self._nominal
        self._period = min(max(period, self._nominal - limit), self._nominal + limit)
        self._time = predicted + math.sqrt(2) * omega * error
        self._sample = sample

    def _note_strange(self, error: float, needed: int) -> None:
        """Take note of a report that is no jitter; when `needed` agree on the side, move the line to their middle."""
        if self._strange and (error > 0) != (self._strange[-1] > 0):
            self._strange.clear()
        self._strange.append(error)
        if len(self._strange) >= needed:
            self._time += statistics.median(self._strange)
            self._strange.clear()
            self.step_count += 1

    def _settle(self, sample: int, at: float) -> None:
        self._reports += 1
        if self._reports == 2:
            self._settling_since = at
        self._sample, self._time = sample, at
        self.settled = self._reports >= SETTLE_REPORTS and at - self._settling_since >= SETTLE_SECONDS
