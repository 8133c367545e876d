"""What was heard of a turn, from the samples that were heard."""

from __future__ import annotations

from services.orchestrator.record.transcript import Transcript, TranscriptWord

FIRST, SECOND = "Hello, dear world! ", "Bye now."


def transcript() -> Transcript:
    made = Transcript()
    first = made.begin(FIRST, 0, 0)
    first.words = [TranscriptWord("Hello", 0, 5, 100, 200, False), TranscriptWord("dear", 7, 11, 220, 300, False)]
    first.words.append(TranscriptWord("world", 12, 17, 310, 400, False))
    first.end_sample = 500
    second = made.begin(SECOND, len(FIRST), 500)
    second.words = [TranscriptWord("Bye", 19, 22, 550, 600, False), TranscriptWord("now", 23, 26, 620, 700, False)]
    second.end_sample = 800
    return made


def test_nothing_is_heard_before_the_first_word_ends() -> None:
    assert transcript().heard_text(0) == transcript().heard_text(199) == ""


def test_only_words_whose_last_sample_was_heard_count() -> None:
    assert transcript().heard_text(200) == "Hello"
    assert transcript().heard_text(299) == "Hello"
    assert transcript().heard_text(300) == "Hello, dear"


def test_a_sentence_heard_to_its_last_word_comes_with_its_mark() -> None:
    assert transcript().heard_text(400) == "Hello, dear world!"
    assert transcript().heard_text(650) == "Hello, dear world! Bye"
    assert transcript().heard_text(700) == "Hello, dear world! Bye now."


def test_a_sentence_that_is_still_being_made_ends_at_its_last_heard_word() -> None:
    made = transcript()
    made.sentences[1].end_sample = None
    assert made.heard_text(700) == "Hello, dear world! Bye now"


def test_a_sentence_that_failed_is_not_heard_but_the_next_one_is() -> None:
    made = transcript()
    made.sentences[0].words.clear()
    made.sentences[0].end_sample = 500
    made.sentences[0].text = ""
    assert made.heard_text(700) == "Bye now."


def test_every_word_is_reported_exactly_once() -> None:
    made = transcript()
    reported = [word.text for sample in range(0, 900, 7) for word in made.newly_heard(sample)]
    assert reported == ["Hello", "dear", "world", "Bye", "now"]
