"""Calls of the language model service over real gRPC, and what they bring."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neurosync.v1 import llm_pb2, llm_pb2_grpc
from services.llm.server import LanguageModelService
from services.llm.settings import LanguageModelSettings
from services.serving.dialing import dial
from services.serving.server import running

if TYPE_CHECKING:
    Stub = llm_pb2_grpc.LanguageModelServiceAsyncStub


def settings(**values: Any) -> LanguageModelSettings:
    """Return settings of a test: port 0, and the given values."""
    return LanguageModelSettings(**{"listen": "127.0.0.1:0", "shutdown_grace": 0.5, **values})


@contextlib.asynccontextmanager
async def serving_llm(**values: Any) -> AsyncIterator[Stub]:
    """Serve with the given settings; yield a stub of the warm service."""
    chosen = settings(**values)
    async with running(LanguageModelService(chosen), chosen) as server:
        await server.warm
        async with dial(server.address) as channel:
            stub: Any = llm_pb2_grpc.LanguageModelServiceStub(channel)
            yield stub


@dataclass
class Reply:
    """Everything that one call sent."""

    started: llm_pb2.GenerateStarted = field(default_factory=llm_pb2.GenerateStarted)
    finished: llm_pb2.GenerateFinished = field(default_factory=llm_pb2.GenerateFinished)
    deltas: list[str] = field(default_factory=list)
    sentences: list[llm_pb2.Sentence] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """The events in the order they came."""

    @property
    def text(self) -> str:
        return "".join(self.deltas)

    def take(self, response: llm_pb2.GenerateResponse) -> None:
        """Add one event."""
        kind = response.WhichOneof("event") or ""
        self.kinds.append(kind)
        if kind == "started":
            self.started = response.started
        elif kind == "delta":
            self.deltas.append(response.delta.text)
        elif kind == "sentence":
            self.sentences.append(response.sentence)
        else:
            self.finished = response.finished


async def generate(stub: Stub, prompt: str = "Hi", **fields: Any) -> Reply:
    """Make one call to its end."""
    reply = Reply()
    async for response in stub.Generate(llm_pb2.GenerateRequest(prompt=prompt, **fields), timeout=60):
        reply.take(response)
    return reply
