"""Replies from any server that speaks OpenAI's chat completions: OpenAI itself, vLLM, llama.cpp, Ollama, LM Studio."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.common.errors import UnavailableError
from services.llm.providers.language_provider import Ask, Ending, Message, Reason

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionChunk

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0  # larger waits longer for a dead host before the next provider is tried
KEEPALIVE_SECONDS = 300.0  # of an idle connection: the next turn needs no new handshake (about 100 ms)
_REASONS = {"stop": Reason.STOP, "length": Reason.LENGTH, "content_filter": Reason.FILTERED}
_REASON_CHARACTERS = 200  # of a provider's error text that are passed on


@dataclass(frozen=True)
class ChatOptions:
    """How one server is reached and asked."""

    name: str
    base_url: str
    """Up to and including `/v1`."""
    api_key: str = field(repr=False)
    model: str = ""
    """Model to ask for; empty: the first that the server lists."""
    context_tokens: int = 8192
    """Tokens that prompt and reply may have together."""
    read_seconds: float = 30.0
    """Longest silence of the socket; the service's own limits are shorter."""
    max_tokens: int = 400
    """Tokens of a reply if the request sets no limit."""
    max_tokens_name: str = "max_tokens"
    """What the server calls that limit; OpenAI's newer models know `max_completion_tokens` only."""
    temperature: float | None = None
    """Temperature if the request sets none; None sends none, as some models take only their own."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request that only this server knows."""
    is_small: bool = False


class ChatProvider:
    """A server that speaks chat completions."""

    def __init__(self, options: ChatOptions) -> None:
        """Connect nothing yet."""
        self._options = options
        self._models: tuple[str, ...] = (options.model,) if options.model else ()
        self._client: AsyncOpenAI | None = None

    @property
    def name(self) -> str:
        """The name in the options."""
        return self._options.name

    @property
    def models(self) -> Sequence[str]:
        """The model in the options, or those that the server lists."""
        return self._models

    @property
    def context_tokens(self) -> int:
        """The size in the options."""
        return self._options.context_tokens

    @property
    def is_small(self) -> bool:
        """Whether examples are needed, by the options."""
        return self._options.is_small

    async def warm_up(self, messages: Sequence[Message]) -> None:
        """Open a connection, and ask which models there are."""
        listed = await self._list_models()
        if not self._models:
            self._models = listed
        elif listed and self._models[0] not in listed:
            logger.warning("model not listed provider=%s model=%s", self.name, self._models[0])

    async def reply(self, ask: Ask) -> AsyncGenerator[str | Ending, None]:
        """Stream one completion."""
        if not (ask.model or self._models):
            self._models = await self._list_models()
        stream = await self._begin(ask)
        reason: Reason | None = None
        tokens = (0, 0)
        chunks = aiter(stream)
        try:
            while (chunk := await self._next(chunks)) is not None:
                if chunk.usage:
                    tokens = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
                for choice in chunk.choices[:1]:
                    if choice.delta.content:
                        yield choice.delta.content
                    if choice.finish_reason:
                        reason = _REASONS.get(choice.finish_reason, Reason.STOP)
        finally:
            await stream.close()  # the server sees it and stops generating
        if reason is None:
            raise UnavailableError(f"{self.name} broke off before the end of its reply")
        yield Ending(reason, *tokens)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _begin(self, ask: Ask) -> Any:
        options = self._options
        request: dict[str, Any] = {
            "model": ask.model or self._models[0],
            "messages": [{"role": message.role, "content": message.text} for message in ask.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            options.max_tokens_name: ask.max_tokens or options.max_tokens,
        }
        temperature = options.temperature if ask.temperature is None else ask.temperature
        if temperature is not None:
            request["temperature"] = temperature
        return await self._translated(self._connected().chat.completions.create(**request, extra_body=options.extra))

    async def _next(self, chunks: Any) -> ChatCompletionChunk | None:
        chunk: ChatCompletionChunk | None = await self._translated(anext(chunks, None))
        return chunk

    async def _list_models(self) -> tuple[str, ...]:
        page = await self._translated(self._connected().models.list())
        models = tuple(model.id for model in page.data)
        if not models:
            raise UnavailableError(f"{self.name} lists no model: name one in the settings")
        return models

    async def _translated(self, call: Any) -> Any:
        """Await a call of the client; its errors become UnavailableError with what a person can act on."""
        import httpx2
        import openai

        try:
            return await call
        except openai.APITimeoutError as error:
            raise UnavailableError(f"{self.name} did not answer in time") from error
        except openai.APIStatusError as error:
            detail = error.message[:_REASON_CHARACTERS]
            raise UnavailableError(f"{self.name} answered {error.status_code}: {detail}") from error
        except (openai.APIError, httpx2.HTTPError) as error:
            raise UnavailableError(f"{self.name}: {str(error)[:_REASON_CHARACTERS] or type(error).__name__}") from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise UnavailableError(f"{self.name} sent a malformed chunk") from error

    def _connected(self) -> AsyncOpenAI:
        """Return the client; made at first use, because importing it takes most of a second."""
        if self._client is None:
            import httpx2
            import openai

            options = self._options
            logging.getLogger("httpx2").setLevel(logging.WARNING)  # else a line for every request, beside ours
            self._client = openai.AsyncOpenAI(
                base_url=options.base_url,
                api_key=options.api_key or "none",
                max_retries=0,  # the next provider is the retry
                timeout=httpx2.Timeout(options.read_seconds, connect=CONNECT_SECONDS),
                http_client=openai.DefaultAsyncHttpxClient(limits=httpx2.Limits(keepalive_expiry=KEEPALIVE_SECONDS)),
            )
        return self._client
