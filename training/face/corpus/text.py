"""Sentences for the synthetic voices: small talk from templates, prose from Python's manual, rows of words.

The corpus needs every phone beside every other, within sentences (with their rhythm) and outside of them. So 40 % is
small talk from templates in this file, 30 % are sentences of the Python language reference that comes with the
interpreter (PSF licence), and 30 % are words drawn from the voice's own dictionary, preferring words with lip sounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pydoc_data import topics

import numpy as np

NAMES = (
    "Emma Bob Maya Paul Sophie Victor Wendy Felix Megan Peter Fiona Oliver Zoe Hugo Ruth George Chloe Owen Vivian "
    "Benjamin Phoebe Marvin Beth Jasper Yusuf Pam Humphrey Thea Shelly Max"
).split()
THINGS = (
    "the paper map|a bowl of mushroom soup|my phone|the wooden bridge|your blue umbrella|the piano|a pair of shoes|"
    "the morning bus|our camera|a box of chocolate|the front door|this old engine|her favourite movie|the puppet|"
    "a cup of tea|the window|that huge balloon|the weather report|a few good books|the baby|his garage|five apples|"
    "the battery|a strange noise|the bathroom mirror|these purple flowers|the village|a measure of fresh hope|"
    "the television|the big white wolf|my brother's van|an ordinary pebble|the whole budget|some warm bread"
).split("|")
PLACES = (
    "by the river|in the kitchen|at work|behind the shop|on the moon|near the bus stop|above the clouds|in Vienna|"
    "under the table|at the beach|in the middle of the room|on Wimpole Street|in the theatre|beyond the wall|"
    "across the valley|in my pocket|over there|at the job fair|inside the computer|up on the roof"
).split("|")
VERBS = (
    "fix|buy|remember|move|bring back|open|paint|forget|look for|wash|choose|borrow|imagine|throw away|push|measure|"
    "give up|finish|watch|describe|improve|follow|prove|save|wrap|unplug|visit|photograph"
).split("|")
ADJECTIVES = (
    "happy|puzzled|proud|very tired|a bit nervous|amazed|furious|hopeful|comfortable|awfully bored|wide awake|"
    "surprised|mostly fine|embarrassed|cheerful|afraid|thoughtful|peaceful|ashamed|overjoyed"
).split("|")
TIMES = (
    "tomorrow|before breakfast|on Monday|this evening|in a moment|every summer|at half past five|two weeks ago|"
    "for months|after the game|right now|once more|in February|by then|from time to time|whenever you wish"
).split("|")
FRAMES = (
    "Hello {name}, how are you today?|Well, {name} was {adjective} {time}.|Could you {do} {thing} {time}, please?|"
    "I think we should {do} {thing} {place}.|Oh no! {name} left {thing} {place}.|Why would anybody {do} {thing}?|"
    "My name is {name}, and I am {adjective}.|Maybe {name} and {name2} will {do} {thing} {time}.|Wow, that is {thing}!|"
    "We were {adjective} {place}, but {name} was {adjective2}.|If you move {thing}, I will {do} {thing2}.|"
    "Yes. No. Perhaps. Ask {name} {time}.|You see, {thing} is {place}.|Please wait {place} while I {do} {thing}.|"
    "How much does {thing} cost {place}?|I have been {adjective} {time}, thank you for asking.|Mm, {thing} looks good.|"
    "{name}, would you rather {do} {thing} or {do2} {thing2}?|Bye, {name}! See you {time}.|Hmm. I am not so sure.|"
    "Nobody {place} knows how to {do} {thing} properly.|What happened to {thing}? It was {place} {time}.|"
    "There are {count} people {place}, and {count2} of them are {adjective}.|That makes {name} {adjective}, of course.|"
    "Okay, okay, first we {do} {thing}, then we {do2} {thing2}.|Sure! Just tell me when to {do} {thing}.|"
    "Have you ever been {adjective} {place}?|Both {name} and {name2} have to {do} {thing} themselves."
).split("|")
COUNTS = "two three four five six seven eight nine twelve fifteen twenty forty a hundred eleven million".split()
SENTENCE = re.compile(r"[A-Z][a-z]+(?: [a-z]+,?){5,18}[.]")
LIPS = re.compile(r"[pbmfvw]|sh|ch|oo|qu")


def prose() -> list[str]:
    """Return the reference manual's sentences that are words only, in a fixed order."""
    pages = (re.sub(r"\s+", " ", topics.topics[key]) for key in sorted(topics.topics))
    return [match.group() for page in pages for match in SENTENCE.finditer(page)]


def _draw(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def talk(rng: np.random.Generator) -> str:
    """Return one sentence of small talk."""
    return _draw(rng, FRAMES).format(
        name=_draw(rng, NAMES),
        name2=_draw(rng, NAMES),
        thing=_draw(rng, THINGS),
        thing2=_draw(rng, THINGS),
        place=_draw(rng, PLACES),
        do=_draw(rng, VERBS),
        do2=_draw(rng, VERBS),
        adjective=_draw(rng, ADJECTIVES),
        adjective2=_draw(rng, ADJECTIVES),
        time=_draw(rng, TIMES),
        count=_draw(rng, COUNTS),
        count2=_draw(rng, COUNTS),
    )


def word_row(rng: np.random.Generator, lexicon: Sequence[str], lip_words: Sequence[str]) -> str:
    """Return four to nine unrelated words, half of them with sounds that the lips make."""
    words = [_draw(rng, lip_words if rng.random() < 0.5 else lexicon) for _ in range(rng.integers(4, 10))]
    joined = "".join(word + (", " if rng.random() < 0.15 else " ") for word in words).strip(", ")
    return joined.capitalize() + "."


def sentences(seed: int, lexicon: Sequence[str] = ()) -> Iterator[str]:
    """Yield sentences forever; the same seed and lexicon give the same ones.

    Args:
        seed: random seed.
        lexicon: words for the word rows; without any, talk takes their place.
    """
    rng = np.random.default_rng(seed)
    manual = prose()
    lip_words = [word for word in lexicon if LIPS.search(word)]
    while True:
        kind = rng.random()
        if kind < 0.3 and lexicon:
            yield word_row(rng, lexicon, lip_words)
        elif kind < 0.6 and manual:
            yield _draw(rng, manual)
        else:
            yield talk(rng)
