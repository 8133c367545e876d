"""The device clock: maps the device's samples to monotonic time by a delay-locked loop over jittery reports.

The loop follows slow changes: the device's true rate, and its drift. A step (the device ran dry, paused, or was
re-routed) is no drift: once reports agree on it, the clock jumps there at once and keeps the rate.
"""

from __future__ import annotations

import math
import statistics
from collections import deque

BANDWIDTH = 0.2  # Hz; wider follows the device faster and passes more jitter on to the face, narrower the reverse
FIRST_BANDWIDTH = 2.0  # Hz, at first, while the rate is uncertain; narrows as 1 / time
RATE_TOLERANCE = 0.02  # of the nominal rate; real devices are off by less than 0.0003, virtual ones by 0.01
STEP_SECONDS = 0.004  # a report at least that far off is an outlier, or a step; below it is jitter
DRY_STEP_REPORTS = 2  # the same, right after the device reported that it ran dry
DRY_SECONDS = 0.2  # how long that counts
STEP_NOISE = 2.5  # the same, of the mean deviation of the reports: some devices jitter by more
NOISE_REPORTS = 64  # over which that mean is taken
OUTLIER_SECONDS = 0.05  # a report counts as that far off at most
STEP_REPORTS = 6  # that many in a row on one side: a step; more: followed later, fewer: jitter is taken for steps
LOCK_REPORTS = 40  # the first reports of a stream are wrong on some systems (see `DeviceClock.observe`)
LOCK_SECONDS = 0.4


class DeviceClock:
    """When a sample is at the listener's ear, and which sample is there at a time.

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
        self._outliers: deque[float] = deque(maxlen=STEP_REPORTS)
        self._dry_since = -math.inf
        self._locking_since = math.inf
        self.locked = False
        """True once the clock follows the reports."""
        self.step_count = 0
        """Times that the device's time jumped."""

    def observe(self, sample: int, at: float, *, is_dry: bool = False) -> None:
        """Take a report: `sample` will be at the ear at time `at`; `is_dry` if the device ran dry before it.

        The first callback of a stream may come a second before the second one, and claim no latency at all, so none is
        followed before `LOCK_REPORTS` of them have come and `LOCK_SECONDS` have passed since the second.
        """
        if not self.locked:
            self._lock_on(sample, at)
            return
        step = sample - self._sample
        if step <= 0:
            return
        if is_dry:
            self._dry_since = at
        predicted = self.time_of(sample)
        error = at - predicted
        self._noise += (min(abs(error), OUTLIER_SECONDS) - self._noise) / NOISE_REPORTS
        if abs(error) > max(STEP_SECONDS, STEP_NOISE * self._noise):
            self._note_outlier(error, DRY_STEP_REPORTS if at - self._dry_since < DRY_SECONDS else STEP_REPORTS)
        else:
            self._outliers.clear()
            self._follow(sample, predicted, error, step)

    def time_of(self, sample: float) -> float:
        """Return when `sample` is at the ear, in seconds of monotonic time."""
        return self._time + (sample - self._sample) * self._period

    def position_at(self, now: float) -> float:
        """Return the position at the ear at `now`, in samples and fractions of one."""
        return self._sample + (now - self._time) / self._period

    def sample_at(self, now: float) -> int:
        """Return the last sample that is at the ear at `now`."""
        return math.floor(self.position_at(now) + 1e-3)  # the time of a tick must find that tick, whatever the rounding

    def _follow(self, sample: int, predicted: float, error: float, step: int) -> None:
        """Adjust the clock a little towards a report; second order, so that a steady rate leaves no error."""
        elapsed = step * self._nominal
        self._age += elapsed
        bandwidth = max(BANDWIDTH, FIRST_BANDWIDTH / (1 + 2 * self._age))
        omega = min(2 * math.pi * bandwidth * elapsed, 0.5)
        period = self._period + omega * omega * error / step
        limit = RATE_TOLERANCE * self._nominal
        self._period = min(max(period, self._nominal - limit), self._nominal + limit)
        self._time = predicted + math.sqrt(2) * omega * error
        self._sample = sample

    def _note_outlier(self, error: float, needed: int) -> None:
        """Record a report that is no jitter; when `needed` in a row agree on the sign, jump to their median."""
        if self._outliers and (error > 0) != (self._outliers[-1] > 0):
            self._outliers.clear()
        self._outliers.append(error)
        if len(self._outliers) >= needed:
            self._time += statistics.median(self._outliers)
            self._outliers.clear()
            self.step_count += 1

    def _lock_on(self, sample: int, at: float) -> None:
        self._reports += 1
        if self._reports == 2:
            self._locking_since = at
        self._sample, self._time = sample, at
        self.locked = self._reports >= LOCK_REPORTS and at - self._locking_since >= LOCK_SECONDS
