"""The interface of a language model provider, and the values that go in and out."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class ChatMessage:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True)
class GenerationRequest:
    """A request to one provider."""

    messages: Sequence[ChatMessage]
    """The conversation; the last message is the user's."""
    model: str
    """One of the provider's models."""
    max_tokens: int | None = None
    """Tokens of the reply, at most; None: the provider's own limit."""
    temperature: float | None = None
    """0 to 2; None: the provider's own."""


class FinishReason(enum.Enum):
    """Why a reply ended."""

    STOP = enum.auto()
    LENGTH = enum.auto()
    FILTERED = enum.auto()
    ERROR = enum.auto()


@dataclass(frozen=True)
class ReplyEnd:
    """The end of a reply."""

    reason: FinishReason
    input_tokens: int = 0
    """Tokens of the prompt; 0 where the provider does not report them."""
    output_tokens: int = 0
    """Tokens of the reply; 0 where the provider does not report them."""
    message: str = ""
    """What went wrong, if `reason` is ERROR."""


class LanguageProvider(Protocol):
    """A source of replies."""

    @property
    def name(self) -> str:
        """Short name, such as `embedded`."""

    @property
    def models(self) -> Sequence[str]:
        """Names of its models, the default first; may be empty before `warm_up`."""

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and reply may have together."""

    @property
    def is_small(self) -> bool:
        """Whether the model needs examples to answer in character."""

    async def warm_up(self, messages: Sequence[ChatMessage]) -> None:
        """Prepare for the first reply, which will begin with `messages`.

        Raises:
            ProviderError: The provider does not answer.
        """

    def reply(self, request: GenerationRequest) -> AsyncGenerator[str | ReplyEnd, None]:
        """Yield the reply's text in pieces, then its end; closing the generator stops the model.

        Raises:
            ProviderError: The provider does not answer, or broke off.
        """

    async def close(self) -> None:
        """Release what the provider holds."""
