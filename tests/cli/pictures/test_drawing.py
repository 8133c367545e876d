"""The canvases that pictures are drawn on."""

from __future__ import annotations

import numpy as np
import pytest

from services.cli.pictures.drawing import PngCanvas, SvgCanvas
from tests.cli.pictures.pictures import pixels


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


def test_shapes_outside_the_picture_are_clipped() -> None:
    canvas = PngCanvas(20, 10, "#ffffff")
    canvas.line(np.array([[-50.0, -50.0], [70.0, 60.0]]), "#000000", 2)
    canvas.line(np.zeros((0, 2)), "#000000")
    canvas.box(-5, -5, 8, 8, "#ff0000")
    assert tuple(pixels(canvas.encoded())[0, 0]) == (255, 0, 0)
