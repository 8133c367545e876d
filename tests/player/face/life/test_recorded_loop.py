"""Recordings of a face that repeat without a seam."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import ConfigurationError
from services.media.curves import CURVE_COUNT, INDEX, ROTATIONS
from services.media.formats.frame_files import write_frames
from services.media.frames import Frames
from services.player.face.life.idle import Idle
from services.player.face.life.recorded_loop import SEAM_TICKS, RecordedLoop, cross_faded, read_loop
from services.player.timeline.ticks import TICK_RATE
from tests.player.reference_packets import PACKETS, needs_reference

CAPTURE = PACKETS.parents[1].parent / "real" / "iphone_capture_silent" / "capture.csv"


def test_a_recording_goes_round_without_a_seam(tmp_path: Path) -> None:
    ticks = 90
    rows = np.zeros((ticks, CURVE_COUNT), np.float32)
    rows[:, INDEX["BrowInnerUp"]] = np.linspace(0.1, 0.9, ticks)
    rows[:, ROTATIONS] = -0.2
    for name in ("idle.csv", "idle.npz"):
        write_frames(tmp_path / name, Frames(rows))
        idle = Idle(1, read_loop(tmp_path / name, "idle_recording"))
        shown = np.array([idle.pose(tick) for tick in range(3 * ticks)])
        brows = shown[:, INDEX["BrowInnerUp"]]
        assert np.allclose(brows[: ticks - SEAM_TICKS], rows[: ticks - SEAM_TICKS, INDEX["BrowInnerUp"]], atol=1e-6)
        assert np.abs(np.diff(brows)).max() <= 0.8 / SEAM_TICKS + 0.02
        assert np.array_equal(shown[SEAM_TICKS:ticks], shown[ticks : 2 * ticks - SEAM_TICKS])
        assert np.allclose(shown[:, ROTATIONS], -0.2)


@needs_reference
@pytest.mark.parametrize(("rows", "seam"), [(20, 16), (50, 16), (33, 8), (16, 16)])
def test_the_cross_fade_is_that_of_the_reference(rows: int, seam: int) -> None:
    with np.load(PACKETS.parent / "animation" / "loop.npz", allow_pickle=False) as golden:
        before, after = golden[f"loop_in_n{rows}_b{seam}"], golden[f"loop_out_n{rows}_b{seam}"]
    assert np.abs(cross_faded(before, seam) - after).max() <= 1e-12


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "No such file"), ("Timecode,JawOpen\n", "no column"), (",".join("ab"), "no column")]
)
def test_a_recording_that_cannot_be_read_is_a_wrong_setting(tmp_path: Path, text: str | None, reason: str) -> None:
    path = tmp_path / "idle.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"idle_recording: .*{reason}"):
        read_loop(path, "idle_recording")


def test_a_recording_without_frames_is_a_wrong_setting(tmp_path: Path) -> None:
    write_frames(tmp_path / "idle.npz", Frames(np.zeros((0, CURVE_COUNT), np.float32)))
    with pytest.raises(ConfigurationError, match="at least one frame"):
        read_loop(tmp_path / "idle.npz", "idle_recording")


def test_a_recording_of_another_rate_takes_its_time() -> None:
    rows = np.zeros((60, CURVE_COUNT), np.float32)
    rows[:, 0] = np.sin(np.arange(60) / 60 * math.pi)
    loop = RecordedLoop(Frames(rows, rate=30).at_rate(TICK_RATE).weights)
    assert len(loop.rows) == 120
    assert loop.at(60)[0] == pytest.approx(rows[30, 0], abs=1e-3)


@pytest.mark.skipif(not CAPTURE.is_file(), reason="NEUROSYNC_REFERENCE_DIR has no ../real beside it")
def test_a_real_recording_goes_round_as_smoothly_as_it_is() -> None:
    loop = read_loop(CAPTURE, "idle_recording")
    idle, ticks = Idle(1, loop), len(loop.rows)
    shown = np.array([idle.pose(tick) for tick in range(ticks + 60)])
    steps = np.abs(np.diff(shown, axis=0)).max(axis=1)
    assert ticks > 1800
    assert steps[ticks - SEAM_TICKS - 1 : ticks + 2].max() < np.percentile(steps, 99)
