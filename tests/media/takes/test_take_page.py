from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from services.media.curves import CURVE_NAMES, INDEX
from services.media.sound_file import decode_sound
from services.media.takes.take_info import TakeInfo, TakeWord
from services.media.takes.take_page import render_page, script_json
from tests.media.poses import pose

HOSTILE = [
    "</script><script>window.pwned = 1</script>",
    "<!--<script>",
    "</title><img src=x onerror=alert(1)>",
    "{{DATA}} {{SCRIPT}} & &lt; \u2028 'quoted' \"twice\"",
]


class Elements(HTMLParser):
    """The elements of a page, and the text of its scripts and title, as a browser parses them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.texts: dict[str, list[str]] = {"script": [], "title": []}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        if self.lasttag in self.texts and data.strip():
            self.texts[self.lasttag].append(data)


def page_of(text: str, rate: int = 24_000, seconds: float = 0.5) -> Elements:
    info = TakeInfo(rate, text=text, prompt=text, words=(TakeWord(text, 0, len(text), 0, 100),), stages={text: 1.0})
    weights = np.tile(pose(JawOpen=0.5, HeadYaw=-0.25), (round(60 * seconds), 1))
    pcm = np.full(round(rate * seconds), 1000, np.int16)
    return Elements(render_page(info, pcm, weights))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup_or_code(text: str) -> None:
    plain, page = page_of("plain"), page_of(text)
    assert page.names == plain.names
    data, script = page.texts["script"]
    assert json.loads(data)["info"]["prompt"] == text
    assert script == plain.texts["script"][1]
    assert page.texts["title"][0].startswith(text[:10])


def test_json_in_a_script_has_no_character_that_could_end_it() -> None:
    text = script_json({"a": "</script><!-- & \u2028\u2029 é"})
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"a": "</script><!-- & \u2028\u2029 é"}


def test_the_page_allows_its_own_script_and_nothing_else() -> None:
    page = render_page(TakeInfo(24_000), np.zeros(10, np.int16), np.zeros((1, 61), np.float32))
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{digest}'" in page
    assert not re.search(r"https?://", page)
    assert "{{" not in page.replace("${", "")


def test_frames_and_sound_are_inside() -> None:
    data = json.loads(page_of("hello").texts["script"][0])
    frames = np.frombuffer(base64.b64decode(data["frames"]), "<i2").reshape(data["frameCount"], len(CURVE_NAMES))
    assert data["frameCount"] == 30
    np.testing.assert_allclose(frames[7] / data["quantum"], pose(JawOpen=0.5, HeadYaw=-0.25), atol=1e-4)
    assert data["curveNames"][INDEX["JawOpen"]] == "JawOpen"
    sound = decode_sound(base64.b64decode(data["audio"]))
    assert (sound.sample_rate, len(sound.pcm), int(sound.pcm[600])) == (24_000, 12_000, 1000)


def test_sound_of_a_high_rate_is_reduced_without_a_change_of_length_or_level() -> None:
    data = json.loads(page_of("hello", rate=88_200).texts["script"][0])
    sound = decode_sound(base64.b64decode(data["audio"]))
    assert sound.sample_rate == 44_100
    assert sound.seconds == pytest.approx(data["seconds"], abs=1e-4)
    np.testing.assert_allclose(sound.pcm[100:-100], 1000, atol=2)
