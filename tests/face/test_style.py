"""A style scales, smooths and closes; the default does nothing."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.face.settings import FaceSettings
from services.face.style import REGIONS, Region, Style, Stylist
from services.media.curves import BROWS, CURVE_COUNT, CURVE_NAMES, INDEX, MOUTH


def noise(count: int = 90) -> np.ndarray:
    return np.random.default_rng(1).random((count, CURVE_COUNT), np.float32) * np.float32(0.4)


def test_the_default_style_changes_nothing() -> None:
    frames = noise()
    np.testing.assert_array_equal(Stylist(Style()).apply(frames), frames)


def test_a_region_is_scaled_and_stays_legal() -> None:
    frames = noise()
    styled = Stylist(Style({"mouth": 0.5, "brows": 3.0})).apply(frames)
    mouth = slice(INDEX["MouthClose"], MOUTH.stop)
    np.testing.assert_allclose(styled[:, mouth], frames[:, mouth] * 0.5, atol=1e-6)
    np.testing.assert_allclose(styled[:, BROWS], np.minimum(frames[:, BROWS] * 3, 1), atol=1e-6)
    np.testing.assert_array_equal(styled[:, INDEX["JawOpen"]], frames[:, INDEX["JawOpen"]])


def test_smoothing_calms_and_is_the_same_in_pieces() -> None:
    frames, style = noise(), Style(smoothing=0.05)
    whole, stylist = Stylist(style).apply(frames), Stylist(style)
    assert np.abs(np.diff(whole, axis=0)).mean() < 0.5 * np.abs(np.diff(frames, axis=0)).mean()
    pieces = [stylist.apply(piece) for piece in np.split(frames, [1, 2, 40])]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


def test_emphasis_closes_lips_further_and_holds_them_from_parting() -> None:
    frames = np.zeros((2, CURVE_COUNT), np.float32)
    frames[1, INDEX["MouthClose"]] = 0.14
    frames[:, INDEX["MouthLowerDownLeft"]] = 0.2
    firm = Stylist(Style(closure=2.0)).apply(frames)
    assert firm[1, INDEX["MouthClose"]] == pytest.approx(0.28)
    assert firm[1, INDEX["MouthLowerDownLeft"]] == pytest.approx(0.1)
    assert firm[0, INDEX["MouthLowerDownLeft"]] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"strength": {"ears": 1.0}}, "strength.ears.*'jaw'.*'head'"),
        ({"strength": {"jaw": 9.0}}, "strength.jaw: .*less than or equal to 3, got 9.0"),
        ({"closure": float("nan")}, "closure: .* equal to [03], got nan"),
    ],
)
def test_a_style_out_of_range_is_a_wrong_setting(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        load(FaceSettings, **values)


def test_a_region_of_settings_is_a_region_that_has_curves() -> None:
    assert set(get_args(Region)) == set(REGIONS)
    for parts in REGIONS.values():
        assert all(any(name.startswith(part) for name in CURVE_NAMES) for part in parts)
