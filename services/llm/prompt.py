"""A prompt becomes the messages that a model reads: persona, examples, as much history as fits, and the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.llm.providers.language_provider import Message

PERSONA = (
    "You are Mai, a cheerful streamer who talks with her viewers. Everything you write is spoken aloud: "
    "answer in one to three short sentences of plain words, without lists, markup or emoji."
)
EXAMPLES = (
    ("Good evening!", "Hey there, good to see you! What are we up to today?"),
    ("What do bees make?", "Honey, of course! I put it in my tea."),
    ("I'm bored.", "Then let's fix that! Pick a game, and I'll try not to win too quickly."),
)
"""How a small model learns to answer in character; large ones need none."""
INTRODUCTION = ("Hello! Who are you?", "Hey, I'm Mai! I play games, I chat, and I always have something to say.")
"""One more example, for the service's own persona."""

_BYTES_PER_TOKEN = 3  # UTF-8 bytes, on the safe side: English has about 4.3, Chinese about 3
_TOKENS_PER_MESSAGE = 5  # role and separators
DROPPED_TOGETHER = 4  # exchanges; a prompt that only grows is read from the model's cache, a cut one anew


@dataclass(frozen=True)
class Past:
    """One exchange that has happened."""

    user_text: str
    assistant_text: str


def beginning(persona: str, *, examples: bool) -> list[Message]:
    """Return the messages that every conversation with `persona` begins with.

    Args:
        persona: Who the character is; empty: the service's own.
        examples: Whether the model needs to be shown how to answer.
    """
    messages = [Message("system", persona or PERSONA)]
    if examples:
        for user_text, assistant_text in (INTRODUCTION, *EXAMPLES) if persona in ("", PERSONA) else EXAMPLES:
            messages += Message("user", user_text), Message("assistant", assistant_text)
    return messages


def assemble(start: Sequence[Message], history: Sequence[Past], prompt: str, budget: int) -> list[Message] | None:
    """Return the messages of one request, or None if the model cannot hold even those without history.

    The oldest exchanges are dropped, some at a time, until the estimate is within the budget.

    Args:
        start: What the conversation begins with.
        history: What has happened, oldest first.
        prompt: What the person says now.
        budget: Tokens that the messages may have.
    """
    free = budget - tokens([*start, Message("user", prompt)])
    for dropped in range(_first_that_fits(history, free), len(history) + DROPPED_TOGETHER, DROPPED_TOGETHER):
        messages = list(start)
        for past in history[dropped:]:
            _append(messages, Message("user", past.user_text))
            _append(messages, Message("assistant", past.assistant_text))
        _append(messages, Message("user", prompt))
        if tokens(messages) <= budget:
            return messages
    return None


def _first_that_fits(history: Sequence[Past], free: int) -> int:
    """Return how many of the oldest exchanges cannot fit: a multiple of those dropped together.

    Counted from the newest back and only as far as there is room, by the text alone: messages that are joined save
    their separators. What is left is a few exchanges too long at most, however long the history is.
    """
    kept, size = 0, 0
    for past in reversed(history):
        size += _byte_count(past.user_text) + _byte_count(past.assistant_text)
        if size > max(free, 0) * _BYTES_PER_TOKEN:
            break
        kept += 1
    return (len(history) - kept) // DROPPED_TOGETHER * DROPPED_TOGETHER


def _byte_count(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def tokens(messages: Sequence[Message]) -> int:
    """Return how many tokens messages have at most, by estimate."""
    return sum(_TOKENS_PER_MESSAGE + -(-_byte_count(message.text) // _BYTES_PER_TOKEN) for message in messages)


def _append(messages: list[Message], message: Message) -> None:
    """Append a message; one by the same speaker is joined to it, as templates want turns to alternate."""
    if not message.text.strip():
        return
    if messages and messages[-1].role == message.role:
        message = Message(message.role, f"{messages.pop().text}\n{message.text}")
    messages.append(message)
