"""`neurosync monitor --take --plot`, and the little face of the terminal."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from services.cli.take.drawing import FINE, PngCanvas, SvgCanvas
from services.cli.take.plot import CURVES, WIDTH, draw, write_plot
from services.cli.terminal.terminal_face import COLUMNS, LINES, face_lines
from services.common.errors import BadRequestError
from services.media.curves import CURVE_NAMES, INDEX
from services.media.takes.take_folder import Take, write_take
from services.media.takes.take_info import TakeEvent, TakeInfo, TakeWord
from tests.cli.conftest import Run
from tests.media.poses import POSES, pose

RATE = 24_000


def a_take(frames: int = 120) -> Take:
    pcm = (12_000 * np.sin(np.arange(frames * 400) / 9)).astype(np.int16)
    pcm[: frames * 200] = 0
    weights = np.zeros((frames, 61), np.float32)
    weights[:, INDEX["JawOpen"]] = np.linspace(0, 0.4, frames)
    info = TakeInfo(
        RATE,
        words=(TakeWord("<Zoë>", 0, 5, 0, 20_000), TakeWord("two", 6, 9, 24_000, 44_000)),
        events=(TakeEvent("pause", "no sound & all", 10_000, 12_000), TakeEvent("interrupted", "cut", 48_000, 48_000)),
    )
    emotions = np.zeros((frames, 7), np.float32)
    emotions[:, 3] = 0.8
    return Take(info, pcm, weights, emotions)


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """Read a PNG as this module writes them: every chunk intact, 8 bit RGB, no filter."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, size = 8, b"", (0, 0)
    names = []
    while at < len(data):
        length, name = struct.unpack_from("!I4s", data, at)
        chunk = data[at + 8 : at + 8 + length]
        assert struct.unpack_from("!I", data, at + 8 + length)[0] == zlib.crc32(name + chunk)
        names.append(name)
        if name == b"IHDR":
            size = struct.unpack_from("!II", chunk)
            assert chunk[8:] == bytes([8, 2, 0, 0, 0])
        if name == b"IDAT":
            body += zlib.decompress(chunk)
        at += 12 + length
    assert names == [b"IHDR", b"IDAT", b"IEND"]
    rows = np.frombuffer(body, np.uint8).reshape(size[1], 1 + 3 * size[0])
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(size[1], size[0], 3)


async def test_the_command_draws_both_kinds(neurosync: Run, place: Path) -> None:
    write_take(place / "take", a_take())
    result = await neurosync("monitor", "--take", "take", "--plot", "out.svg")
    assert (result.status, result.out) == (0, "out.svg: 2.00 s, 120 frames\n"), result.err
    texts = [element.text for element in ET.parse(place / "out.svg").iter() if element.text and element.text.strip()]
    assert {"JawOpen", "HeadYaw", "sound", "<Zoë>", "no sound & all", "Happy", "1 s"} <= set(texts)
    result = await neurosync("monitor", "--take", "take", "--plot", "out.png", "--curve", "jawopen")
    assert result.status == 0, result.err
    assert pixels((place / "out.png").read_bytes()).shape[1] == WIDTH


def test_a_curve_is_drawn_where_its_values_are_and_the_sound_where_it_is_loud() -> None:
    picture = pixels(draw(a_take(), ["JawOpen"], PngCanvas).encoded()).astype(int)
    red = picture[..., 0] - picture[..., 1] > 40
    rows = [np.flatnonzero(red[190:, x]).mean() for x in (140, 500, 900, 1150)]
    assert rows == sorted(rows, reverse=True)  # it rises
    assert rows[0] - rows[-1] > 30
    wave = np.abs(picture - (0x7D, 0x94, 0xA8)).sum(axis=2) < 40
    assert wave[:110, 900:1100].sum() > 10 * wave[:110, 200:400].sum() > 0


def test_svg_has_no_markup_of_the_words_and_no_control_characters() -> None:
    canvas = SvgCanvas(10, 10, "#ffffff")
    canvas.text(0, 0, "<b>\x1b&", "#000000")
    assert b"&lt;b&gt;&amp;<" in canvas.encoded()


@pytest.mark.parametrize("text", ["0.25", "JawOpen", "Zoë's", "漢", ""])
def test_letters_stay_within_the_picture_and_their_anchor(text: str) -> None:
    for anchor, x in (("start", 5.0), ("end", 195.0), ("middle", 100.0)):
        canvas = PngCanvas(200, 30, "#ffffff")
        canvas.text(x, 20, text, "#000000", anchor=anchor)  # type: ignore[arg-type]
        dark = np.flatnonzero((pixels(canvas.encoded()) < 128).any(axis=(0, 2)))
        assert bool(len(dark)) == bool(text)
        if len(dark):
            assert 4 <= dark[0] <= dark[-1] <= 196


def test_what_is_outside_the_picture_is_left_out() -> None:
    canvas = PngCanvas(20, 10, "#ffffff")
    canvas.line(np.array([[-50.0, -50.0], [70.0, 60.0]]), "#000000", 2)
    canvas.line(np.zeros((0, 2)), "#000000")
    canvas.box(-5, -5, 8, 8, "#ff0000")
    assert tuple(pixels(canvas.encoded())[0, 0]) == (255, 0, 0)
    assert FINE == 2


@pytest.mark.parametrize(
    ("name", "curves", "message"),
    [("a.jpg", CURVES, r"\.svg or \.png"), ("a.svg", ["Jaw"], "--curve: expected the name of an ARKit curve")],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, name: str, curves: list[str], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        write_plot(tmp_path / name, a_take(6), curves)
    assert list(tmp_path.iterdir()) == []


async def test_a_plot_needs_a_take_and_a_take_a_plot(neurosync: Run, place: Path) -> None:
    for arguments in (["--plot", "a.svg"], ["--take", "."]):
        result = await neurosync("monitor", *arguments)
        assert result.status == 2
        assert "--take and --plot together" in result.err


def dots(lines: list[str]) -> int:
    return sum((ord(character) - 0x2800).bit_count() for line in lines for character in line)


def test_the_face_is_braille_of_one_size_whatever_comes() -> None:
    extremes = [np.full(61, value, np.float32) for value in (0, 1, -1, 50, np.nan, np.inf)]
    for values in [pose(**shape) for shape in POSES.values()] + extremes:
        lines = face_lines(values)
        assert [len(line) for line in lines] == [COLUMNS] * LINES
        assert all(0x2800 <= ord(character) < 0x2900 for line in lines for character in line)


def test_the_face_shows_what_the_curves_say() -> None:
    rest = face_lines(pose())
    assert dots(face_lines(pose(JawOpen=0.6))[8:]) > dots(rest[8:]) + 10  # two lips, apart
    assert dots(face_lines(pose(JawOpen=0.6, MouthClose=0.6))[8:10]) < dots(face_lines(pose(JawOpen=0.6))[8:10])
    assert dots(face_lines(pose(EyeBlink=1))[3:6]) < dots(rest[3:6]) - 10
    left, right = face_lines(pose(EyeBlinkLeft=1))[4], rest[4]
    assert left[:12] == right[:12]  # the character's left is the picture's right
    assert left[12:] != right[12:]
    for name in ("HeadYaw", "HeadPitch", "BrowInnerUp", "MouthSmileLeft", "MouthPucker", "EyeLookOutLeft", "MouthLeft"):
        assert face_lines(pose(**{name: 0.7})) != rest, name
    assert len(CURVE_NAMES) == 61
