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
    in_arkit_order,
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


def test_rows_in_any_order_are_rows_of_all_curves() -> None:
    rows = np.array([[0.1, 9.0, 0.2], [0.3, 9.0, 0.4]], np.float32)
    ordered = in_arkit_order(rows, ["tongueout", "Own", "JawOpen"])
    assert ordered.shape == (2, CURVE_COUNT)
    np.testing.assert_array_equal(ordered[:, INDEX["TongueOut"]], rows[:, 0])
    np.testing.assert_array_equal(ordered[:, INDEX["JawOpen"]], rows[:, 2])
    assert np.count_nonzero(ordered) == 4
