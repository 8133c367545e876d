"""The embedded voice over real gRPC: the audio and its timings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from itertools import pairwise
from typing import Any

import grpc
import numpy as np
import pytest
import pytest_asyncio
import soxr

from neurosync.v1 import tts_pb2
from services.common.wire import duration
from services.tts.hibari import acoustic_model as model

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLAIN = "The ship sailed past six small islands."
AUDIBLE = 32768 * 10 ** (-50 / 20)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(serve: Any) -> AsyncGenerator[Any]:
    async with serve() as client:
        yield client


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PLAIN, PLAIN.split()),
        ("**Hello**, [wide world](https://example.com)! 😀 It's `on`.",
         ["**Hello**,", "[wide", "world](https://example.com)!", "It's", "`on`."]),
        ("*waves* “Yes,” she said — no more.", ["“Yes,”", "she", "said", "no", "more."]),
        ("Dr. Smith paid $5.20 at 7:30 pm, i.e. too late.", "Dr. Smith paid $5.20 at 7:30 pm, i.e. too late.".split()),
        ("Henry VIII met St. Paul on Jan. 5.", "Henry VIII met St. Paul on Jan. 5.".split()),
        ("In 1999, 42% of 1,000 people left on 3/4/21.", "In 1999, 42% of 1,000 people left on 3/4/21.".split()),
        ("A well-known x² isn't NASA’s, zyxtra!", "A well-known x² isn't NASA’s, zyxtra!".split()),
    ],
)  # fmt: skip
async def test_words_are_slices_of_the_original_text_and_measured(client: Any, text: str, words: list[str]) -> None:
    result = await client.synthesize(text)
    assert [timing.word for timing in result.words] == words
    assert [text[timing.start_char : timing.end_char] for timing in result.words] == words
    assert not any(timing.estimated for timing in result.words)
    assert all(timing.end_sample > timing.start_sample for timing in result.words)


async def test_timings_follow_each_other_and_cover_the_speech(client: Any) -> None:
    result = await client.synthesize("One moment, please. I will look it up for you!")
    for timings in (result.words, result.phonemes):
        assert all(a.end_sample <= b.start_sample for a, b in pairwise(timings))
    audible = np.flatnonzero(np.abs(result.pcm.astype(int)) > AUDIBLE)
    assert result.words[0].start_sample <= audible[0] + 0.005 * result.rate
    assert result.words[-1].end_sample >= audible[-1] - 0.03 * result.rate
    assert result.words[-1].end_sample <= len(result.speech)
    assert result.phonemes[0].start_sample == result.words[0].start_sample
    assert result.phonemes[-1].end_sample == result.words[-1].end_sample


async def test_sibilants_hiss_and_vowels_do_not_where_their_phonemes_are_timed(client: Any) -> None:
    result = await client.synthesize("She sells sea shells, sixty six ships sank, and Susan passed the salt.")
    hiss: dict[bool, list[float]] = {True: [], False: []}
    for phoneme in result.phonemes:
        stretch = result.pcm[phoneme.start_sample : phoneme.end_sample].astype(float)
        symbol = phoneme.phoneme.lstrip("ˈˌ")
        if symbol and (symbol in "sʃ" or symbol[0] in "aeiouæɑɔəɛɜɪʊʌ") and len(stretch) > 480:
            power = np.abs(np.fft.rfft(stretch * np.hanning(len(stretch)))) ** 2
            frequency = np.fft.rfftfreq(len(stretch), 1 / result.rate)
            hiss[symbol in "sʃ"].append(float(power[frequency > 3500].sum() / power.sum()))
    assert np.mean(hiss[True]) > 0.7
    assert np.mean(hiss[False]) < 0.05


async def test_two_sentences_are_parted_by_silence_between_their_words(
    client: Any, level: Callable[[Any], float]
) -> None:
    result = await client.synthesize("Stop right there. Go back to the house.")
    before, after = result.words[2], result.words[3]
    middle = (before.end_sample + after.start_sample) // 2
    assert level(result.pcm[middle - 2400 : middle + 2400]) < -60
    for word in result.words:
        assert level(result.pcm[word.start_sample : word.end_sample]) > -35
    gap = (after.start_sample - before.end_sample) / result.rate
    assert 0.38 <= gap <= 0.52, "the pause of a sentence, with what a voice needs to die away and to begin"


@pytest.mark.parametrize("text", ["Five thin fish.", "Hello there!", "Pat kept it up.", "Oh."])
async def test_speech_begins_within_30_ms_and_nothing_is_cut_off(client: Any, text: str) -> None:
    result = await client.synthesize(text)
    audible = np.flatnonzero(np.abs(result.speech.astype(int)) > AUDIBLE)
    assert audible[0] / result.rate <= 0.030
    assert abs(int(result.speech[0])) <= 3
    assert abs(int(result.speech[-1])) <= 3, "the release has died away"
    assert (len(result.speech) - audible[-1]) / result.rate <= 0.1


async def test_speech_is_as_loud_as_other_voices_and_never_clips(client: Any, level: Callable[[Any], float]) -> None:
    for text in (PLAIN, "I think so, um, maybe.", "Wow! That is amazing, thank you so much!", "Yes."):
        result = await client.synthesize(text)
        assert -24 < level(result.speech) < -16
        assert np.abs(result.pcm.astype(int)).max() < 0.95 * 32768


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Well, I see,", 0.16),
        ("I see.", 0.38),
        ("I see...", 0.65),
        ("I see.\n\n", 0.65),
        ("\u201cI see!\u201d 😀 ", 0.38),
        ("I see", 0.06),
    ],
)
async def test_the_closing_pause_is_what_the_punctuation_asks_for(client: Any, text: str, seconds: float) -> None:
    result = await client.synthesize(text)
    assert result.finished.pause_sample_count == round(seconds * result.rate)
    assert result.finished.sample_count == len(result.pcm)
    assert not result.pcm[len(result.speech) :].any()


async def test_the_closing_pause_is_no_shorter_than_asked(client: Any) -> None:
    result = await client.synthesize("I see,", min_pause=duration(0.75))
    assert result.finished.pause_sample_count == round(0.75 * result.rate)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
async def test_every_rate_gives_the_same_speech_and_times(client: Any, rate: int) -> None:
    own, other = await client.synthesize(PLAIN), await client.synthesize(PLAIN, sample_rate_hertz=rate)
    assert other.rate == rate
    assert abs(len(other.pcm) - len(own.pcm) * rate / own.rate) <= 2
    for a, b in zip([*own.words, *own.phonemes], [*other.words, *other.phonemes], strict=True):
        assert abs(b.start_sample - a.start_sample * rate / own.rate) <= 0.5
        assert abs(b.end_sample - a.end_sample * rate / own.rate) <= 0.5
    at_once = soxr.resample(own.speech, own.rate, rate)
    difference = at_once[: len(other.speech)].astype(int) - other.speech[: len(at_once)]
    assert np.abs(difference).max() <= 64, "chunks were resampled one by one, and clicked"


async def test_sound_comes_in_chunks_of_20_to_100_ms_behind_one_header(client: Any) -> None:
    result = await client.synthesize("This is one sentence. And here is a second one, rather longer than the first.")
    assert result.kinds[:2] == ["header", "audio"]
    assert result.kinds.count("header") == 1
    assert result.kinds[-1] == "finished"
    assert {"audio", "timings"} == set(result.kinds[1:-1])
    lengths = [len(chunk) / result.rate for chunk in result.chunks]
    assert all(0.02 <= seconds <= 0.1 for seconds in lengths[:-1])
    assert 0 < result.finished.first_audio.ToNanoseconds() <= result.finished.total.ToNanoseconds()


async def test_twice_the_speed_takes_about_half_the_time(client: Any) -> None:
    slow, normal, fast = [await client.synthesize(PLAIN, speed=speed) for speed in (0.5, 0, 2)]
    assert 1.6 < len(slow.pcm) / len(normal.pcm) < 2.2
    assert 0.4 < len(fast.pcm) / len(normal.pcm) < 0.65
    assert [timing.word for timing in fast.words] == PLAIN.split()


@pytest.mark.parametrize("text", ["***", "😀👍🏽", "*waves*", "...", " \n ", "```\nx = 1\n```"])
async def test_a_text_without_anything_to_speak_gives_a_header_and_the_end(client: Any, text: str) -> None:
    result = await client.synthesize(text, sample_rate_hertz=16_000)
    assert result.kinds == ["header", "finished"]
    assert result.rate == 16_000
    assert (result.finished.sample_count, result.finished.pause_sample_count) == (0, 0)


async def test_a_long_text_is_spoken_whole_and_in_order(client: Any) -> None:
    text = "The river runs on past the mill, and nobody counts the hours, " * 12 + "until it ends."
    result = await client.synthesize(text)
    assert [timing.word for timing in result.words] == text.split()
    starts = [timing.start_sample for timing in result.words]
    assert starts == sorted(starts)
    assert result.words[-1].end_sample <= len(result.speech)


@pytest.mark.timeout(20)
async def test_a_word_without_end_is_spoken_in_bounded_time(client: Any) -> None:
    result = await client.synthesize("a-" * 150)
    (word,) = result.words
    assert word.end_char == 300
    assert word.end_sample > len(result.speech) - 0.1 * result.rate


async def test_calls_at_once_give_the_same_as_calls_one_by_one(client: Any) -> None:
    texts = [PLAIN, "Never mind.", "What a day it was, my friend!"]
    alone = [await client.synthesize(text) for text in texts]
    together = await asyncio.gather(*(client.synthesize(text) for text in texts * 2))
    for one, other in zip(alone * 2, together, strict=True):
        assert np.array_equal(one.pcm, other.pcm)
        assert one.words == other.words


async def test_the_embedded_voice_is_listed(client: Any) -> None:
    listed = await client.stub.ListVoices(tts_pb2.ListVoicesRequest(), timeout=10)
    (voice,) = listed.voices
    assert (voice.voice, voice.provider, voice.sample_rate_hertz, voice.exact_timings) == (
        "heart",
        "hibari",
        24_000,
        True,
    )
    result = await client.synthesize("Yes.", voice=voice.voice)
    assert (result.header.provider, result.header.voice) == ("hibari", "heart")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": ""}, "text"),
        ({"text": "a" * 5001}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "bell \x07"}, "text"),
        ({"text": "Hi", "previous_text": "\x1b[0m"}, "previous_text"),
        ({"text": "Hi", "voice": "nobody"}, "voice"),
        ({"text": "Hi", "sample_rate_hertz": 7_999}, "sample_rate_hertz"),
        ({"text": "Hi", "sample_rate_hertz": 48_001}, "sample_rate_hertz"),
        ({"text": "Hi", "sample_rate_hertz": -1}, "sample_rate_hertz"),
        ({"text": "Hi", "speed": 0.4}, "speed"),
        ({"text": "Hi", "speed": 2.1}, "speed"),
        ({"text": "Hi", "speed": float("nan")}, "speed"),
        ({"text": "Hi", "min_pause": duration(2.1)}, "min_pause"),
        ({"text": "Hi", "min_pause": duration(-0.1)}, "min_pause"),
    ],
)
async def test_a_wrong_field_is_named(client: Any, fields: dict[str, Any], named: str) -> None:
    error = await client.refusal(**fields)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert (error.details() or "").startswith(f"{named}: expected ")


LONG = "The river runs on past the mill and nobody counts the hours. " * 80


async def test_a_call_beyond_the_limit_is_refused_and_a_cancelled_one_makes_room(serve: Any) -> None:
    async with serve(max_calls=1) as client:
        first = client.call(LONG, sample_rate_hertz=48_000)
        assert (await first.read()).WhichOneof("event") == "header"
        error = await client.refusal("Me too.")
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        first.cancel()
        result = await client.synthesize("Now me.")
        assert [timing.word for timing in result.words] == ["Now", "me."]


async def test_another_model_than_the_expected_one_speaks_with_estimated_times(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "MODEL_SHA256", "0" * 64)
    async with serve() as client:
        exact = (await client.stub.ListVoices(tts_pb2.ListVoicesRequest(), timeout=10)).voices[0].exact_timings
        result = await client.synthesize(PLAIN)
    assert not exact
    assert [timing.word for timing in result.words] == PLAIN.split()
    assert all(timing.estimated for timing in result.words)
    assert result.words[0].start_sample < 0.05 * result.rate
    assert len(result.speech) - result.words[-1].end_sample < 0.1 * result.rate
