"""Which emotions hold from which sample of a turn."""

from __future__ import annotations

from neurosync.v1 import media_pb2 as media
from services.common.wire import EMOTIONS
from services.orchestrator.record.transcript import TranscriptSentence, TranscriptWord
from services.orchestrator.record.turn_emotions import TurnEmotions
from services.text.emotion_tags import EMOTION_OF_WORD

TEXT = "[happy] Hello! [sad:0.5] And goodbye. [neutral]"


def sentence() -> TranscriptSentence:
    made = TranscriptSentence(TEXT, 100, 5000)
    made.words = [
        TranscriptWord("Hello!", 108, 114, 5100, 5600, False),
        TranscriptWord("And", 125, 128, 6000, 6100, False),
        TranscriptWord("goodbye.", 129, 137, 6100, 6900, False),
    ]
    made.end_sample = 7000
    return made


def weight(emotion: media.Emotion.ValueType, strength: float) -> media.EmotionWeight:
    return media.EmotionWeight(emotion=emotion, weight=strength)


def key(sample: int, emotion: media.Emotion.ValueType, strength: float = 1.0) -> media.EmotionKey:
    return media.EmotionKey(at_sample=sample, weights=[weight(emotion, strength)])


def test_tags_hold_from_the_first_sample_or_from_the_word_that_follows_them() -> None:
    emotions = TurnEmotions([])
    assert emotions.opening() == []
    assert emotions.leading(sentence()) == [key(5000, media.EMOTION_HAPPY)]
    assert emotions.following(sentence()) == [key(6000, media.EMOTION_SAD, 0.5), key(7000, media.EMOTION_NEUTRAL)]


def test_without_times_of_words_a_tag_holds_from_its_place_in_the_text() -> None:
    untimed = TranscriptSentence("One two [sad] x y z ", 0, 1000, 3000)
    assert TurnEmotions([]).following(untimed) == [key(1000 + 2000 * 13 // 20, media.EMOTION_SAD)]


def test_the_emotions_of_the_request_come_first() -> None:
    emotions = TurnEmotions([weight(media.EMOTION_ANGRY, 0.25)])
    assert emotions.opening() == [key(0, media.EMOTION_ANGRY, 0.25)]


def test_what_the_model_recognizes_counts_until_the_text_directs_something() -> None:
    emotions = TurnEmotions([])
    recognized = key(300, media.EMOTION_FEARFUL, 0.5)
    assert emotions.recognized(recognized) == [recognized]
    assert emotions.leading(sentence()) == [key(5000, media.EMOTION_HAPPY)]
    assert emotions.recognized(key(6000, media.EMOTION_FEARFUL)) == []


def test_every_word_for_an_emotion_has_its_emotion() -> None:
    assert set(EMOTION_OF_WORD.values()) == set(EMOTIONS)
    assert sorted(EMOTIONS.values()) == media.Emotion.values()[1:]
