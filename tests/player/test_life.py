"""How a face lives: the statistics of ten minutes, with and without a voice, and that nothing repeats."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bench.life import Figures, Series, blink_starts, live, measure, phrases
from services.common.errors import ConfigurationError
from services.media.curves import BROWS, CURVE_COUNT, INDEX, MOUTH, ROTATIONS
from services.media.formats.frame_files import write_frames
from services.media.frames import Frames
from services.player.face.life.idle import Idle, LifeSettings
from services.player.face.life.prosody import Prosody
from services.player.face.life.recorded_loop import SEAM_TICKS, RecordedLoop, cross_faded, read_loop
from services.player.timeline.ticks import TICK_RATE
from tests.player.test_regions import PACKETS, needs_reference

CAPTURE = PACKETS.parents[1].parent / "real" / "iphone_capture_silent" / "capture.csv"
TEN_MINUTES = 10 * 60 * TICK_RATE
QUIET = np.zeros(TEN_MINUTES)
PITCH, YAW, LID = INDEX["HeadPitch"], INDEX["HeadYaw"], INDEX["EyeBlinkLeft"]


@pytest.fixture(scope="module")
def waiting() -> Series:
    return live(11, QUIET)


@pytest.fixture(scope="module")
def levels() -> Series:
    return phrases(600, 11)


@pytest.fixture(scope="module")
def speaking(levels: Series) -> Series:
    return live(11, levels)


@pytest.fixture(scope="module")
def listening() -> Series:
    return live(11, QUIET, LifeSettings(listening=True))


def is_human(seen: Figures) -> None:
    assert 10 <= seen.blinks_per_minute <= 25
    assert 0.3 <= seen.interval_spread <= 1.2  # far from a clock, far from hailstones
    assert seen.interval_median < 60 / seen.blinks_per_minute  # most are short, some are long
    assert 5 < seen.longest_interval < 20
    assert 0.01 <= seen.doubles <= 0.2
    assert 0.03 <= seen.partial <= 0.3
    assert 0.3 <= seen.saccades_per_second <= 3
    assert 1 < seen.gaze_degrees < 15
    yaw, pitch, roll = seen.head_degrees
    assert 3 < yaw < 30
    assert 2 < pitch < 25
    assert 1 < roll < 15
    assert 0.5 < seen.head_speed < 40


def test_a_face_that_waits_is_human(waiting: Series) -> None:
    is_human(measure(waiting))


def test_a_face_that_speaks_is_human_and_moves_more(waiting: Series, speaking: Series) -> None:
    seen, before = measure(speaking), measure(waiting)
    is_human(seen)
    assert seen.head_speed > 1.5 * before.head_speed
    assert seen.saccades_per_second > before.saccades_per_second


def test_a_face_that_listens_blinks_less_and_looks_at_who_speaks(waiting: Series, listening: Series) -> None:
    seen, before = measure(listening), measure(waiting)
    is_human(seen)
    assert seen.blinks_per_minute < 0.85 * before.blinks_per_minute
    assert seen.gaze_degrees < 0.7 * before.gaze_degrees


@pytest.mark.parametrize("seed", range(5))
def test_every_face_blinks_at_a_human_rate(seed: int) -> None:
    lid = live(seed, np.zeros(TEN_MINUTES // 2))[:, LID]
    assert 10 <= len(blink_starts(lid)) / 5 <= 25


def test_ten_minutes_repeat_neither_a_pose_nor_two_seconds(waiting: Series) -> None:
    assert len(np.unique(waiting, axis=0)) == len(waiting)
    assert measure(waiting).repetition > 0.002


def test_two_faces_do_not_move_alike(waiting: Series) -> None:
    other = live(12, QUIET[:TICK_RATE])
    assert np.abs(other - waiting[:TICK_RATE]).max() > 0.02


def test_blinks_wait_for_the_ends_of_phrases(speaking: Series, levels: Series) -> None:
    voiced = np.convolve(levels > 0.005, np.ones(15), "full")[: len(levels)] > 0
    starts = blink_starts(speaking[:, LID])
    share_of_blinks = (~voiced[starts]).mean()
    assert share_of_blinks > 1.4 * (~voiced).mean()


def test_heads_dip_where_the_voice_is_stressed(levels: Series) -> None:
    with_voice = live(11, levels[: TEN_MINUTES // 4], LifeSettings(gaze=False))
    without = live(11, levels[: TEN_MINUTES // 4], LifeSettings(gaze=False, prosody=False))
    added = (with_voice - without)[:, PITCH]
    sway = np.abs(np.diff(without[:, PITCH])).max()
    nods = np.flatnonzero((added[1:-1] > 0.012) & (added[1:-1] >= added[:-2]) & (added[1:-1] > added[2:])) + 1
    minutes = len(added) / 3600
    assert 6 <= len(nods) / minutes <= 40
    assert np.abs(np.diff(added)).max() < 0.02 + sway
    before = np.array([levels[nod - 25 : nod + 1].max() for nod in nods])
    assert np.median(before) > 1.5 * np.median(levels[levels > 0.005])


def test_a_voice_that_is_quiet_leaves_the_face_alone() -> None:
    cues = Prosody(np.random.default_rng(1))
    assert all(cues.at(tick, 0.001).activity == 0 for tick in range(300))
    assert np.array_equal(live(3, np.full(300, 0.001)), live(3, np.zeros(300)))


@pytest.mark.parametrize(
    ("life", "still"),
    [
        (LifeSettings(blinks=False, gaze=False), [LID, INDEX["EyeBlinkRight"]]),
        (LifeSettings(gaze=False), [INDEX["LeftEyeYaw"], INDEX["EyeLookUpLeft"]]),
        (LifeSettings(head=False, breath=False), [YAW, PITCH, INDEX["HeadRoll"]]),
        (LifeSettings(expression=False, breath=False), [*range(CURVE_COUNT)[BROWS], *range(CURVE_COUNT)[MOUTH]]),
        (LifeSettings(enabled=False), list(range(CURVE_COUNT))),
    ],
)
def test_each_layer_can_be_switched_off(life: LifeSettings, still: list[int]) -> None:
    assert np.ptp(live(4, QUIET[:1200], life)[:, still], axis=0).max() == 0
    assert np.ptp(live(4, QUIET[:1200])[:, still], axis=0).max() > 0


def test_what_the_voice_adds_can_be_switched_off(levels: Series) -> None:
    life = LifeSettings(prosody=False)
    assert np.array_equal(live(4, levels[:1200], life), live(4, QUIET[:1200], life))


def test_breath_lifts_the_head_about_fourteen_times_a_minute() -> None:
    head = live(2, QUIET[:7200], LifeSettings(head=False, gaze=False))[:, PITCH]
    assert 11 <= ((head[1:-1] < head[:-2]) & (head[1:-1] <= head[2:]) & (head[1:-1] < -0.004)).sum() / 2 <= 17


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
def test_a_recording_that_is_none_is_a_wrong_setting(tmp_path: Path, text: str | None, reason: str) -> None:
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


def test_nods_and_brows_of_the_voice_give_way_where_speech_has_its_own() -> None:
    usual, yielding = Idle(5), Idle(5)
    moved = set()
    for tick in range(1200):
        level = 0.1 if tick % 60 < 30 else 0.02
        difference = usual.pose(tick, level) - yielding.pose(tick, level, accents=0.0)
        moved |= set(np.flatnonzero(np.abs(difference) > 1e-6).tolist())
    assert moved == {INDEX[name] for name in ("HeadPitch", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight")}


@pytest.mark.skipif(not CAPTURE.is_file(), reason="NEUROSYNC_REFERENCE_DIR has no ../real beside it")
def test_a_real_recording_goes_round_as_smoothly_as_it_is() -> None:
    loop = read_loop(CAPTURE, "idle_recording")
    idle, ticks = Idle(1, loop), len(loop.rows)
    shown = np.array([idle.pose(tick) for tick in range(ticks + 60)])
    steps = np.abs(np.diff(shown, axis=0)).max(axis=1)
    assert ticks > 1800
    assert steps[ticks - SEAM_TICKS - 1 : ticks + 2].max() < np.percentile(steps, 99)
