"""Face frames in memory."""

from __future__ import annotations

import numpy as np

from services.media.frames import frame_count
from tests.media.example_frames import some_frames


def test_frames_are_cut_or_eased_to_rest_to_fit_a_sound() -> None:
    assert [frame_count(samples, 24_000) for samples in (0, 1, 400, 401, 24_000)] == [0, 1, 1, 2, 60]
    frames = some_frames(10, emotions=True)
    assert len(frames.fitted(4)) == 4
    longer = frames.fitted(20)
    steps = np.abs(np.diff(longer.weights[9:], axis=0)).max(axis=0)
    np.testing.assert_allclose(steps, np.abs(frames.weights[9]) / 5, atol=1e-6)
    assert not longer.weights[14:].any()
    assert len(some_frames(0).fitted(3)) == 3
