"""Statistics of Live Link datagrams that arrive: rate, gaps, timecodes and curves of each subject.

Takes bytes and times of arrival; has no socket and no clock of its own.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX
from services.media.livelink import DAY_SECONDS, Datagram, LiveLinkError, decode

RECENT_SECONDS = 2.0  # over which the present rate is measured; longer: steadier figures, shorter: a stall shows sooner
MAX_GAPS = 36_000  # ten minutes at 60 Hz that the percentiles are taken over; more costs memory and changes little
MAX_REASONS = 20  # why datagrams were refused; noise may be refused for any number of reasons
MAX_SUBJECTS = 64
ACTIVITY_FADE = 0.97  # a frame; of 60 Hz half is forgotten in 0.4 s. Nearer 1: bars stay longer after they moved

Values = npt.NDArray[np.float32]


@dataclass
class SubjectArrivals:
    """What arrived for one Live Link subject."""

    datagram: Datagram
    """The newest one."""
    accepted_count: int = 0
    gaps: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_GAPS))
    """Seconds between neighbours."""
    max_gap: float = 0.0
    """Seconds, of all gaps ever."""
    backwards_count: int = 0
    """Times that a timecode was earlier than the one before it."""
    bad_rate_count: int = 0
    """Datagrams whose frame rate is not above 0, so that they have no time."""
    not_finite_count: int = 0
    """Datagrams with a curve that is no number."""
    activity: Values = field(default_factory=lambda: np.zeros(CURVE_COUNT, np.float32))
    """How much each curve moved lately, shape (61,)."""
    lowest: Values = field(default_factory=lambda: np.full(CURVE_COUNT, np.inf, np.float32))
    """Least value of each curve, shape (61,)."""
    highest: Values = field(default_factory=lambda: np.full(CURVE_COUNT, -np.inf, np.float32))
    first_at: float = 0.0
    last_at: float = 0.0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    def add(self, datagram: Datagram, now: float) -> None:
        """Take the next datagram, which arrived at `now` (seconds on any clock that only grows)."""
        if self.accepted_count:
            gap = now - self.last_at
            self.gaps.append(gap)
            self.max_gap = max(self.max_gap, gap)
            self._compare_times(datagram)
        else:
            self.first_at = now
        values = datagram.values
        if not np.isfinite(values).all():
            self.not_finite_count += 1
            values = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=-1.0)
        if seconds_of_day(datagram) is None:
            self.bad_rate_count += 1
        self.activity = ACTIVITY_FADE * self.activity + np.abs(values - np.nan_to_num(self.datagram.values))
        self.lowest, self.highest = np.minimum(self.lowest, values), np.maximum(self.highest, values)
        self.datagram, self.last_at = datagram, now
        self.accepted_count += 1
        self._recent.append(now)

    def rate(self) -> float:
        """Return datagrams a second since the first; 0 before the second."""
        span = self.last_at - self.first_at
        return (self.accepted_count - 1) / span if span > 0 else 0.0

    def rate_now(self, now: float) -> float:
        """Return datagrams a second over the last seconds; 0 once nothing came for a while."""
        while self._recent and self._recent[0] < now - RECENT_SECONDS:
            self._recent.popleft()
        span = self.last_at - self._recent[0] if self._recent else 0.0
        return (len(self._recent) - 1) / span if span > 0 else 0.0

    def gap(self, share: float) -> float:
        """Return the gap, in seconds, that `share` (0 to 1) of the gaps do not exceed; 0 where there is none."""
        return float(np.quantile(np.fromiter(self.gaps, float), share)) if self.gaps else 0.0

    def jitter(self) -> float:
        """Return by how many seconds the gaps stray from their mean, root mean square; 0 where there is none."""
        return float(np.std(np.fromiter(self.gaps, float))) if self.gaps else 0.0

    def most_active(self, count: int) -> list[str]:
        """Return the names of up to `count` curves that moved most of late, the most active first."""
        order = np.argsort(-self.activity, kind="stable")[:count]
        return [CURVE_NAMES[index] for index in order if self.activity[index] > 1e-4]

    def summary(self) -> dict[str, object]:
        """Return everything as a table; times in milliseconds."""
        gaps = {"p50": self.gap(0.5), "p99": self.gap(0.99), "max": self.max_gap}
        return {
            "accepted_count": self.accepted_count,
            "rate_hertz": round(self.rate(), 3),
            "gap_ms": {name: round(1000 * seconds, 3) for name, seconds in gaps.items()},
            "jitter_ms": round(1000 * self.jitter(), 3),
            "timecode": timecode_text(self.datagram),
            "timecode_rate": "{}/{}".format(*self.datagram.rate),
            "timecode_backwards_count": self.backwards_count,
            "bad_rate_count": self.bad_rate_count,
            "not_finite_count": self.not_finite_count,
            "moving_curve_count": int(np.count_nonzero(self.highest > self.lowest)),
            "jaw_open_max": round(float(self.highest[INDEX["JawOpen"]]), 4),
            "device_id": self.datagram.device_id,
        }

    def _compare_times(self, datagram: Datagram) -> None:
        before, after = seconds_of_day(self.datagram), seconds_of_day(datagram)
        if before is not None and after is not None and (after - before) % DAY_SECONDS > DAY_SECONDS / 2:
            self.backwards_count += 1  # a step forward over midnight is small once the days are taken out


class Arrivals:
    """Everything that arrived at one port."""

    def __init__(self, subject: str | None = None) -> None:
        """Take what is for `subject`; None takes all."""
        self._only = subject
        self.subjects: dict[str, SubjectArrivals] = {}
        """By Live Link name, in the order they appeared."""
        self.refused: Counter[str] = Counter()
        """Datagrams that Unreal would drop, by reason."""
        self.others: Counter[str] = Counter()
        """Datagrams of other subjects, by subject."""

    def add(self, data: bytes, now: float) -> None:
        """Take the bytes of a datagram that arrived at `now`, in seconds on any clock that only grows."""
        try:
            datagram = decode(data)
        except LiveLinkError as error:
            _count(self.refused, str(error), MAX_REASONS)
            return
        subject = datagram.subject
        if self._only is not None and subject != self._only:
            _count(self.others, subject, MAX_SUBJECTS)
            return
        if subject not in self.subjects:
            if len(self.subjects) == MAX_SUBJECTS:
                _count(self.others, subject, MAX_SUBJECTS)
                return
            self.subjects[subject] = SubjectArrivals(datagram)
        self.subjects[subject].add(datagram, now)

    @property
    def accepted_count(self) -> int:
        """Datagrams that were taken."""
        return sum(subject.accepted_count for subject in self.subjects.values())

    @property
    def refused_count(self) -> int:
        """Datagrams that Unreal would drop."""
        return self.refused.total()

    @property
    def good(self) -> bool:
        """Whether something came, and Unreal would have taken all of it."""
        return self.accepted_count > 0 and not self.refused

    def summary(self) -> dict[str, object]:
        """Return everything as a table."""
        return {
            "accepted_count": self.accepted_count,
            "refused_count": self.refused_count,
            "refused": dict(self.refused),
            "other_subjects": dict(self.others),
            "subjects": {name: subject.summary() for name, subject in self.subjects.items()},
        }


def seconds_of_day(datagram: Datagram) -> float | None:
    """Return the timecode in seconds since midnight; None if its rate is not above 0."""
    numerator, denominator = datagram.rate
    if numerator <= 0 or denominator <= 0 or not np.isfinite(datagram.sub_frame):
        return None
    return (datagram.frame + datagram.sub_frame) * denominator / numerator


def timecode_text(datagram: Datagram) -> str:
    """Return the timecode as HH:MM:SS:FF, non-drop where the rate is not whole (29.97 Hz counts 30 frames a second)."""
    if seconds_of_day(datagram) is None or datagram.frame < 0:
        return "--:--:--:--"
    seconds, frame = divmod(datagram.frame, max(1, round(Fraction(*datagram.rate))))
    return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frame:02}"


def _count(counter: Counter[str], name: str, most: int) -> None:
    """Count `name`, or, once there are `most` others, all further ones together."""
    counter[name if name in counter or len(counter) < most else "others"] += 1
