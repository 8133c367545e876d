"""The parts of the voice that compute: pauses, levels, trimming, alignment, estimates, the breaker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.providers.breaker import Breaker
from services.tts import level
from services.tts.estimate import spread
from services.tts.hibari import acoustic_model as model
from services.tts.hibari import phoneme_times as phones
from services.tts.hibari import pronunciation as reading
from services.tts.hibari.word_alignment import align
from services.tts.pauses import Pauses
from services.tts.providers.character_times import CharacterTimes
from services.tts.settings import SpeechSettings
from services.tts.trim import Track, Trimmer

RATE = 16_000


def test_the_vocoder_in_pieces_is_the_vocoder_of_hibari() -> None:
    from hibari import dsp

    voice = model.Model()
    made = voice.predict("həlˈO ðˈɛɹ, hˌW ɑɹ ju dˈuɪŋ tədˈA, ænd wˌʌt ɪz ðə nˈuz?", 1.0)
    level_, phase, noise, free, free_phase = made.parts
    made = model.Prediction((level_, phase, np.full_like(noise, -40), free, free_phase), made.pitch, made.durations)
    whole = dsp.synth(*made.parts, made.pitch, np.random.default_rng(0))
    pieces = np.concatenate(list(model.vocode(made, 0, made.frame_count)))
    assert len(pieces) == len(whole) == made.frame_count * model.HOP
    assert np.abs(pieces[900:-900] - whole[900:-900]).max() < 1e-4, "at both ends the windows do not overlap fully"
    part = np.concatenate(list(model.vocode(made, 40, 100)))
    assert np.abs(part[900:-900] - whole[40 * 300 + 900 : 100 * 300 - 900]).max() < 1e-4


def test_the_durations_of_the_network_add_up_to_its_sound() -> None:
    voice = model.Model()
    for speed in (0.5, 1.0, 1.37, 2.0):
        made = voice.predict("ðɪs ɪz ɐ sˈɛntᵊns.", speed)
        assert made.durations is not None
        assert len(made.durations) == len("ðɪs ɪz ɐ sˈɛntᵊns.") + 2
        assert int(made.durations.sum()) * model.FRAMES_PER_UNIT == made.frame_count


def test_reading_in_parts_gives_the_phonemes_that_the_voice_gives() -> None:
    from hibari.g2p import G2P

    g2p, symbols = G2P(), model.Model().symbols
    for text in ("Hello, Dr. Smith!", "It's (really) 7:30 pm on Jan. 5, isn't it?", '"Yes" he said; "no..." she said.'):
        assert reading.read(g2p, text, (), symbols).phonemes == g2p(text)


def test_stress_belongs_to_its_vowel_and_short_gaps_to_their_neighbours() -> None:
    durations = [4, 2, 2, 1, 3, 1, 2, 4, 4, 2, 3, 1]  # of: pad t  space ˈ A space b , space i t pad
    found = phones.segments("t ˈA b, it", durations)
    assert [segment.symbol for segment in found] == ["t", "ˈeɪ", "b", "", "i", "t"]
    unit, late = model.UNIT, phones.LATENESS
    assert found[0].start == 4 * unit - late
    assert found[0].end == found[1].start == 7 * unit - late, "two steps of space, one for each side"
    assert (found[3].start, found[3].end) == (15 * unit - late, 23 * unit - late)
    assert found[-1].end == 28 * unit - late


@pytest.mark.parametrize(
    ("written", "read", "owners"),
    [
        ("at 7:30 pm now", "at seven thirty P.M. now", [0, 1, 1, 2, 3]),
        ("5 Jan is", "the fifth of January is", [0, 0, 0, 1, 2]),
        ("w/o a plan", "without a plan", [0, 1, 2]),
        ("AKA me", "also known as me", [0, 0, 0, 1]),
        ("same words", "same words", [0, 1]),
    ],
)
def test_words_that_are_read_otherwise_keep_their_place(written: str, read: str, owners: list[int]) -> None:
    expansions = {"7:30": ["seven", "thirty"], "pm": ["pm"]}
    assert align(written.split(), read.split(), lambda word: expansions.get(word, [word]))[0] == owners


@given(st.lists(st.text("ab1", min_size=1, max_size=3), max_size=9), st.lists(st.text("ab1", min_size=1), max_size=9))
@settings(deadline=None)
def test_every_read_word_has_a_written_one_in_order(written: list[str], read: list[str]) -> None:
    owners, unsure = align(written, read, lambda word: [word])
    if written:
        assert len(owners) == len(read)
        assert owners == sorted(owners)
        assert {*owners, *unsure} <= set(range(len(written)))


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=12), st.integers(0, 5000), st.integers(0, 5000))
@settings(deadline=None)
def test_trimming_does_not_depend_on_the_chunks(cuts: list[int], lead: int, tail: int) -> None:
    noise = np.random.default_rng(1).integers(-6000, 6000, 9000).astype(np.int16)
    noise[3000:5000] = 0
    sound = np.concatenate([np.zeros(lead, np.int16), noise, np.zeros(tail, np.int16)])
    whole, parted = Trimmer(RATE), Trimmer(RATE)
    expected = np.concatenate([whole.push(sound), whole.end()])
    places = np.cumsum(cuts)
    found = np.concatenate(
        [*(parted.push(part) for part in np.split(sound, places[places < len(sound)])), parted.end()]
    )
    assert np.array_equal(found, expected)
    assert len(expected) == min(lead, 240) + 9000 + min(tail, 960)


def test_a_track_says_where_samples_of_the_provider_went() -> None:
    track = Track(RATE)
    first = np.concatenate([np.zeros(4000, np.int16), np.full(8000, 5000, np.int16), np.zeros(6000, np.int16)])
    out = [track.push(first), track.end_phrase()]
    assert [track.place(sample) for sample in (0, 4000, 12_000, 18_000)] == [0, 240, 8240, 9200]
    out += [track.next_phrase(0.25), track.push(first), track.end_phrase()]
    assert [track.place(18_000 + sample) for sample in (0, 4000, 12_000)] == [13_200, 13_440, 21_440]
    assert len(np.concatenate(out)) == track.length == 2 * 9200 + 4000


def test_silence_is_no_speech() -> None:
    track = Track(RATE)
    assert not len(track.push(np.full(20_000, 50, np.int16)))
    assert not len(track.end_phrase())
    assert track.length == 0


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50), st.floats(0, 20))
def test_the_limiter_keeps_order_sign_and_the_ceiling(samples: list[float], decibels: float) -> None:
    array = np.sort(np.array(samples, np.float32))
    raised = level.louder(array, decibels).astype(int)
    assert (np.diff(raised) >= 0).all()
    assert np.abs(raised).max() <= level.CEILING * 32767 + 1
    assert (np.sign(raised) * np.sign(array) >= 0).all()


def test_quiet_sound_is_raised_by_the_gain_alone() -> None:
    raised = level.louder(np.array([0.1, -0.2], np.float32), 6.0206)
    assert raised.tolist() == [round(0.2 * 32767), round(-0.4 * 32767)]


@pytest.mark.parametrize(
    ("text", "gap", "seconds"),
    [
        ("so, then,", "", 0.1),
        ("so: ", "", 0.1),
        ("so —", "", 0.1),
        ("so.", "", 0.4),
        ('"so?!" ', "", 0.4),
        ("(so.)", "", 0.4),
        ("いいえ。", "", 0.4),
        ("so…", "", 0.8),
        ("so.", "\n \n", 0.8),
        ("a heading", "\n", 0.4),
        ("so", " ", 0.0),
        ("", "", 0.0),
    ],
)
def test_the_pause_follows_from_the_last_mark(text: str, gap: str, seconds: float) -> None:
    assert Pauses(clause=0.1, sentence=0.4, paragraph=0.8, unmarked=0.0).after(text, gap) == seconds


@given(
    st.lists(st.sampled_from(["a", "cat,", "extraordinary", "42", "東京", "end."]), max_size=8), st.integers(0, 50_000)
)
def test_estimated_words_follow_each_other_from_the_start_to_the_end(words: list[str], length: int) -> None:
    spans = spread(words, 1000, 1000 + length)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert len(spans) == len(words)
    if words:
        assert (edges[0], edges[-1]) == (1000, 1000 + length)


def test_a_long_word_is_estimated_to_take_longer() -> None:
    (short, long), (comma, plain) = spread(["I", "remember"], 0, 900), spread(["well,", "well"], 0, 900)
    assert long[1] - long[0] > 3 * (short[1] - short[0])
    assert plain[0] > comma[1], "a comma leaves a pause"


def test_characters_that_the_vendor_adds_or_leaves_out_do_not_shift_the_words() -> None:
    times = CharacterTimes("ab cd ef", ((0, 2), (3, 5), (6, 8)), 1000)
    found = times.push(
        [" ", "a", "b", " ", "c", "d", " "], [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.1 * i for i in range(1, 8)], 0
    )
    found += times.push(["e"], [0.7], [0.9], 700)
    found += times.end(1000)
    assert [(word.index, word.start, word.end, word.estimated) for word in found] == [
        (0, 100, 300, False),
        (1, 400, 600, False),
        (2, 700, 900, False),
    ]


def test_a_word_that_the_vendor_left_out_shares_the_time_between_its_neighbours() -> None:
    times = CharacterTimes("ab cd ef", ((0, 2), (3, 5), (6, 8)), 1000)
    found = times.push(["a", "b", "e", "f"], [0.1, 0.2, 0.6, 0.7], [0.2, 0.3, 0.7, 0.8], 0) + times.end(1000)
    assert [(word.index, word.start, word.end, word.estimated) for word in found] == [
        (0, 100, 300, False),
        (1, 300, 600, True),
        (2, 600, 800, False),
    ]


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_call_try_after_a_while() -> None:
    breaker = Breaker(2, 30)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(1)
    assert breaker.allows(1)
    breaker.failed(2)
    assert not breaker.allows(31.9)
    assert breaker.allows(32)
    assert not breaker.allows(33), "one tries, the others wait for how it fares"
    breaker.succeeded()
    assert breaker.allows(33)


def test_a_failure_that_says_how_long_opens_the_breaker_at_once() -> None:
    breaker = Breaker(5, 30)
    breaker.failed(0, hold=300)
    assert not breaker.allows(299)
    assert breaker.allows(300)


def test_the_names_that_users_have_still_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_PROVIDER", "elevenlabs")
    monkeypatch.setenv("ELEVENLABS_API_KEY", "k")
    monkeypatch.setenv("ELEVENLABS_VOICE_ID", "v")
    monkeypatch.setenv("ELEVENLABS_MODEL_ID", "m")
    monkeypatch.setenv("LOCAL_TTS_URL", "http://127.0.0.1:8000/generate_speech")
    made = load(SpeechSettings)
    assert (made.provider, made.elevenlabs_voice_id, made.elevenlabs_model_id) == ("elevenlabs", "v", "m")
    assert made.elevenlabs_api_key and made.elevenlabs_api_key.get_secret_value() == "k"
    assert made.local_url == "http://127.0.0.1:8000/generate_speech"
    assert made.listen == "127.0.0.1:50052"


def test_a_provider_without_what_it_needs_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "")
    with pytest.raises(ConfigurationError, match="elevenlabs needs ELEVENLABS_API_KEY"):
        load(SpeechSettings, provider="elevenlabs")
    with pytest.raises(ConfigurationError, match="local needs LOCAL_TTS_URL"):
        load(SpeechSettings, provider="local")
