"""Statistics of datagrams that arrive."""

from __future__ import annotations

import numpy as np
import pytest

from services.cli.monitoring.arrivals import MAX_REASONS, MAX_SUBJECTS, Arrivals, seconds_of_day, timecode_text
from services.media.curves import INDEX
from services.media.livelink import DAY_SECONDS, decode
from tests.cli.datagrams import NOON, packet


def test_a_steady_sender_shows_its_rate_and_even_gaps() -> None:
    arrivals = Arrivals()
    for index in range(121):
        arrivals.add(packet(NOON + index, JawOpen=index / 200), now=5 + index / 60)
    ada = arrivals.subjects["Ada"]
    assert arrivals.good
    assert ada.rate() == pytest.approx(60)
    assert ada.rate_now(now=7.0) == pytest.approx(60)
    assert ada.summary() == {
        "accepted_count": 121,
        "rate_hertz": 60.0,
        "gap_ms": {"p50": 16.667, "p99": 16.667, "max": 16.667},
        "jitter_ms": 0.0,
        "timecode": "12:00:02:00",
        "timecode_rate": "60/1",
        "timecode_backwards_count": 0,
        "bad_rate_count": 0,
        "not_finite_count": 0,
        "moving_curve_count": 1,
        "jaw_open_max": 0.6,
        "device_id": "device",
    }


def test_one_late_datagram_is_the_longest_gap_and_no_median() -> None:
    arrivals = Arrivals()
    for index in range(100):
        arrivals.add(packet(), now=index / 60 + (0.25 if index >= 50 else 0))
    gaps = arrivals.subjects["Ada"]
    assert gaps.gap(0.5) == pytest.approx(1 / 60)
    assert gaps.max_gap == pytest.approx(1 / 60 + 0.25)
    assert gaps.gap(0.99) < gaps.max_gap


def test_a_sender_that_stopped_has_no_rate_now() -> None:
    arrivals = Arrivals()
    for index in range(60):
        arrivals.add(packet(), now=index / 60)
    assert arrivals.subjects["Ada"].rate_now(now=1) > 50
    assert arrivals.subjects["Ada"].rate_now(now=10) == 0
    assert arrivals.subjects["Ada"].rate() == pytest.approx(60)


def test_two_subjects_are_paced_each_by_itself() -> None:
    arrivals = Arrivals()
    for index in range(31):
        arrivals.add(packet(subject="Ada"), now=index / 60)
        arrivals.add(packet(subject="Bob"), now=index / 60 + 0.001)
    assert [subject.rate() for subject in arrivals.subjects.values()] == [pytest.approx(60), pytest.approx(60)]
    assert arrivals.accepted_count == 62


def test_a_timecode_that_goes_back_is_counted_and_midnight_is_not() -> None:
    arrivals = Arrivals()
    last = DAY_SECONDS * 60 - 1
    for frame in (last - 1, last, 0, 1, 0, 2):
        arrivals.add(packet(frame), now=0)
    arrivals.add(packet(2, sub_frame=0.5), now=0)
    arrivals.add(packet(2, sub_frame=0.25), now=0)
    assert arrivals.subjects["Ada"].backwards_count == 2


def test_what_unreal_drops_is_counted_by_its_reason() -> None:
    arrivals = Arrivals()
    good = packet()
    arrivals.add(b"short", now=0)
    arrivals.add(bytes([5]) + good[1:], now=0)
    arrivals.add(bytes([5]) + good[1:], now=0)
    assert arrivals.refused == {"expected at least 267 bytes, got 5": 1, "expected version 6, got 5": 2}
    assert not arrivals.good
    arrivals.add(good, now=0)
    assert (arrivals.accepted_count, arrivals.refused_count, arrivals.good) == (1, 3, False)


def test_noise_and_many_subjects_fill_no_memory() -> None:
    arrivals = Arrivals()
    for length in range(200):
        arrivals.add(bytes(length), now=0)
    assert arrivals.refused_count == 200
    assert len(arrivals.refused) == MAX_REASONS + 1
    assert arrivals.refused["others"] == 200 - MAX_REASONS
    for number in range(MAX_SUBJECTS + 10):
        arrivals.add(packet(subject=f"S{number}"), now=0)
    assert len(arrivals.subjects) == MAX_SUBJECTS
    assert arrivals.others.total() == 10


def test_only_the_subject_that_was_asked_for_counts() -> None:
    arrivals = Arrivals("Bob")
    arrivals.add(packet(subject="Ada"), now=0)
    assert (arrivals.good, arrivals.others) == (False, {"Ada": 1})
    arrivals.add(packet(subject="Bob"), now=0)
    assert arrivals.good


def test_rates_that_are_none_and_values_that_are_no_numbers_are_counted() -> None:
    arrivals = Arrivals()
    arrivals.add(packet(rate=(60, 0), JawOpen=0.5), now=0)
    arrivals.add(packet(JawOpen=float("nan")), now=0)
    arrivals.add(packet(JawOpen=0.25), now=0)
    ada = arrivals.subjects["Ada"]
    assert (ada.bad_rate_count, ada.not_finite_count, ada.backwards_count) == (1, 1, 0)
    assert ada.highest[INDEX["JawOpen"]] == 0.5
    assert np.isfinite(ada.activity).all()


@pytest.mark.parametrize(
    ("frame", "rate", "text"),
    [
        (NOON + 59, (60, 1), "12:00:00:59"),
        (3600 * 30 + 31, (30_000, 1001), "01:00:01:01"),
        (25, (24, 1), "00:00:01:01"),
        (7, (0, 1), "--:--:--:--"),
        (-1, (60, 1), "--:--:--:--"),
    ],
)
def test_timecode_is_hours_minutes_seconds_and_frames(frame: int, rate: tuple[int, int], text: str) -> None:
    assert timecode_text(decode(packet(frame, rate=rate))) == text


def test_time_of_day_is_exact_at_rates_that_are_not_whole() -> None:
    assert seconds_of_day(decode(packet(30_000, rate=(30_000, 1001)))) == 1001


def test_the_curves_that_move_most_come_first() -> None:
    arrivals = Arrivals()
    for index in range(60):
        arrivals.add(packet(JawOpen=index % 2, BrowInnerUp=0.1 * (index % 2), CheekPuff=0.7), now=index / 60)
    assert arrivals.subjects["Ada"].most_active(5) == ["JawOpen", "BrowInnerUp"]
