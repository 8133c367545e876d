"""The device clock over exact, jittery, wild and stepping reports."""

from __future__ import annotations

import math
import random

import pytest

from services.player.timeline.clock import DeviceClock


def test_a_clock_without_reports_is_exact() -> None:
    clock = DeviceClock(48_000, origin=100.0)
    assert clock.time_of(48_000) == pytest.approx(101.0, abs=1e-9)
    assert all(clock.sample_at(clock.time_of(sample)) == sample for sample in range(0, 10**9, 7_654_321))


def report(
    clock: DeviceClock, seconds: float, *, rate: float, jitter: float, start: int = 0, at: float = 50.0
) -> float:
    """Report blocks of 480 samples of a device that runs at `rate`; return the worst error of the last quarter."""
    random.seed(1)
    worst = 0.0
    blocks = int(seconds * rate / 480)
    for block in range(blocks):
        sample = start + block * 480
        true = at + (sample - start) / rate
        clock.observe(sample, true + random.uniform(-jitter, jitter))
        if block > blocks * 3 // 4:
            worst = max(worst, abs(clock.time_of(sample) - true))
    return worst


def test_a_clock_follows_a_device_that_is_off_through_jitter() -> None:
    clock = DeviceClock(48_000)
    assert report(clock, 60, rate=48_000 * 1.0002, jitter=0.003) < 0.001
    assert clock.locked


def test_a_clock_follows_no_report_before_it_has_locked() -> None:
    clock = DeviceClock(48_000)
    clock.observe(0, 10.0)  # the quirk: the first callback a second early, without latency
    report(clock, 0.3, rate=48_000, jitter=0, start=480, at=10.9)
    assert not clock.locked
    assert report(clock, 2, rate=48_000, jitter=0, start=480 + 14_400, at=11.2) < 1e-6
    assert clock.locked


def test_single_outliers_are_ignored() -> None:
    clock = DeviceClock(48_000)
    report(clock, 5, rate=48_000, jitter=0)
    before = clock.time_of(10**6)
    clock.observe(5 * 48_000, 0.0)
    clock.observe(5 * 48_000 + 480, math.pi)
    assert clock.time_of(10**6) == before


def test_a_clock_follows_the_step_of_a_dry_device_at_once() -> None:
    explicit, guessing = DeviceClock(48_000), DeviceClock(48_000)
    for clock in (explicit, guessing):
        report(clock, 5, rate=48_000, jitter=0.001)
    for block in range(2):
        sample = 5 * 48_000 + block * 480
        explicit.observe(sample, 50 + sample / 48_000 + 0.02, is_dry=block == 0)
        guessing.observe(sample, 50 + sample / 48_000 + 0.02)
    assert explicit.time_of(6 * 48_000) == pytest.approx(56.02, abs=0.002)
    assert guessing.time_of(6 * 48_000) == pytest.approx(56.0, abs=0.002)


def test_a_clock_jumps_when_the_device_has_paused() -> None:
    clock = DeviceClock(48_000)
    report(clock, 5, rate=48_000, jitter=0)
    assert report(clock, 5, rate=48_000, jitter=0, start=5 * 48_000, at=60.0) < 1e-6
