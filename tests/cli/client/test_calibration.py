"""The test pattern: where its click lies, and where its spike."""

from __future__ import annotations

import numpy as np
import pytest

from services.cli.client.calibration import SAMPLE_RATE, SPIKE_AT, SPIKE_FRAMES, second_of_pattern
from services.media.curves import INDEX

JAW = INDEX["JawOpen"]


@pytest.mark.parametrize("shift", [-200.0, -35.0, 0.0, 12.5, 200.0])
def test_the_click_comes_as_much_after_the_spike_as_was_asked(shift: float) -> None:
    pcm, weights = second_of_pattern(shift)
    assert (len(pcm), weights.shape) == (SAMPLE_RATE, (60, 61))
    click = int(np.flatnonzero(pcm)[0]) / SAMPLE_RATE
    spike = int(np.flatnonzero(weights[:, JAW])[0]) / 60
    assert 1000 * (click - spike) == pytest.approx(shift, abs=0.02)
    assert abs(int(pcm[np.flatnonzero(pcm)[0]])) > 10_000  # a sharp begin
    assert np.flatnonzero(weights[:, INDEX["EyeBlinkLeft"]]).tolist() == list(range(SPIKE_AT, SPIKE_AT + SPIKE_FRAMES))
