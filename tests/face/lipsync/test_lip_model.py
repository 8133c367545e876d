"""The shipped model: frame counts, timing, flushes, and plausible mouth shapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from services.common.errors import ConfigurationError
from services.common.types import Pcm, Weights
from services.face.face_model import FaceModel, FaceStream
from services.face.lipsync.lip_model import LipModel
from services.face.sinc_resampler import SincResampler
from services.media.curves import CURVE_COUNT, CURVE_NAMES, EYES, INDEX, ROTATIONS, clamp
from training.face.targets.phones import Segment

JAW = INDEX["JawOpen"]
CLOSE = INDEX["MouthClose"]
Animate = Callable[[Pcm, int], Weights]
SpokenText = tuple[Pcm, int, list[Segment]]
PHRASE = "Mama, papa and baby Bob may buy a big map."


def test_the_model_is_a_face_model(model: LipModel) -> None:
    as_model: FaceModel = model
    as_stream: FaceStream = model.open(24_000)
    assert as_model.description.frame_rate == 60
    assert as_model.description.look_ahead == -(-7 * 16_000 // 60)  # its own 1/60 s and 100 ms
    assert as_stream.look_ahead >= 2800


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100])
@pytest.mark.parametrize("seed", [0, 1])
def test_streaming_equals_the_whole_for_chunks_of_any_size(
    model: LipModel, speak: Callable[[str], SpokenText], animate: Animate, rate: int, seed: int
) -> None:
    pcm, _, _ = speak(PHRASE)
    rng = np.random.default_rng(seed)
    ends = np.cumsum(rng.integers(0, 2500, len(pcm)))
    stream = model.open(rate)  # the wrong rate for this voice does not matter here
    pieces = [stream.push(piece) for piece in np.split(pcm, ends[ends < len(pcm)])]
    np.testing.assert_allclose(np.concatenate([*pieces, stream.end()]), animate(pcm, rate), atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 22_051, 44_100, 48_000, 88_200, 191_999, 192_000])
@pytest.mark.parametrize("samples", [0, 1, 5000, 40_001])
def test_every_sixtieth_of_a_second_that_has_sound_gets_a_frame(animate: Animate, rate: int, samples: int) -> None:
    frames = animate(np.zeros(samples, np.int16), rate)
    assert frames.shape == (-(-samples * 60 // rate), CURVE_COUNT)
    assert frames.dtype == np.float32


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000])
def test_a_frame_waits_for_its_look_ahead_and_no_longer(model: LipModel, rate: int) -> None:
    stream = model.open(rate)
    wait = stream.look_ahead
    assert wait < 0.122 * rate
    given = len(stream.push(np.zeros(wait, np.int16)))
    assert given == 1
    given += len(stream.push(np.zeros(rate, np.int16)))  # frame 60 is for one second
    assert given == 61


@pytest.mark.parametrize("wait", [50, 100, 200])
def test_every_look_ahead_streams_what_the_whole_clip_gives(speak: Callable[[str], SpokenText], wait: int) -> None:
    pcm, rate, _ = speak(PHRASE)
    model = LipModel(look_ahead=wait)
    assert model.description.look_ahead == -(-16 * (wait + 1000 / 60) // 1)
    whole, stream = model.open(rate), model.open(rate)
    at_once = np.concatenate([whole.push(pcm), whole.end()])
    pieces = [stream.push(pcm[start : start + 400]) for start in range(0, len(pcm), 400)]
    frames = np.concatenate([*pieces, stream.end()])
    np.testing.assert_allclose(frames, at_once, atol=1e-4)
    assert len(frames) == -(-len(pcm) * 60 // rate)


def test_the_look_aheads_give_the_same_at_the_same_time(speak: Callable[[str], SpokenText]) -> None:
    pcm, rate, _ = speak(PHRASE)
    soon, late = (LipModel(look_ahead=wait, upper_face=False).open(rate).push(pcm)[:, JAW] for wait in (100, 200))
    count = min(len(soon), len(late))
    alike = [np.corrcoef(soon[3 : count - 3], late[3 + lag : count - 3 + lag])[0, 1] for lag in range(-3, 4)]
    assert np.argmax(alike) in {2, 3, 4}
    assert max(alike) > 0.9


def test_the_mouth_moves_at_the_same_time_at_every_rate(speak: Callable[[str], SpokenText], animate: Animate) -> None:
    pcm, rate, _ = speak(PHRASE)
    jaw = animate(pcm, rate)[:, JAW]
    for other in (16_000, 44_100, 48_000):
        converted = SincResampler(rate, other).push(pcm.astype(np.float32)).astype(np.int16)
        same = animate(converted, other)[: len(jaw), JAW]
        assert np.corrcoef(jaw[: len(same)], same)[0, 1] > 0.98
        assert np.corrcoef(jaw[1 : len(same)], same[:-1])[0, 1] < np.corrcoef(jaw[: len(same)], same)[0, 1]


def test_a_buzz_is_not_speech(animate: Animate) -> None:
    t = np.arange(32_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * 120 * n * t) / n for n in range(1, 20))
    assert animate(np.asarray(8000 * buzz * (t > 0.5), np.int16), 16_000)[:, JAW].max() < 0.05


@pytest.mark.parametrize("level", [None, -60, -30, -20])
@pytest.mark.parametrize("slope", [0, 3])
def test_silence_and_steady_noise_keep_the_jaw_shut(animate: Animate, level: int | None, slope: int) -> None:
    count = 16_000 * 4
    spectrum = np.fft.rfft(np.random.default_rng(11).standard_normal(count))
    spectrum *= np.maximum(np.fft.rfftfreq(count), 0.002) ** (-slope / 6)
    noise = np.fft.irfft(spectrum)
    gain = 0.0 if level is None else 10 ** (level / 20) / noise.std()
    frames = animate(np.clip(noise * gain * 32768, -32768, 32767).astype(np.int16), 16_000)
    assert frames[:, JAW].max() <= (0.02 if level is None else 0.05)


def test_the_mouth_rests_after_the_last_word(speak: Callable[[str], SpokenText], animate: Animate) -> None:
    pcm, rate, segments = speak(PHRASE)
    frames = animate(np.concatenate([pcm, np.zeros(rate, np.int16)]), rate)
    assert frames[:, JAW].max() > 0.15
    assert frames[round((segments[-1].start + 0.5) * 60) :, JAW].max() < 0.02


def test_lips_meet_in_p_b_m_and_part_in_vowels(speak: Callable[[str], SpokenText], animate: Animate) -> None:
    pcm, rate, segments = speak(PHRASE)
    frames = animate(pcm, rate)
    middles = {s: round((s.start + s.end) / 2 * 60) for s in segments}
    shut = [frames[i - 2 : i + 3, CLOSE].max() for s, i in middles.items() if s.phone in "PBM"]
    wide = [frames[i, CLOSE] for s, i in middles.items() if s.phone in {"AA", "AY", "AE", "EY"}]
    assert len(shut) >= 9
    assert len(wide) >= 5
    assert np.mean(shut) > 2 * np.mean(wide)
    assert np.mean(np.array(shut) > 0.06) > 0.8
    jaw = {s: frames[i, JAW] for s, i in middles.items()}
    open_jaw = np.mean([v for s, v in jaw.items() if s.phone in {"AA", "AY", "AE"}])
    assert open_jaw > 2 * np.mean([v for s, v in jaw.items() if s.phone in "PBM"])


def test_lips_are_rounder_in_oo_than_in_ee(speak: Callable[[str], SpokenText], animate: Animate) -> None:
    def mean_of(text: str, *names: str) -> float:
        pcm, rate, _ = speak(text)
        return float(np.mean(animate(pcm, rate)[:, [INDEX[name] for name in names]]))

    round_text, wide_text = "Who knew you threw two blue spoons?", "He needs these neat seats."
    assert mean_of(round_text, "MouthFunnel", "MouthPucker") > 2 * mean_of(wide_text, "MouthFunnel", "MouthPucker")
    assert mean_of(wide_text, "MouthStretchLeft", "MouthSmileLeft") > 1.5 * mean_of(
        round_text, "MouthStretchLeft", "MouthSmileLeft"
    )


def test_weights_are_legal_and_both_sides_move_alike(speak: Callable[[str], SpokenText], animate: Animate) -> None:
    pcm, rate, _ = speak(PHRASE)
    frames = animate((pcm.astype(np.int32) * 8).clip(-32768, 32767).astype(np.int16), rate)  # badly clipped
    assert np.isfinite(frames).all()
    np.testing.assert_array_equal(frames, clamp(frames))
    blinks_and_gaze = [name for name in CURVE_NAMES[EYES] if "Squint" not in name and "Wide" not in name]
    assert not frames[:, [INDEX[name] for name in blinks_and_gaze]].any()  # the player animates them
    assert not frames[:, ROTATIONS][:, 3:].any()
    for name in (name for name in CURVE_NAMES if name.endswith("Left") and name not in {"JawLeft", "MouthLeft"}):
        np.testing.assert_array_equal(frames[:, INDEX[name]], frames[:, INDEX[name.replace("Left", "Right")]])


def test_the_animated_curves_are_the_ones_that_move(
    model: LipModel, speak: Callable[[str], SpokenText], animate: Animate
) -> None:
    pcm, rate, _ = speak("Which five thoughtful chefs vow to push the blue pebble through my window, then wave?")
    moving = {CURVE_NAMES[column] for column in np.flatnonzero(np.ptp(animate(pcm, rate), axis=0) > 0.005)}
    assert moving <= set(model.description.animated_curves)
    assert {"JawOpen", "MouthClose", "MouthPucker", "MouthFunnel", "MouthLowerDownLeft", "MouthRollLower"} <= moving


def test_flush_gives_all_frames_and_the_stream_keeps_its_context(
    model: LipModel, speak: Callable[[str], SpokenText], animate: Animate
) -> None:
    pcm, rate, _ = speak(PHRASE)
    middle = len(pcm) // 2
    stream = model.open(rate)
    before = [stream.push(pcm[:middle]), stream.flush()]
    assert sum(map(len, before)) == -(-middle * 60 // rate)
    assert len(stream.flush()) == 0
    after = [stream.push(pcm[middle:]), stream.end()]
    frames, whole = np.concatenate(before + after), animate(pcm, rate)
    assert len(frames) == len(whole)
    joint = sum(map(len, before))
    np.testing.assert_allclose(frames[: joint - 7], whole[: joint - 7], atol=1e-4)
    np.testing.assert_allclose(frames[joint + 6 :], whole[joint + 6 :], atol=1e-4)


def test_a_flush_in_the_middle_of_a_word_does_not_make_the_face_jump(
    model: LipModel, speak: Callable[[str], SpokenText], animate: Animate
) -> None:
    pcm, rate, segments = speak(PHRASE)
    usual = np.abs(np.diff(animate(pcm, rate), axis=0)).max()
    for vowel in [s for s in segments if s.phone in {"AA", "EY", "AY"}]:
        cut = round((vowel.start + vowel.end) / 2 * rate)
        stream = model.open(rate)
        frames = np.concatenate([stream.push(pcm[:cut]), stream.flush(), stream.push(pcm[cut:]), stream.end()])
        assert np.abs(np.diff(frames, axis=0)).max() < 2 * usual


def test_streams_are_independent(model: LipModel, speak: Callable[[str], SpokenText], animate: Animate) -> None:
    pcm, rate, _ = speak(PHRASE)
    one, other = model.open(rate), model.open(rate)
    frames = []
    for start in range(0, len(pcm), 4800):
        frames.append(one.push(pcm[start : start + 4800]))
        other.push(pcm[::-1][start : start + 4800])
    np.testing.assert_allclose(np.concatenate([*frames, one.end()]), animate(pcm, rate), atol=1e-4)


def test_an_unknown_model_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"expected a model shipped in .*, got 'unknown'"):
        LipModel("unknown")


def test_a_look_ahead_that_was_not_trained_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"look_ahead: expected one of .* ms for lipsync, got 75"):
        LipModel(look_ahead=75)
