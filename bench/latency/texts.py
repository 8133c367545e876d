"""Sentences to speak and prompts to answer, as the benchmarks of turns use them."""

from __future__ import annotations

SENTENCES = (
    "The kettle has been singing for a while.",
    "We walked along the river until the lamps came on.",
    "Nobody warned the baker that the oven was still warm.",
    "If you open the window, the cat will certainly leave us again.",
    "My sister keeps a small blue notebook under her pillow.",
    "A good map saves more time than a fast pair of shoes.",
    "They painted the old boat green before the summer started.",
    "Please remember to water the plants on the balcony every second evening, and not only when you happen to pass.",
    "The train was late, so we shared a sandwich and a story.",
    "Every morning the same bird wakes the whole street at five.",
    "I would rather fix the bicycle myself than wait for another week.",
    "Her answer was short, polite, and completely impossible to misunderstand.",
    "There is a quiet place behind the library where people read.",
    "He bought three apples, two pears, and a very large melon.",
    "Behind the last house the road turns into a narrow path of sand.",
    "The museum closes at six, but the garden stays open until midnight.",
    "You can see the mountains from here when the air is clear.",
    "Our neighbour plays the piano badly, every evening after supper, and with the greatest joy that one can imagine.",
    "Before the rain comes, let us carry the chairs and the table inside.",
    "What a strange and beautiful little machine you have built this time.",
)
PROMPTS = (
    "Who are you?",
    "What do you like to eat?",
    "Tell me about your day.",
    "Do you like music?",
    "How old are you?",
)
