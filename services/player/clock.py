"""The device's samples on the line of monotonic time: a delay-locked loop over jittery reports."""

from __future__ import annotations

import math

BANDWIDTH = 0.2  # Hz; wider follows the device faster and passes more jitter on to the face, narrower the reverse
RATE_TOLERANCE = 0.005  # of the nominal rate; real devices are off by less than 0.0003
OUTLIER_SECONDS = 0.05  # a report this far off is not jitter
OUTLIERS_TO_JUMP = 20  # that many in a row: the device was paused or re-routed, so the clock begins anew
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
        self._reports = 0
        self._outliers = 0
        self._settling_since = math.inf
        self.settled = False
        """True once reports are believed."""

    def observe(self, sample: int, at: float) -> None:
        """Take a report: `sample` will be at the ear at time `at`.

        The first callback of a stream may come a second before the second one, and claim no latency at all, so nothing
        is believed until `SETTLE_REPORTS` reports and `SETTLE_SECONDS` after the second.
        """
        if not self.settled:
            self._settle(sample, at)
            return
        predicted = self.time_of(sample)
        error = at - predicted
        if abs(error) > OUTLIER_SECONDS:
            self._outliers += 1
            if self._outliers >= OUTLIERS_TO_JUMP:
                self._anchor(sample, at)
            return
        self._outliers = 0
        step = sample - self._sample
        if step <= 0:
            return
        omega = 2 * math.pi * BANDWIDTH * step * self._nominal
        period = self._period + omega * omega * error / step
        limit = RATE_TOLERANCE * self._nominal
        self._period = min(max(period, self._nominal - limit), self._nominal + limit)
        self._time = predicted + min(1.0, math.sqrt(2) * omega) * error
        self._sample = sample

    def time_of(self, sample: int) -> float:
        """Return when `sample` is at the ear, in seconds of monotonic time."""
        return self._time + (sample - self._sample) * self._period

    def sample_at(self, now: float) -> int:
        """Return the last sample that is at the ear at `now`."""
        return self._sample + math.floor((now - self._time) / self._period + 1e-3)  # a tick's own time finds the tick

    def _settle(self, sample: int, at: float) -> None:
        self._reports += 1
        if self._reports == 2:
            self._settling_since = at
        believed = self._reports >= SETTLE_REPORTS and at - self._settling_since >= SETTLE_SECONDS
        self._anchor(sample, at)
        self.settled = believed

    def _anchor(self, sample: int, at: float) -> None:
        self._sample, self._time, self._period = sample, at, self._nominal
        self._outliers = 0
