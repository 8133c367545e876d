"""Live Link Face CSV files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from services.common.errors import BadRequestError
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX
from services.media.emotions import EMOTION_NAMES
from services.media.formats.emotion_percent import from_percent
from services.media.formats.frame_files import write_frames
from services.media.formats.frames_csv import CSV_NAMES, csv_text, read_csv
from services.media.frames import Frames
from tests.media.example_frames import some_frames

REFERENCE = os.environ.get("NEUROSYNC_REFERENCE_DIR")
needs_reference = pytest.mark.skipif(not REFERENCE, reason="NEUROSYNC_REFERENCE_DIR names no reference data")


def csv_file(folder: Path, names: list[str], rows: list[list[object]]) -> Path:
    lines: list[list[object]] = [["Timecode", "BlendshapeCount", *names], *rows]
    path = folder / "frames.csv"
    path.write_text("\n".join(",".join(str(cell) for cell in line) for line in lines) + "\n", encoding="utf-8")
    return path


def test_the_header_swaps_left_and_right_of_jaw_and_mouth_and_nothing_else() -> None:
    differing = {(csv, own) for csv, own in zip(CSV_NAMES, CURVE_NAMES, strict=True) if csv != own}
    assert differing == {
        ("JawRight", "JawLeft"), ("JawLeft", "JawRight"), ("MouthRight", "MouthLeft"), ("MouthLeft", "MouthRight"),
    }  # fmt: skip


def test_columns_are_mapped_by_name_in_any_order_and_case(tmp_path: Path) -> None:
    names = [name.upper() if k % 2 else name for k, name in enumerate(reversed(CURVE_NAMES))]
    path = csv_file(tmp_path, names, [["0:0:0:0.0", 61, *[INDEX[name] / 100 for name in reversed(CURVE_NAMES)]]])
    np.testing.assert_allclose(read_csv(path).weights[0], np.arange(61) / 100, atol=1e-7)


def test_rows_look_as_the_app_writes_them() -> None:
    weights = np.zeros((1, CURVE_COUNT), np.float32)
    weights[0, INDEX["JawLeft"]], weights[0, INDEX["HeadYaw"]], weights[0, 0] = 0.25, -0.5, -0.0
    header, row = csv_text(Frames(weights), first_frame=61).splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert header.startswith("Timecode,BlendshapeCount,EyeBlinkLeft,EyeLookDownLeft")
    assert (cells["Timecode"], cells["BlendshapeCount"]) == ("00:00:01:01.000", "61")
    assert (cells["JawLeft"], cells["JawRight"]) == ("0.2500000000", "0.0000000000")
    assert (cells["HeadYaw"], cells["EyeBlinkLeft"]) == ("-0.5000000000", "0.0000000000")


def test_a_recording_at_30_hertz_is_recognized_by_its_timecodes_and_plays_at_its_speed(tmp_path: Path) -> None:
    slow = Frames(np.repeat(np.linspace(0, 1, 90, dtype=np.float32)[:, None], CURVE_COUNT, axis=1), rate=30)
    write_frames(tmp_path / "slow.csv", slow)
    back = read_csv(tmp_path / "slow.csv")
    assert back.rate == 30
    fast = back.at_rate(60)
    assert len(fast) == 180
    assert fast.seconds == slow.seconds == 3
    np.testing.assert_allclose(fast.weights[60], slow.weights[30], atol=1e-6)
    np.testing.assert_allclose(fast.weights[61], (slow.weights[30] + slow.weights[31]) / 2, atol=1e-6)


def coded(folder: Path, codes: list[str]) -> Frames:
    """Write a file with these timecodes whose JawOpen counts the rows in hundredths, and read it."""
    rows: list[list[object]] = []
    for index, code in enumerate(codes):
        values = np.zeros(CURVE_COUNT)
        values[INDEX["JawOpen"]] = index / 100
        rows.append([code, 61, *values])
    return read_csv(csv_file(folder, list(CURVE_NAMES), rows))


def test_a_missing_row_leaves_a_gap_and_the_rest_in_step(tmp_path: Path) -> None:
    codes = [f"10:00:{k // 60:02}:{k % 60:02}.000" for k in range(90) if k not in (30, 31, 32)]
    frames = coded(tmp_path, codes)
    assert frames.times is not None
    assert frames.times[0] == 36_000
    assert frames.seconds == pytest.approx(1.5)
    even = frames.at_rate(60).weights[:, INDEX["JawOpen"]]
    assert len(even) == 90
    np.testing.assert_allclose(even[[29, 33, 89]], [0.29, 0.30, 0.86], atol=1e-5)
    assert (np.diff(even[28:35]) > 0).all()  # the hole is bridged, not closed


def test_a_camera_below_its_nominal_rate_keeps_its_own_time(tmp_path: Path) -> None:
    steps = [round(1001.57 * k) for k in range(600)]  # thousandths of a frame, as a real phone counts
    frames = coded(tmp_path, [f"19:18:{s // 60_000 + 11:02}:{s // 1000 % 60:02}.{s % 1000:03}" for s in steps])
    assert frames.rate == 60
    assert frames.seconds == pytest.approx(600 * 1.00157 / 60, abs=2e-3)
    assert len(frames.at_rate(60)) == 601


def test_recordings_over_midnight_go_on(tmp_path: Path) -> None:
    frames = coded(tmp_path, ["23:59:59:58.000", "23:59:59:59.000", "00:00:00:00.000", "00:00:00:01.000"])
    assert frames.times is not None
    np.testing.assert_allclose(np.diff(frames.times), 1 / 60, atol=1e-9)


@pytest.mark.parametrize(
    "codes",
    [
        ["0:0:0:0.0"] * 5,
        ["00:00:01:05.000", "00:00:01:04.000", "00:00:01:06.000"],
        ["", "", ""],
        ["00:00:00:00.000", "00:00:00:01.000", "03:00:00:00.000"],
    ],
)
def test_unusable_timecodes_leave_even_rows(tmp_path: Path, codes: list[str]) -> None:
    frames = coded(tmp_path, codes)
    assert frames.times is None
    assert frames.seconds == len(codes) / 60


def test_timecodes_of_shapes_csv_leave_even_rows(tmp_path: Path) -> None:
    codes = []
    for row in range(130):
        ms = (row / 60 - row // 60) * 1000
        codes.append(f"00:00:{row // 60:02}:{int(ms / (1000 / 60)):02}.{int(ms):03}")
    frames = coded(tmp_path, codes)
    assert (frames.rate, frames.times) == (60, None)
    assert len(frames) == 130


def test_times_survive_a_file_to_a_thousandth_of_a_frame(tmp_path: Path) -> None:
    frames = some_frames(40)
    times = 36_000.25 + np.arange(40) / 60 + np.linspace(0, 0.01, 40)
    write_frames(tmp_path / "sent.csv", Frames(frames.weights, times=times))
    back = read_csv(tmp_path / "sent.csv")
    assert back.times is not None
    np.testing.assert_allclose(back.times, times, atol=0.0005 / 60 + 1e-9)
    longer = back.fitted(45).times
    assert longer is not None
    np.testing.assert_allclose(np.diff(longer[39:]), 1 / 60)


def test_an_error_names_file_line_and_column(tmp_path: Path) -> None:
    good: list[object] = ["0:0:0:0.0", 61, *[0.0] * 61]
    bad = [*good[:5], "much", *good[6:]]
    with pytest.raises(
        BadRequestError, match=r"frames\.csv line 3 column EyeLookOutLeft: expected a finite number.*much"
    ):
        read_csv(csv_file(tmp_path, list(CURVE_NAMES), [good, bad]))
    with pytest.raises(BadRequestError, match=r"line 2 column EyeBlinkLeft.*nan"):
        read_csv(csv_file(tmp_path, list(CURVE_NAMES), [[*good[:2], "nan", *good[3:]]]))
    with pytest.raises(BadRequestError, match="line 3: expected 63 columns, got '62 columns'"):
        read_csv(csv_file(tmp_path, list(CURVE_NAMES), [good, good[:-1]]))
    with pytest.raises(BadRequestError, match="no column JawOpen"):
        read_csv(csv_file(tmp_path, [name for name in CURVE_NAMES if name != "JawOpen"], [good[:-1]]))
    with pytest.raises(BadRequestError, match="'jawopen' twice"):
        read_csv(csv_file(tmp_path, [*CURVE_NAMES, "jawOpen"], [[*good, 0]]))


@needs_reference
@pytest.mark.parametrize("width", [61, 68])
def test_files_of_the_reference_are_read_to_the_values_they_were_made_of(width: int) -> None:
    folder = Path(str(REFERENCE)) / "golden" / "csv"
    frames = read_csv(folder / f"out_{width}.csv")
    made: npt.NDArray[np.float32] = np.load(folder / f"in_{width}.npy")
    in_csv_order = frames.weights[:, [INDEX[name] for name in CSV_NAMES]]
    np.testing.assert_array_equal(in_csv_order, made[:, :61].astype(np.float32))
    if width == 68:
        np.testing.assert_array_equal(frames.emotions, from_percent(made[:, 61:]))
    else:
        assert frames.emotions is None


@needs_reference
def test_real_recordings_are_read() -> None:
    paths = sorted((Path(str(REFERENCE)).parent / "real").glob("*/*.csv"))
    if not paths:
        pytest.skip("no real recordings beside the reference data")
    for path in paths:
        frames = read_csv(path)
        assert frames.rate == 60
        assert len(frames) > 600
        assert 0.05 < frames.weights[:, INDEX["JawOpen"]].max() < 1.1
        assert (frames.times is None) == (path.name == "shapes.csv")
        assert (frames.emotions is None) == ("Neutral" not in path.read_text(encoding="utf-8")[:4000])
    assert EMOTION_NAMES[4] == "Neutral"
