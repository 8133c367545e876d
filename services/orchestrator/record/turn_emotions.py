"""The emotions of a turn, as keys by sample: of the request, of tags in the text, or of the face model.

The request and the text come first; only where neither holds an emotion do those of the face model count.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurosync.v1 import media_pb2
from services.common.wire import EMOTIONS
from services.orchestrator.record.transcript import TranscriptSentence
from services.text.emotion_tags import TAG, EmotionTag, find_tags


class TurnEmotions:
    """Decides which emotions hold from which sample of one turn; every method returns the keys to send."""

    def __init__(self, requested: Sequence[media_pb2.EmotionWeight]) -> None:
        """Begin with the emotions of the request, which may be none."""
        self._requested = requested
        self._is_directed = bool(requested)

    def opening(self) -> list[media_pb2.EmotionKey]:
        """Return the emotions of the request."""
        return [media_pb2.EmotionKey(at_sample=0, weights=self._requested)] if self._requested else []

    def leading(self, sentence: TranscriptSentence) -> list[media_pb2.EmotionKey]:
        """Return the tags before a sentence's first word; its sound is still to be made."""
        return [
            self._directed(tag, sentence.start_sample) for tag in find_tags(sentence.text) if _leads(tag, sentence.text)
        ]

    def following(self, sentence: TranscriptSentence) -> list[media_pb2.EmotionKey]:
        """Return the tags further on in a sentence, each from the word that follows it; those words are timed now."""
        return [
            self._directed(tag, _sample_after(tag, sentence))
            for tag in find_tags(sentence.text)
            if not _leads(tag, sentence.text)
        ]

    def recognized(self, key: media_pb2.EmotionKey) -> list[media_pb2.EmotionKey]:
        """Return the emotions that the face model recognized in the voice, unless request or text direct others."""
        return [] if self._is_directed else [key]

    def _directed(self, tag: EmotionTag, sample: int) -> media_pb2.EmotionKey:
        self._is_directed = True
        weight = media_pb2.EmotionWeight(emotion=EMOTIONS[tag.name], weight=tag.strength)
        return media_pb2.EmotionKey(at_sample=sample, weights=[weight])


def _sample_after(tag: EmotionTag, sentence: TranscriptSentence) -> int:
    """Return the sample from which a tag amid a sentence holds; without times of words, by its place in the text."""
    end = sentence.start_sample if sentence.end_sample is None else sentence.end_sample
    if not sentence.words:
        return sentence.start_sample + (end - sentence.start_sample) * tag.end // len(sentence.text)
    after = sentence.start_char + tag.end
    return next((word.start_sample for word in sentence.words if word.start_char >= after), end)


def _leads(tag: EmotionTag, text: str) -> bool:
    """Return whether no word stands before a tag."""
    return not any(map(str.isalnum, TAG.sub("", text[: tag.start])))
