"""What the character feels in a turn: the request's mood, tags in the text, or what the face model hears, as keys.

The request and the text are asked for; where neither says anything, the model's own emotions count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neurosync.v1 import media_pb2
from services.orchestrator.transcript import Line
from services.text.emotion_tags import TAG, Feeling, feelings

EMOTIONS = {
    "Angry": media_pb2.EMOTION_ANGRY,
    "Disgusted": media_pb2.EMOTION_DISGUSTED,
    "Fearful": media_pb2.EMOTION_FEARFUL,
    "Happy": media_pb2.EMOTION_HAPPY,
    "Neutral": media_pb2.EMOTION_NEUTRAL,
    "Sad": media_pb2.EMOTION_SAD,
    "Surprised": media_pb2.EMOTION_SURPRISED,
}


class Feelings:
    """The emotions of one turn, told as keys in the order of the text."""

    def __init__(self, mood: Sequence[media_pb2.EmotionWeight], tell: Callable[[media_pb2.EmotionKey], object]) -> None:
        """Begin with a mood, which may be none; `tell` is given every key."""
        self._mood = mood
        self._listeners = [tell]
        self._asked = bool(mood)

    def tell(self, listener: Callable[[media_pb2.EmotionKey], object]) -> None:
        """Give every key to another listener as well."""
        self._listeners.append(listener)

    def begin(self) -> None:
        """Tell the mood of the turn."""
        if self._mood:
            self._say(media_pb2.EmotionKey(at_sample=0, weights=self._mood))

    def begin_line(self, line: Line) -> None:
        """Tell what a sentence begins with; its sound is still to be made."""
        for tag in feelings(line.text):
            if _leads(tag, line.text):
                self._ask(tag, line.start_sample)

    def finish_line(self, line: Line) -> None:
        """Tell what a sentence says further on, each from the word that follows it; those words are timed now."""
        for tag in feelings(line.text):
            if not _leads(tag, line.text):
                self._ask(tag, _sample_after(tag, line))

    def hear(self, key: media_pb2.EmotionKey) -> None:
        """Tell what the face model heard, unless the request or the text has said something."""
        if not self._asked:
            self._say(key)

    def _ask(self, tag: Feeling, sample: int) -> None:
        self._asked = True
        weight = media_pb2.EmotionWeight(emotion=EMOTIONS[tag.name], weight=tag.strength)
        self._say(media_pb2.EmotionKey(at_sample=sample, weights=[weight]))

    def _say(self, key: media_pb2.EmotionKey) -> None:
        for listener in self._listeners:
            listener(key)


def _sample_after(tag: Feeling, line: Line) -> int:
    """Return the sample from which a tag amid a sentence holds; without times of words, by its place in the text."""
    end = line.start_sample if line.end_sample is None else line.end_sample
    if not line.words:
        return line.start_sample + (end - line.start_sample) * tag.end // len(line.text)
    after = line.start_char + tag.end
    return next((word.start_sample for word in line.words if word.start_char >= after), end)


def _leads(tag: Feeling, text: str) -> bool:
    """Return whether no word stands before a tag."""
    return not any(map(str.isalnum, TAG.sub("", text[: tag.start])))
