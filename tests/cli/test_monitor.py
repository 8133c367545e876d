"""`neurosync monitor` on real sockets; its statistics with times that are handed in."""

from __future__ import annotations

import signal
import socket
import sys
import time

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from services.cli.monitoring.arrivals import MAX_REASONS, MAX_SUBJECTS, Arrivals, seconds_of_day, timecode_text
from services.cli.monitoring.monitor_view import live_picture, state_line, summary_lines
from services.cli.monitoring.udp_port import UdpPort
from services.common.errors import UnavailableError
from services.media.curves import CURVE_COUNT, INDEX
from services.media.livelink import DAY_SECONDS, LiveLinkEncoder, decode
from tests.cli.conftest import Command, Run, Start

NOON = 12 * 3600 * 60  # frames at 60 Hz


def pose(**curves: float) -> npt.NDArray[np.float32]:
    values = np.zeros(CURVE_COUNT, np.float32)
    for name, value in curves.items():
        values[INDEX[name]] = value
    return values


def packet(
    frame: int = NOON, *, subject: str = "Ada", sub_frame: float = 0.0, rate: tuple[int, int] = (60, 1), **curves: float
) -> bytes:
    return LiveLinkEncoder(subject, device_id="device").encode(
        pose(**curves), frame=frame, sub_frame=sub_frame, rate=rate
    )


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


def test_the_picture_and_the_texts_show_what_matters_and_no_control_characters() -> None:
    arrivals = Arrivals()
    arrivals.add(b"junk", now=0)
    for index in range(60):
        arrivals.add(
            packet(NOON + index, subject="Ada\x1b[2J", JawOpen=index / 60, TongueOut=index / 90), now=index / 60
        )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(live_picture(arrivals, "127.0.0.1:11111", 1, now=1))
    texts = [capture.get(), state_line(arrivals, 1, now=1), "\n".join(summary_lines(arrivals, 1))]
    for text in texts:
        assert "Ada?[2J" in text
        assert "\x1b" not in text
        assert "12:00:00:59" in text
        assert "60 accepted, 1 refused" in text
    assert all(name in texts[0] for name in ("JawOpen", "TongueOut", "+0.98", "█", "got 4"))


async def listening(command: Command) -> tuple[str, int]:
    host, _, port = (await command.told("listening on UDP")).split()[-1].rpartition(":")
    return host, int(port)


def send(address: tuple[str, int], *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, address)


async def test_frames_that_came_are_summed_up_for_scripts(start: Start) -> None:
    command = await start("monitor", "--port", 0, "--seconds", 1, "--json")
    send(await listening(command), *(packet(NOON + index, JawOpen=0.5) for index in range(30)))
    result = await command.end()
    assert result.status == 0
    assert (result.json["accepted_count"], result.json["refused"]) == (30, {})
    assert result.json["subjects"]["Ada"]["jaw_open_max"] == 0.5
    assert 0.9 < result.json["seconds"] < 5


async def test_one_refused_datagram_makes_the_status_1(start: Start) -> None:
    command = await start("monitor", "--port", 0, "--seconds", 0.5)
    send(await listening(command), packet(), b"junk")
    result = await command.end()
    assert result.status == 1
    assert "1 accepted, 1 refused" in result.out
    assert "refused 1 x: expected at least 267 bytes, got 4" in result.out


async def test_silence_makes_the_status_1_and_says_what_to_check(neurosync: Run) -> None:
    result = await neurosync("monitor", "--port", 0, "--seconds", 0.2)
    assert (result.status, result.out.split(" in ")[0]) == (1, "0 accepted, 0 refused")
    assert "Check that" in result.err
    assert "NEUROSYNC_PLAYER_TARGETS" in result.err


async def test_frames_for_others_are_named(start: Start) -> None:
    command = await start("monitor", "--port", 0, "--seconds", 0.5, "--subject", "Bob")
    send(await listening(command), packet(subject="Ada"))
    result = await command.end()
    assert result.status == 1
    assert "for other subjects: 'Ada'" in result.err


async def test_a_taken_port_is_a_clear_error(neurosync: Run) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Unreal does
        unreal.bind(("0.0.0.0", 0))
        port = unreal.getsockname()[1]
        result = await neurosync("monitor", "--port", port, "--seconds", 5)
    assert (result.status, result.out) == (1, "")
    assert f"error: cannot listen on UDP 127.0.0.1:{port}: " in result.err
    assert "If Unreal or another monitor is there" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process alone only on POSIX")
async def test_ctrl_c_ends_with_the_summary(start: Start) -> None:
    command = await start("monitor", "--port", 0)
    send(await listening(command), packet(), packet(NOON + 1))
    await command.told("2 accepted, 0 refused")
    command.process.send_signal(signal.SIGINT)
    result = await command.end()
    assert result.status == 0
    assert "subject Ada" in result.out
    assert "timecode       12:00:00:01 at 60 Hz, 0 times backwards" in result.out


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a datagram arrived")
def test_arrivals_are_stamped_when_they_arrive_not_when_they_are_read() -> None:
    with UdpPort("127.0.0.1", 0) as port:
        for _ in range(20):  # the system begins to stamp a moment after it was asked to
            before = port.now()
            send(("127.0.0.1", port.port), b"a")
            sent = port.now()
            time.sleep(0.05)  # the time that passes until somebody reads
            [(at, data)] = port.receive(1.0)
            assert data == b"a"
            if at <= sent + 0.005:
                break
    assert before - 0.001 <= at <= sent + 0.005


def test_a_host_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(UnavailableError, match=r"cannot listen on UDP 192\.0\.2\.1:11111"):
        UdpPort("192.0.2.1", 11111)
