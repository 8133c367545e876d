"""The 61 curves: names, regions and range."""

from __future__ import annotations

import numpy as np

from services.media.curves import (
    BROWS,
    CHEEKS,
    CURVE_COUNT,
    CURVE_NAMES,
    EYES,
    INDEX,
    MOUTH,
    ROTATIONS,
    TONGUE,
    clamp,
    columns,
)


def test_regions_cover_every_curve_once() -> None:
    rows = [row for region in (EYES, MOUTH, BROWS, CHEEKS, slice(TONGUE, TONGUE + 1), ROTATIONS)
            for row in range(*region.indices(CURVE_COUNT))]  # fmt: skip
    assert rows == list(range(61))
    assert [CURVE_NAMES[region.start] for region in (EYES, MOUTH, BROWS, CHEEKS, ROTATIONS)] == [
        "EyeBlinkLeft", "JawForward", "BrowDownLeft", "CheekPuff", "HeadYaw",
    ]  # fmt: skip


def test_only_rotations_may_be_negative() -> None:
    assert clamp(np.full(61, -2.0, np.float32)).tolist() == [0.0] * 52 + [-1.0] * 9
    assert clamp(np.full((2, 61), 2.0, np.float32)).max() == 1.0


def test_columns_are_found_by_name_in_any_case_and_missing_ones_are_minus_one() -> None:
    found = columns(["Timecode", "jawopen", "HEADYAW"])
    assert (found[INDEX["JawOpen"]], found[INDEX["HeadYaw"]], found[INDEX["TongueOut"]]) == (1, 2, -1)
