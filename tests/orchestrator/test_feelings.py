"""What a turn feels, and from which sample on."""

from __future__ import annotations

from neurosync.v1 import media_pb2 as media
from services.orchestrator.transcript import Line, Word
from services.orchestrator.turn_emotions import EMOTIONS, Feelings
from services.text.emotion_tags import NAMES

TEXT = "[happy] Hello! [sad:0.5] And goodbye. [neutral]"


def line() -> Line:
    made = Line(TEXT, 100, 5000)
    made.words = [
        Word("Hello!", 108, 114, 5100, 5600, False),
        Word("And", 125, 128, 6000, 6100, False),
        Word("goodbye.", 129, 137, 6100, 6900, False),
    ]
    made.end_sample = 7000
    return made


def weight(emotion: media.Emotion.ValueType, strength: float) -> media.EmotionWeight:
    return media.EmotionWeight(emotion=emotion, weight=strength)


def key(sample: int, emotion: media.Emotion.ValueType, strength: float = 1.0) -> media.EmotionKey:
    return media.EmotionKey(at_sample=sample, weights=[weight(emotion, strength)])


def test_tags_hold_from_the_first_sample_or_from_the_word_that_follows_them() -> None:
    told: list[media.EmotionKey] = []
    felt = Feelings([], told.append)
    felt.begin()
    assert told == []
    felt.begin_line(line())
    assert told == [key(5000, media.EMOTION_HAPPY)]
    felt.finish_line(line())
    assert told[1:] == [key(6000, media.EMOTION_SAD, 0.5), key(7000, media.EMOTION_NEUTRAL)]


def test_without_times_of_words_a_tag_holds_from_its_place_in_the_text() -> None:
    told: list[media.EmotionKey] = []
    untimed = Line("One two [sad] x y z ", 0, 1000, 3000)
    Feelings([], told.append).finish_line(untimed)
    assert told == [key(1000 + 2000 * 13 // 20, media.EMOTION_SAD)]


def test_the_mood_of_the_request_comes_first_and_every_listener_is_told() -> None:
    told: list[media.EmotionKey] = []
    seen: list[media.EmotionKey] = []
    felt = Feelings([weight(media.EMOTION_ANGRY, 0.25)], told.append)
    felt.tell(seen.append)
    felt.begin()
    assert told == seen == [key(0, media.EMOTION_ANGRY, 0.25)]


def test_what_the_model_hears_counts_until_the_text_says_something() -> None:
    told: list[media.EmotionKey] = []
    felt = Feelings([], told.append)
    heard = key(300, media.EMOTION_FEARFUL, 0.5)
    felt.hear(heard)
    felt.begin_line(line())
    felt.hear(key(6000, media.EMOTION_FEARFUL))
    assert told == [heard, key(5000, media.EMOTION_HAPPY)]


def test_every_word_for_an_emotion_has_its_emotion() -> None:
    assert set(NAMES.values()) == set(EMOTIONS)
    assert sorted(EMOTIONS.values()) == media.Emotion.values()[1:]
