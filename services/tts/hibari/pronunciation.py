"""How the embedded voice pronounces a sentence: its phonemes, and which of them belong to which word of the text."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.text.sentences import SentenceSplitter
from services.tts.hibari.word_alignment import align
from services.tts.providers.speech_provider import Span

PAUSES = frozenset(' ;:,.!?—…"()“”↓→↗↘')
"""Characters of a phoneme string that are silent."""
MAX_CHARS = 300  # of one sentence; the network was trained on sentences of up to about 400 phonemes

_MAX_RUN = 48  # characters without a space; the lexicon's time for one run grows with the cube of its length
_RUN = re.compile(rf"[^\s—]{{1,{_MAX_RUN}}}")
_OVERLONG = re.compile(rf"[^\s—]{{{_MAX_RUN}}}(?=[^\s—])")
_DASH = re.compile(r"\s*—\s*")


@dataclass(frozen=True)
class PronouncedWord:
    """A word of the request and its part of the phoneme string."""

    index: int
    """Index in `SpeechRequest.words`."""
    first: int = 0
    """Index of its first phoneme character."""
    last: int = 0
    """One past its last; equal to `first` if its own are unknown."""
    estimated: bool = False
    """Whether the match with the phonemes is a guess."""


@dataclass(frozen=True)
class Pronunciation:
    """A sentence as it is spoken."""

    phonemes: str
    words: tuple[PronouncedWord, ...]


def sentences(text: str) -> Iterator[Span]:
    """Yield (start, end) of each sentence, or part of a long one: what the network gets at once."""
    splitter = SentenceSplitter(first_min_chars=len(text), max_chars=MAX_CHARS)
    end = 0
    for piece in [*splitter.push(text), *splitter.end()]:
        start, end = end, end + len(piece)
        yield start, end


def pronounce(g2p: Any, text: str, words: Sequence[tuple[int, Span]], symbols: Container[str]) -> Pronunciation:
    """Return the pronunciation of one sentence.

    Args:
        g2p: The voice's `hibari.g2p.G2P`.
        text: The sentence.
        words: Index and span in `text` of each word whose time is wanted, in order.
        symbols: Characters that a phoneme string may hold; others are left out.
    """
    from hibari.g2p.normalize import normalize

    runs = [match.span() for match in _RUN.finditer(text)]
    normal = normalize(_DASH.sub(" — ", _OVERLONG.sub(r"\g<0> ", text))).split(" ")
    phonemes, units = _phonemes(g2p, " ".join(normal), symbols)
    if units and max(units) >= len(normal):  # the voice's tokens are not the words: no match is possible
        return Pronunciation(phonemes, tuple(PronouncedWord(index, estimated=True) for index, _ in words))
    spoken = [index for index, word in enumerate(normal) if word != "—"]
    written = [text[start:end] for start, end in runs]
    matched, unsure = align(written, [normal[index] for index in spoken], lambda word: normalize(word).split(" "))
    run_of = dict(zip(spoken, matched, strict=True))
    places: dict[int, list[int]] = {}  # of each run, its places in the phoneme string
    for place, unit in enumerate(units):
        if unit in run_of and phonemes[place] not in PAUSES:
            places.setdefault(run_of[unit], []).append(place)
    return Pronunciation(phonemes, tuple(_words(words, runs, places, unsure)))


def _words(
    words: Sequence[tuple[int, Span]], runs: Sequence[Span], places: dict[int, list[int]], unsure: set[int]
) -> Iterator[PronouncedWord]:
    """Yield each word with the phonemes of the runs that it touches; a run belongs to the first word that does."""
    free = 0
    for index, (start, end) in words:
        own = [run for run in range(free, len(runs)) if runs[run][0] < end and runs[run][1] > start]
        free = own[-1] + 1 if own else free
        sounds = [place for run in own for place in places.get(run, ())]
        if sounds:
            yield PronouncedWord(index, sounds[0], sounds[-1] + 1, not unsure.isdisjoint(own))
        else:
            yield PronouncedWord(index, estimated=True)


def _phonemes(g2p: Any, normal: str, symbols: Container[str]) -> tuple[str, list[int]]:
    """Return the phoneme string of normalized text, and for each character the word it comes from (-1: none)."""
    characters: list[tuple[str, int]] = []
    unit = 0
    for token in g2p.phonemize_tokens(g2p.tokenize(normal)):
        characters += [(character, unit) for character in token.phonemes or "" if character in symbols]
        if token.whitespace:
            characters.append((" ", -1))
            unit += 1
    while characters and characters[0][0] == " ":
        characters.pop(0)
    while characters and characters[-1][0] == " ":
        characters.pop()
    return "".join(character for character, _ in characters), [owner for _, owner in characters]
