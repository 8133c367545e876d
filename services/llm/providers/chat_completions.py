"""Providers with OpenAI's chat completions API: OpenAI itself, and servers such as vLLM, llama.cpp, Ollama."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from services.common.errors import ConfigurationError
from services.llm.providers.language_provider import ChatMessage, FinishReason, GenerationRequest, ReplyEnd
from services.llm.settings import LanguageModelSettings
from services.providers import deadlines, http
from services.providers.provider_error import ProviderError

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionChunk

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0  # larger waits longer for a dead host before the next provider is tried
_FINISH_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH, "content_filter": FinishReason.FILTERED}


@dataclass(frozen=True)
class ChatOptions:
    """Address of one server, and the options of its requests."""

    name: str
    base_url: str
    """Up to and including `/v1`."""
    api_key: str = field(repr=False)
    model: str = ""
    """Model to request; empty: the first that the server lists."""
    context_tokens: int = 8192
    """Tokens that prompt and reply may have together."""
    read_seconds: float = 30.0
    """Longest silence of the socket; the service's own limits are shorter."""
    max_tokens: int = 400
    """Tokens of a reply if the request sets no limit."""
    max_tokens_name: str = "max_tokens"
    """The server's name for that limit; OpenAI's newer models accept `max_completion_tokens` only."""
    temperature: float | None = None
    """Temperature if the request sets none; None sends none, as some models take only their own."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request that only this server has."""
    is_small: bool = False


class ChatProvider:
    """A server with the chat completions API."""

    def __init__(self, options: ChatOptions) -> None:
        """Set up the provider; nothing is connected before the first call."""
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

    async def warm_up(self, messages: Sequence[ChatMessage]) -> None:
        """Open a connection and list the models."""
        listed = await self._list_models()
        if not self._models:
            self._models = listed
        elif listed and self._models[0] not in listed:
            logger.warning("model not listed provider=%s model=%s", self.name, self._models[0])

    async def reply(self, request: GenerationRequest) -> AsyncGenerator[str | ReplyEnd, None]:
        """Stream one completion."""
        if not (request.model or self._models):
            self._models = await self._list_models()
        stream = await self._begin(request)
        reason: FinishReason | None = None
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
                        reason = _FINISH_REASONS.get(choice.finish_reason, FinishReason.STOP)
        finally:
            await deadlines.closed_within(stream.close())  # the server stops generating when the connection closes
        if reason is None:
            raise ProviderError("the stream ended before the reply did")
        yield ReplyEnd(reason, *tokens)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _begin(self, request: GenerationRequest) -> Any:
        options = self._options
        fields: dict[str, Any] = {
            "model": request.model or self._models[0],
            "messages": [{"role": message.role, "content": message.text} for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            options.max_tokens_name: request.max_tokens or options.max_tokens,
        }
        temperature = options.temperature if request.temperature is None else request.temperature
        if temperature is not None:
            fields["temperature"] = temperature
        return await self._translated(self._connected().chat.completions.create(**fields, extra_body=options.extra))

    async def _next(self, chunks: Any) -> ChatCompletionChunk | None:
        chunk: ChatCompletionChunk | None = await self._translated(anext(chunks, None))
        return chunk

    async def _list_models(self) -> tuple[str, ...]:
        page = await self._translated(self._connected().models.list())
        models = tuple(model.id for model in page.data)
        if not models:
            raise ProviderError("the server lists no model: name one in the settings")
        return models

    async def _translated(self, call: Any) -> Any:
        """Await a call of the client; its errors become ProviderError."""
        import httpx2
        import openai

        with http.network_errors(openai.APIError, httpx2.HTTPError):
            try:
                return await call
            except openai.APITimeoutError as error:
                raise ProviderError("no answer in time") from error
            except openai.APIStatusError as error:
                retry_after = error.response.headers.get("retry-after")
                raise http.status_error(error.status_code, error.message, retry_after) from error
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                raise ProviderError("the answer has a malformed chunk") from error

    def _connected(self) -> AsyncOpenAI:
        """Return the client; created at first use, because importing it takes most of a second."""
        if self._client is None:
            import httpx2
            import openai

            options = self._options
            logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs every request at INFO
            self._client = openai.AsyncOpenAI(
                base_url=options.base_url,
                api_key=options.api_key or "none",
                max_retries=0,  # the next provider is the retry
                timeout=httpx2.Timeout(options.read_seconds, connect=CONNECT_SECONDS),
                http_client=openai.DefaultAsyncHttpxClient(
                    limits=httpx2.Limits(keepalive_expiry=http.KEEPALIVE_SECONDS),
                    trust_env=http.uses_proxy(options.base_url),
                ),
            )
        return self._client


def make_openai(settings: LanguageModelSettings) -> ChatProvider:
    """Return OpenAI.

    Raises:
        ConfigurationError: There is no key.
    """
    key = _secret(settings.openai_api_key)
    if not key:
        raise ConfigurationError("provider openai: set OPENAI_API_KEY")
    options = ChatOptions(
        name="openai",
        base_url=settings.openai_base_url,
        api_key=key,
        model=settings.openai_model,
        context_tokens=settings.context_tokens,
        max_tokens=settings.max_output_tokens,
        max_tokens_name="max_completion_tokens",
        temperature=settings.temperature,
    )
    return ChatProvider(options)


def make_endpoint(settings: LanguageModelSettings) -> ChatProvider:
    """Return the server that the settings name.

    Raises:
        ConfigurationError: There is no address.
    """
    if not settings.base_url:
        raise ConfigurationError("provider endpoint: set NEUROSYNC_LLM_BASE_URL")
    options = ChatOptions(
        name="endpoint",
        base_url=settings.base_url,
        api_key=_secret(settings.api_key),
        model=settings.model,
        context_tokens=settings.context_tokens,
        max_tokens=settings.max_output_tokens,
        temperature=settings.temperature,
    )
    return ChatProvider(options)


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
