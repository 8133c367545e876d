"""How strong curves are sent: against the reference's own scaling and packets, and within bounds whatever is set."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.wire import check_subject
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX, LOWEST, ROTATIONS
from services.media.livelink import LiveLinkEncoder
from services.player.face.scaling import CLASSIC, FACTORS, GAINS, OFFSETS, THRESHOLDS, Scaling
from tests.player.reference_packets import PACKETS, needs_reference

livelink_receiver = importlib.import_module("tests.livelink_receiver")  # an outside program, without types
PARAMETERS = (
    "mouth", "eyes", "brows", "eye_wide_left", "eye_wide_right", "eye_squint_left", "eye_squint_right", "threshold",
)  # fmt: skip
"""In the order of the reference's."""


def golden_packets() -> list[Any]:
    if not PACKETS.is_dir():
        return [pytest.param({}, b"", marks=needs_reference)]
    packets = (PACKETS / "packets.bin").read_bytes()
    return [
        pytest.param(case, packets[case["offset"] : case["offset"] + case["length"]], id=case["case"])
        for case in json.loads((PACKETS / "packets.json").read_text())
    ]


@needs_reference
@pytest.mark.parametrize("case", range(12))
def test_scaling_equals_the_reference_where_curves_are_not_negative(case: int) -> None:
    with np.load(PACKETS / "region_scaling.npz", allow_pickle=False) as golden:
        before, after = golden[f"in_{case}"], golden[f"out_{case}"]
        scaling = Scaling(**dict(zip(PARAMETERS, golden[f"params_{case}"].tolist(), strict=True)))
    compared = before >= 0
    assert compared.sum() > 20
    assert np.abs(scaling.apply(before) - after)[compared].max() <= 1e-12
    others = ~compared & (np.arange(CURVE_COUNT) < ROTATIONS.start)
    assert not scaling.apply(before)[others].any()  # as there
    signed = ~compared & (np.arange(CURVE_COUNT) >= ROTATIONS.start)
    assert np.array_equal(scaling.apply(before)[signed], np.maximum(before[signed], -1))  # there they are lost


@pytest.mark.parametrize(("case", "packet"), golden_packets())
def test_a_pose_that_is_scaled_makes_the_packet_of_the_reference(case: dict[str, Any], packet: bytes) -> None:
    held, expected = np.array(case["after_set"]), np.array(case["after_scaling"])
    scaled = CLASSIC.apply(held)
    scaled[held < 0] = expected[held < 0]  # where we keep the sign of a rotation
    data = bytearray(
        LiveLinkEncoder(case["name"], device_id=case["uuid"].removeprefix("$")).encode(
            np.where(expected == 0, expected, scaled).astype(np.float32), frame=0, sub_frame=0.0
        )
    )
    time = slice(45 + len(case["name"]), 53 + len(case["name"]))
    wanted = bytearray(packet)
    data[time] = wanted[time] = bytes(8)
    assert data == wanted


def pose(**curves: float) -> np.ndarray:
    values = np.zeros(CURVE_COUNT, np.float32)
    for name, value in curves.items():
        values[INDEX[name]] = value
    return values


def test_a_curve_has_its_gain_and_offset_before_the_factor_of_its_region() -> None:
    scaling = Scaling(mouth=0.5, gains={"JawOpen": 2.0}, offsets={"JawOpen": 0.1, "HeadYaw": -0.25})
    shown = scaling.apply(pose(JawOpen=0.2, MouthPucker=0.4, BrowInnerUp=0.3, HeadYaw=-0.5))
    assert shown[INDEX["JawOpen"]] == pytest.approx((0.2 * 2 + 0.1) * 0.5)
    assert shown[INDEX["MouthPucker"]] == pytest.approx(0.2)
    assert shown[INDEX["BrowInnerUp"]] == np.float32(0.3)
    assert shown[INDEX["HeadYaw"]] == pytest.approx(-0.75)


def test_rotations_keep_their_sign_and_may_be_mirrored() -> None:
    values = pose(HeadYaw=-0.3, HeadPitch=0.2, LeftEyeYaw=-1.0)
    assert np.array_equal(Scaling(brows=0.6).apply(values), values)
    assert Scaling(gains={"HeadYaw": -1.0}).apply(values)[INDEX["HeadYaw"]] == np.float32(0.3)


def test_switched_off_or_at_one_nothing_changes() -> None:
    values = np.random.default_rng(1).random(CURVE_COUNT).astype(np.float32)
    assert Scaling().apply(values) is values
    assert Scaling(enabled=False, mouth=3.0, gains={"JawOpen": 0.0}).apply(values) is values


factors = st.floats(*FACTORS)


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=CURVE_COUNT, max_size=CURVE_COUNT),
    st.builds(Scaling, st.just(True), factors, factors, factors, factors, factors, factors, factors),
    st.floats(*THRESHOLDS),
    st.dictionaries(st.sampled_from(CURVE_NAMES), st.floats(*GAINS)),
    st.dictionaries(st.sampled_from(CURVE_NAMES), st.floats(*OFFSETS)),
)
def test_whatever_is_set_values_are_finite_and_legal(
    values: list[float], scaling: Scaling, threshold: float, gains: dict[str, float], offsets: dict[str, float]
) -> None:
    whole = replace(scaling, threshold=threshold, gains=gains, offsets=offsets)
    shown = whole.apply(np.clip(np.array(values, np.float32), LOWEST, 1))
    assert shown.dtype == np.float32
    assert np.isfinite(shown).all()
    assert (shown >= LOWEST).all()
    assert (shown <= 1).all()


names = st.text(min_size=1, max_size=64).filter(lambda name: name.isprintable() and len(name.encode()) <= 64)


@given(names | st.sampled_from(["x" * 64, "é" * 32, "ライブ" * 7, "😀" * 16]), factors)
def test_the_receiver_takes_every_datagram_whatever_the_name(name: str, factor: float) -> None:
    values = Scaling(mouth=factor, offsets={"HeadYaw": -1.0}).apply(np.linspace(0, 1, CURVE_COUNT, dtype=np.float32))
    device = "d0f3a7c4-5b1e-11ef-9c2a-0242ac120002"
    seen = livelink_receiver.decode(
        LiveLinkEncoder(check_subject("subject", name), device_id=device).encode(values, frame=7, sub_frame=0.5)
    )
    assert (seen["subject"], seen["device"], seen["frame"]) == (name, device, 7)
    assert np.array_equal(np.array(seen["values"], np.float32), values)
