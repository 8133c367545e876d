"""The picture of a take, and `neurosync monitor --take --plot`."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from services.cli.pictures.drawing import PngCanvas
from services.cli.pictures.plot import CURVES, WIDTH, draw, write_plot
from services.common.errors import BadRequestError, UnavailableError
from services.media.curves import INDEX
from services.media.takes.take_folder import Take, write_take
from services.media.takes.take_info import TakeEvent, TakeInfo, TakeWord
from tests.cli.conftest import Run
from tests.cli.pictures.pictures import pixels

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


@pytest.mark.parametrize(
    ("name", "curves", "message"),
    [("a.jpg", CURVES, r"\.svg or \.png"), ("a.svg", ["Jaw"], "--curve: expected the name of an ARKit curve")],
)
def test_wrong_suffixes_and_curves_are_refused(tmp_path: Path, name: str, curves: list[str], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        write_plot(tmp_path / name, a_take(6), curves)
    assert list(tmp_path.iterdir()) == []


def test_without_pillow_the_error_names_the_remedy_and_svg_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UnavailableError, match=r'pip install "neurosync\[pictures\]".* an \.svg picture needs nothing'):
        write_plot(tmp_path / "a.png", a_take(6))
    write_plot(tmp_path / "a.svg", a_take(6))
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


async def test_a_plot_needs_a_take_and_a_take_a_plot(neurosync: Run, place: Path) -> None:
    for arguments in (["--plot", "a.svg"], ["--take", "."]):
        result = await neurosync("monitor", *arguments)
        assert result.status == 2
        assert "--take and --plot together" in result.err
