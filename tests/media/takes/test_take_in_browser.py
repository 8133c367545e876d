"""The page of a take in a real browser: in step with its sound, and a mouth that can be judged."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from services.common.types import Weights
from services.media.curves import CURVE_NAMES
from services.media.takes.take_info import SentenceSpan, TakeEvent, TakeInfo, TakeWord
from services.media.takes.take_page import render_page
from tests.browser import Page, browser
from tests.media.poses import POSES, pose
from tests.media.takes.test_take_page import HOSTILE

pytestmark = pytest.mark.asyncio(loop_scope="module")
RATE = 24_000
PLAY_UNTIL = """new Promise((done) => {
  const seen = [], began = performance.now();
  neurosyncTake.play();
  const look = () => {
    seen.push([performance.now() - began, neurosyncTake.currentFrame()]);
    if (neurosyncTake.currentFrame() >= %d || seen.length > 2000) done(seen); else requestAnimationFrame(look);
  };
  look();
})"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab() -> AsyncIterator[Page]:
    async with browser() as page:
        await page.resize(1100, 900)
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def page(tab: Page) -> AsyncIterator[Page]:
    """The tab; the test fails if anything went wrong in it, or it fetched anything."""
    tab.errors.clear()
    tab.requests.clear()
    yield tab
    assert tab.errors == []
    assert tab.requests == []


async def show(
    page: Page, folder: Path, weights: Weights, info: TakeInfo | None = None, emotions: Weights | None = None
) -> None:
    seconds = len(weights) / 60
    pcm = (3000 * np.sin(np.arange(round(RATE * seconds)) / 30)).astype(np.int16)
    (folder / "take.html").write_text(render_page(info or TakeInfo(RATE), pcm, weights, emotions), encoding="utf-8")
    await page.open((folder / "take.html").as_uri())


async def mouths(page: Page, count: int) -> list[dict[str, float]]:
    """Seek to each frame and measure the mouth."""
    found: list[dict[str, float]] = await page.evaluate(
        f"Array.from({{length: {count}}}, (_, k) => (neurosyncTake.seek(k / 60), neurosyncTake.mouth()))"
    )
    return found


async def test_the_mouth_opens_as_the_jaw_does(page: Page, tmp_path: Path) -> None:
    jaw = np.random.default_rng(3).random(60)
    await show(page, tmp_path, np.stack([pose(JawOpen=value) for value in jaw]))
    heights = [mouth["openingHeight"] for mouth in await mouths(page, 60)]
    assert np.corrcoef(jaw, heights)[0, 1] > 0.99
    assert await page.evaluate("neurosyncTake.weights('JawOpen')") == pytest.approx(jaw[59], abs=1e-4)
    assert await page.evaluate("neurosyncTake.frameCount") == 60


async def test_mouth_shapes_are_unmistakable(page: Page, tmp_path: Path) -> None:
    await show(page, tmp_path, np.stack([pose(**curves) for curves in POSES.values()]))
    found = dict(zip(POSES, await mouths(page, len(POSES)), strict=True))
    assert found["M"]["openingHeight"] == found["M"]["openingWidth"] == found["rest"]["openingHeight"] == 0
    assert found["M"]["lowerLip"] < 0.75 * found["rest"]["lowerLip"]
    assert found["AA"]["openingHeight"] > 2.5 * found["IY"]["openingHeight"] > 0
    assert found["UW"]["width"] < 0.6 * found["rest"]["width"]
    assert found["UW"]["openingHeight"] > 0
    assert found["IY"]["width"] > 1.15 * found["rest"]["width"]
    assert found["F"]["lowerLip"] < 0.6 * found["rest"]["lowerLip"] < found["UW"]["lowerLip"]
    assert 0 < found["F"]["openingHeight"] < found["IY"]["openingHeight"]
    assert found["smile"]["cornerLift"] > found["rest"]["cornerLift"] + 5 > found["frown"]["cornerLift"] + 10


async def test_lips_that_close_stay_closed_while_the_jaw_is_open(page: Page, tmp_path: Path) -> None:
    jaws = np.linspace(0, 0.5, 20)
    await show(page, tmp_path, np.stack([pose(JawOpen=jaw, MouthClose=jaw) for jaw in jaws]))
    found = await mouths(page, len(jaws))
    assert {mouth["openingHeight"] for mouth in found} == {0}
    assert found[-1]["jawDrop"] > found[0]["jawDrop"] + 20


async def test_every_curve_changes_the_picture(page: Page, tmp_path: Path) -> None:
    base = {"JawOpen": 0.3, "HeadYaw": 0.1}
    weights = [pose(**base)] + [pose(**(base | {name: 0.9})) for name in CURVE_NAMES]
    await show(page, tmp_path, np.stack(weights))
    same: list[int] = await page.evaluate(
        f"""(() => {{
          const picture = (k) => (neurosyncTake.seek(k / 60), document.getElementById('face').toDataURL());
          const base = picture(0);
          return Array.from({{length: {len(CURVE_NAMES)}}}, (_, k) => k).filter((k) => picture(k + 1) === base);
        }})()"""
    )
    assert [CURVE_NAMES[k] for k in same] == []


async def test_frames_follow_the_sound_and_stop_with_it(page: Page, tmp_path: Path) -> None:
    await show(page, tmp_path, np.zeros((180, 61), np.float32))
    seen: list[list[float]] = await page.evaluate(PLAY_UNTIL % 60)
    moving = np.array([entry for entry in seen if entry[1] > 6])  # the device has begun
    assert moving[-1, 1] >= 60
    assert (np.diff(moving[:, 1]) >= 0).all()
    speed = np.polyfit(moving[:, 0] / 1000, moving[:, 1], 1)[0]
    assert speed == pytest.approx(60, rel=0.1)
    frames = await page.evaluate(
        "(neurosyncTake.pause(), [neurosyncTake.currentFrame(), Math.round(player.audio.currentTime * 60)])"
    )
    assert frames[0] == frames[1]
    assert await page.evaluate("player.audio.paused")


async def test_half_speed_plays_half_as_fast_and_the_end_is_the_last_frame(page: Page, tmp_path: Path) -> None:
    await show(page, tmp_path, np.zeros((60, 61), np.float32))
    await page.click("[name=speed][value='0.5'] + span")
    seen = np.array(await page.evaluate(PLAY_UNTIL % 30))
    moving = seen[seen[:, 1] > 3]
    assert np.polyfit(moving[:, 0] / 1000, moving[:, 1], 1)[0] == pytest.approx(30, rel=0.15)
    await page.evaluate("new Promise((done) => player.audio.addEventListener('ended', () => setTimeout(done)))")
    assert await page.evaluate("neurosyncTake.currentFrame()") == 59


async def test_keys_step_play_and_jump(page: Page, tmp_path: Path) -> None:
    words = (TakeWord("one", 0, 3, 0, 8000), TakeWord("two", 4, 7, 12_000, 20_000))
    await show(page, tmp_path, np.zeros((90, 61), np.float32), TakeInfo(RATE, text="one two.", words=words))
    frame = "neurosyncTake.currentFrame()"
    await page.evaluate("neurosyncTake.seek(0.1)")
    for key, expected in (("ArrowRight", 7), ("ArrowRight", 8), ("ArrowLeft", 7), (".", 30), (",", 0), ("End", 89)):
        await page.press(key)
        assert await page.evaluate(frame) == expected, key
    await page.press("Home")
    await page.press(" ", "Space", " ")
    assert not await page.evaluate("player.audio.paused")
    await page.press(" ", "Space", " ")
    assert await page.evaluate("player.audio.paused")
    await page.press("c")
    assert await page.evaluate("document.getElementById('close-up').checked")


async def test_words_light_up_in_turn_and_a_click_seeks(page: Page, tmp_path: Path) -> None:
    text = "👋 one <two>, three"
    words = tuple(
        TakeWord(word, text.index(word), text.index(word) + len(word), k * 6000, k * 6000 + 5000)
        for k, word in enumerate(["one", "<two>", "three"])
    )
    info = TakeInfo(
        RATE, text=text, words=words, heard_text=text[:13], sentences=(SentenceSpan(text, 0, 19, 0, 18_000),)
    )
    await show(page, tmp_path, np.zeros((60, 61), np.float32), info)
    assert await page.evaluate("document.getElementById('words').textContent") == text
    now = "document.querySelector('#words .now')?.textContent"
    lit = [await page.evaluate(f"(neurosyncTake.seek({second}), {now})") for second in (0.1, 0.22, 0.3, 0.6, 0.9)]
    assert lit == ["one", None, "<two>", "three", None]
    await page.click("#words button:nth-of-type(2)")
    assert await page.evaluate("neurosyncTake.currentFrame()") == 15
    assert await page.evaluate("[...document.querySelectorAll('.unheard')].map((e) => e.textContent)") == ["three"]


async def test_the_timeline_seeks_where_it_is_clicked(page: Page, tmp_path: Path) -> None:
    await show(page, tmp_path, np.zeros((120, 61), np.float32))
    await page.click("#timeline")
    assert await page.evaluate("neurosyncTake.currentFrame()") == pytest.approx(60, abs=1)
    await page.click("#zoom-in")
    await page.click("#timeline")
    assert await page.evaluate("neurosyncTake.currentFrame()") == pytest.approx(60, abs=1)


PIXELS = """((top, height) => {
  const canvas = document.getElementById('timeline'), ratio = devicePixelRatio;
  const data = canvas.getContext('2d').getImageData(0, top * ratio, canvas.width, height * ratio).data;
  const seen = new Set();
  for (let k = 0; k < data.length; k += 4) if (data[k + 3] > 200) seen.add(`${data[k]},${data[k + 1]},${data[k + 2]}`);
  return [...seen];
})"""


async def test_emotions_are_shown_as_text_and_drawn(page: Page, tmp_path: Path) -> None:
    emotions = np.zeros((60, 7), np.float32)
    emotions[:, 3] = np.linspace(0, 1, 60)  # Happy
    emotions[:, 4] = 1 - emotions[:, 3]
    await show(page, tmp_path, np.zeros((60, 61), np.float32), None, emotions)
    assert await page.evaluate("neurosyncTake.lanes()") == ["emotion, %"]
    shown = [
        await page.evaluate(f"(neurosyncTake.seek({k / 60}), neurosyncTake.emotions().Happy)") for k in (0, 30, 59)
    ]
    assert shown == [0, round(100 * 30 / 59), 100]
    text = await page.evaluate("(neurosyncTake.seek(0.25), document.getElementById('emotions').textContent)")
    assert text == "Neutral 75 % · Happy 25 %"
    drawn = await page.evaluate(f"{PIXELS}(80, 80)")  # below ruler and wave
    assert "184,121,26" in drawn  # Happy
    assert "43,127,209" not in drawn  # Sad, which is always 0


async def test_head_and_gaze_are_shown_in_degrees(page: Page, tmp_path: Path) -> None:
    still, turned = pose(), pose(HeadYaw=-0.2, HeadPitch=-0.1, EyeLookOutLeft=0.5, EyeLookInRight=0.5, EyeLookUp=0.4)
    await show(page, tmp_path, np.stack([still, turned]))
    assert await page.evaluate("neurosyncTake.lanes()") == ["head and gaze, ±15°"]
    seen = await page.evaluate("(neurosyncTake.seek(1 / 60), neurosyncTake.pose())")
    expected = {"head left": 11.46, "head up": 5.73, "head tilt": 0, "gaze left": 15, "gaze up": 12}
    assert seen == pytest.approx(expected, abs=0.01)
    text = await page.evaluate("document.getElementById('pose').textContent")
    assert text == "head left 11.5° · head up 5.7° · head tilt 0.0° · gaze left 15.0° · gaze up 12.0°"
    assert await page.evaluate("(neurosyncTake.seek(0), neurosyncTake.pose()['head left'])") == 0


async def test_events_stand_where_they_happened(page: Page, tmp_path: Path) -> None:
    end = RATE
    events = (
        TakeEvent("pause", "no sound for 250 ms", end // 4, end // 2),
        TakeEvent("notice", "<b>late</b>", end // 2, end // 2),
        TakeEvent("interrupted", "interrupted here", end, end),
    )
    await show(page, tmp_path, np.zeros((60, 61), np.float32), TakeInfo(RATE, events=events))
    assert await page.evaluate("neurosyncTake.lanes()") == ["events"]
    assert "209,73,91" in await page.evaluate(f"{PIXELS}(85, 20)")  # the flag of the interruption
    assert await page.evaluate("document.querySelectorAll('b').length") == 8  # the values of the curves, no markup


async def test_a_still_take_without_emotions_has_no_empty_lanes(page: Page, tmp_path: Path) -> None:
    await show(page, tmp_path, np.zeros((6, 61), np.float32))
    assert await page.evaluate("neurosyncTake.lanes()") == []
    assert await page.evaluate("document.getElementById('emotions').hidden")


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_only_text(page: Page, tmp_path: Path, text: str) -> None:
    info = TakeInfo(
        RATE, text=text, prompt=text, notices=(text,), stages={text: 1.0}, providers={text: text},
        words=(TakeWord(text, -5, 3, 0, 100), TakeWord(text, 0, len(text), 100, 200)),
        sentences=(SentenceSpan(text, 0, len(text), 0, 200),), events=(TakeEvent(text, text, 0, 100),),
    )  # fmt: skip
    await show(page, tmp_path, np.zeros((6, 61), np.float32), info)
    seen: dict[str, Any] = await page.evaluate(
        """({pwned: typeof window.pwned, prompt: document.getElementById('prompt').textContent,
             images: document.images.length, scripts: document.scripts.length,
             words: document.getElementById('words').textContent})"""
    )
    assert seen == {"pwned": "undefined", "prompt": text, "images": 0, "scripts": 2, "words": text + text}


async def test_an_empty_take_opens(page: Page, tmp_path: Path) -> None:
    (tmp_path / "take.html").write_text(
        render_page(TakeInfo(RATE), np.zeros(0, np.int16), np.zeros((0, 61), np.float32)), encoding="utf-8"
    )
    await page.open((tmp_path / "take.html").as_uri())
    assert await page.evaluate("neurosyncTake.mouth().openingHeight") == 0


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (360, False)])
async def test_the_page_fits_its_window_in_light_and_dark(page: Page, tmp_path: Path, width: int, dark: bool) -> None:
    await page.resize(width, 800, dark=dark)
    await show(page, tmp_path, np.stack([pose(**POSES["AA"])] * 30))
    wide, brightness = json.loads(
        await page.evaluate(
            "JSON.stringify([document.documentElement.scrollWidth,"
            " getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((a, b) => a + Number(b), 0) / 3])"
        )
    )
    assert wide <= width
    assert (brightness < 128) == dark
    await page.resize(1100, 900)
