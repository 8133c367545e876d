"""The gain and the limiter of a quiet voice."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.tts import loudness


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50), st.floats(0, 20))
def test_the_limiter_keeps_order_sign_and_the_ceiling(samples: list[float], decibels: float) -> None:
    array = np.sort(np.array(samples, np.float32))
    raised = loudness.amplify(array, decibels).astype(int)
    assert (np.diff(raised) >= 0).all()
    assert np.abs(raised).max() <= loudness.CEILING * 32767 + 1
    assert (np.sign(raised) * np.sign(array) >= 0).all()


def test_quiet_sound_is_raised_by_the_gain_alone() -> None:
    raised = loudness.amplify(np.array([0.1, -0.2], np.float32), 6.0206)
    assert raised.tolist() == [round(0.2 * 32767), round(-0.4 * 32767)]
