"""Datagrams: literal bytes, the reference's own packets, and an independent decoder."""

from __future__ import annotations

import importlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.media.curves import CURVE_COUNT
from services.media.livelink import LiveLinkEncoder, LiveLinkError, decode, timecode

livelink_receiver = importlib.import_module("tests.livelink_receiver")  # an outside program, without types
DEVICE = "d0f3a7c4-5b1e-11ef-9c2a-0242ac120002"
POSE = np.linspace(-1, 1, CURVE_COUNT, dtype=np.float32)


def test_a_datagram_is_these_bytes() -> None:
    values = np.zeros(CURVE_COUNT, np.float32)
    values[17] = 0.5
    data = LiveLinkEncoder("Zoë", device_id="ab").encode(values, frame=0x01020304, sub_frame=0.25)
    assert data[:32] == bytes.fromhex("06 00000002 6162 00000004 5a6fc3ab 01020304 3e800000 0000003c 00000001 3d")
    assert data[32:] == b"\0" * 68 + bytes.fromhex("3f000000") + b"\0" * 172


def golden() -> list[Any]:
    folder = os.environ.get("NEUROSYNC_REFERENCE_DIR")
    path = Path(folder or "/nowhere") / "golden" / "packets"
    if not path.is_dir():
        return [pytest.param(None, b"", marks=pytest.mark.skip(reason="NEUROSYNC_REFERENCE_DIR has no golden packets"))]
    packets = (path / "packets.bin").read_bytes()
    cases = json.loads((path / "packets.json").read_text())
    return [
        pytest.param(case, packets[case["offset"] : case["offset"] + case["length"]], id=case["case"]) for case in cases
    ]


@pytest.mark.parametrize(("case", "packet"), golden())
def test_a_datagram_equals_the_reference_but_for_the_time(case: dict[str, Any], packet: bytes) -> None:
    values = np.array(case["after_scaling"], np.float32)
    data = LiveLinkEncoder(case["name"], device_id=case["uuid"].removeprefix("$")).encode(
        values, frame=0, sub_frame=0.0
    )
    time = slice(45 + len(case["name"]), 53 + len(case["name"]))
    expected, actual = bytearray(packet), bytearray(data)
    expected[time] = actual[time] = bytes(8)
    assert actual == expected


def test_an_independent_decoder_reads_the_same() -> None:
    data = LiveLinkEncoder("Ada", device_id=DEVICE).encode(POSE, frame=123, sub_frame=0.75, rate=(30_000, 1001))
    seen = livelink_receiver.decode(data)
    assert (seen["device"], seen["subject"], seen["frame"], seen["sub_frame"]) == (DEVICE, "Ada", 123, 0.75)
    assert seen["rate"] == (30_000, 1001)
    assert np.array_equal(np.array(seen["values"], np.float32), POSE)


def test_one_buffer_serves_all_datagrams_of_a_subject() -> None:
    encoder = LiveLinkEncoder("Ada", device_id=DEVICE)
    first = encoder.fill(POSE, frame=1, sub_frame=0.5)
    before = bytes(first)
    second = encoder.fill(-POSE, frame=2, sub_frame=0.0)
    assert first.obj is second.obj
    assert before == LiveLinkEncoder("Ada", device_id=DEVICE).encode(POSE, frame=1, sub_frame=0.5)
    assert np.array_equal(decode(bytes(second)).values, -POSE)


def test_decoding_returns_what_was_encoded() -> None:
    seen = decode(LiveLinkEncoder("ライブ", device_id=DEVICE).encode(POSE, frame=7, sub_frame=0.5))
    assert (seen.subject, seen.device_id, seen.frame, seen.sub_frame, seen.rate) == ("ライブ", DEVICE, 7, 0.5, (60, 1))
    assert np.array_equal(seen.values, POSE)


def test_the_shortest_names_still_make_a_datagram_that_unreal_takes() -> None:
    livelink_receiver.decode(LiveLinkEncoder("", device_id="").encode(POSE, frame=0, sub_frame=0.0))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:266], "267 bytes"),
        (lambda data: b"\x05" + data[1:], "version"),
        (lambda data: data[:1] + struct.pack("!i", -1) + data[5:], "text"),
        (lambda data: data[:1] + struct.pack("!i", 9999) + data[5:], "text"),
        (lambda data: data + b"\0", "bytes"),
        (lambda data: data[:5] + b"\xff" + data[6:], "UTF-8"),
        (lambda data: data[: -4 * CURVE_COUNT - 1] + b"\x34" + data[-4 * CURVE_COUNT :], "61 curves"),
    ],
)
def test_datagrams_that_unreal_would_drop_are_refused_with_a_reason(change: Any, reason: str) -> None:
    with pytest.raises(LiveLinkError, match=reason):
        decode(change(LiveLinkEncoder("Ada", device_id=DEVICE).encode(POSE, frame=0, sub_frame=0.0)))


def test_a_pose_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 61 values"):
        LiveLinkEncoder("Ada", device_id=DEVICE).encode(np.zeros(52, np.float32), frame=0, sub_frame=0.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, (0, 0.0)),
        (1.5, (90, 0.0)),
        (12 * 3600 + 34 * 60 + 56.0, (2_717_760, 0.0)),
        (86_400.0, (0, 0.0)),  # midnight
        (2 * 86_400 + 0.025, (1, 0.5)),
    ],
)
def test_the_timecode_counts_frames_since_midnight(seconds: float, expected: tuple[int, float]) -> None:
    frame, sub_frame = timecode(seconds)
    assert frame == expected[0]
    assert sub_frame == pytest.approx(expected[1], abs=1e-6)


def test_the_last_moment_of_the_day_is_before_midnight() -> None:
    frame, sub_frame = timecode(86_400 - 1e-6)
    assert frame == 86_400 * 60 - 1
    assert sub_frame < 1
