"""Builds the messages that a model reads: persona, examples, as much history as fits, and the user's text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.llm.persona import EXAMPLES, INTRODUCTION, PERSONA
from services.llm.providers.language_provider import ChatMessage

_BYTES_PER_TOKEN = 3  # UTF-8 bytes, on the safe side: English has about 4.3, Chinese about 3
_TOKENS_PER_MESSAGE = 5  # role and separators
DROPPED_TOGETHER = 4  # exchanges; a model has a prompt that only grows in its cache, and reads a shortened one anew


@dataclass(frozen=True)
class PastExchange:
    """One exchange of the conversation so far."""

    user_text: str
    assistant_text: str


def opening(persona: str, *, examples: bool) -> list[ChatMessage]:
    """Return the messages that every conversation with `persona` begins with.

    Args:
        persona: The system prompt; empty: the default.
        examples: Whether to add example exchanges, for a small model.
    """
    messages = [ChatMessage("system", persona or PERSONA)]
    if examples:
        for user_text, assistant_text in (INTRODUCTION, *EXAMPLES) if persona in ("", PERSONA) else EXAMPLES:
            messages += ChatMessage("user", user_text), ChatMessage("assistant", assistant_text)
    return messages


def assemble(
    start: Sequence[ChatMessage], history: Sequence[PastExchange], prompt: str, budget: int
) -> list[ChatMessage] | None:
    """Return the messages of one request, or None if the model cannot hold even those without history.

    The oldest exchanges are dropped, some at a time, until the estimate is within the budget.

    Args:
        start: The messages that the conversation begins with.
        history: The conversation so far, oldest first.
        prompt: The user's new text.
        budget: Tokens that the messages may have.
    """
    free = budget - tokens([*start, ChatMessage("user", prompt)])
    for dropped in range(_first_that_fits(history, free), len(history) + DROPPED_TOGETHER, DROPPED_TOGETHER):
        messages = list(start)
        for past in history[dropped:]:
            _append(messages, ChatMessage("user", past.user_text))
            _append(messages, ChatMessage("assistant", past.assistant_text))
        _append(messages, ChatMessage("user", prompt))
        if tokens(messages) <= budget:
            return messages
    return None


def _first_that_fits(history: Sequence[PastExchange], free: int) -> int:
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


def tokens(messages: Sequence[ChatMessage]) -> int:
    """Return how many tokens messages have at most, by estimate."""
    return sum(_TOKENS_PER_MESSAGE + -(-_byte_count(message.text) // _BYTES_PER_TOKEN) for message in messages)


def _append(messages: list[ChatMessage], message: ChatMessage) -> None:
    """Append a message, joined to the last one if that has the same role: chat templates want roles to alternate."""
    if not message.text.strip():
        return
    if messages and messages[-1].role == message.role:
        message = ChatMessage(message.role, f"{messages.pop().text}\n{message.text}")
    messages.append(message)
