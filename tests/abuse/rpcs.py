"""The table of all RPCs: the number of fuzz cases, how they are made and kept cheap, and the allowed statuses."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

from neurosync.v1 import (
    face_pb2,
    face_pb2_grpc,
    llm_pb2,
    llm_pb2_grpc,
    orchestrator_pb2,
    orchestrator_pb2_grpc,
    player_pb2,
    player_pb2_grpc,
    tts_pb2,
    tts_pb2_grpc,
)
from tests.abuse.fuzzer import Fuzzer, case_rng

BOUND = 30.0
"""Seconds within which every call has to end."""
STUBS: dict[str, Any] = {
    "llm": llm_pb2_grpc.LanguageModelServiceStub,
    "tts": tts_pb2_grpc.SpeechServiceStub,
    "face": face_pb2_grpc.FaceServiceStub,
    "player": player_pb2_grpc.PlayerServiceStub,
    "orchestrator": orchestrator_pb2_grpc.OrchestratorServiceStub,
}
ALWAYS = {"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}


@dataclass(frozen=True)
class Rpc:
    """One RPC."""

    service: str
    name: str
    kind: Any
    cases: int
    """Number of cases in the default run."""
    limit: Callable[[random.Random, Any], None] = lambda rng, message: None
    """Changes a message so that it does not cost much."""
    also: set[str] = field(default_factory=set)
    """Statuses beyond `ALWAYS` that the contract allows."""
    first: str = ""
    """The part that starts a stream of requests; empty for a unary request."""
    endless: bool = False
    """Whether its responses end only when the client ends the call."""

    def case(self, seed: int, index: int) -> list[Any]:
        """Return the messages of a case."""
        rng = case_rng(self.name, seed, index)
        fuzzer = Fuzzer(rng, likely=rng.choice([0.1, 0.6, 0.97]))
        messages = fuzzer.stream(self.kind, self.first) if self.first else [fuzzer.message(self.kind)]
        for message in messages:
            self.limit(rng, message)
        return messages


@dataclass(frozen=True)
class Outcome:
    """How a call ended."""

    status: str
    details: str
    seconds: float
    responses: int


def call(channel: grpc.Channel, rpc: Rpc, messages: list[Any], *, hold: bool = False) -> Outcome:
    """Make one call and read all responses; `hold` keeps the stream of requests open until the call has ended."""
    method = getattr(STUBS[rpc.service](channel), rpc.name)
    started = time.monotonic()
    over = threading.Event()

    def requests() -> Iterator[Any]:
        yield from messages
        if hold:
            over.wait(BOUND)

    count, status, details = 0, "OK", ""
    try:
        answer = method(requests() if rpc.first else messages[0], timeout=1.0 if rpc.endless else BOUND)
        if hasattr(answer, "cancel"):
            for _ in answer:
                count += 1
                if rpc.endless and count == 3:
                    answer.cancel()
                    break
    except grpc.RpcError as error:
        status, details = error.code().name, error.details() or ""
    finally:
        over.set()
    return Outcome(status, details, time.monotonic() - started, count)


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _no_such(rng: random.Random, name: str) -> str:
    return name or rng.choice(["no-such", "\x1b", "😀", "x" * 127])


def _limit_generate(rng: random.Random, message: Any) -> None:
    message.model = _no_such(rng, message.model)
    if rng.random() < 0.005:
        message.CopyFrom(llm_pb2.GenerateRequest(prompt="Hi.", max_output_token_count=2))


def _limit_synthesize(rng: random.Random, message: Any) -> None:
    message.voice = _no_such(rng, message.voice)
    if rng.random() < 0.02:
        message.voice, message.text = "", rng.choice(["Hi.", "*", "😀", "٣", "...", "[a](b)", "'"])


def _limit_converse(rng: random.Random, message: Any) -> None:
    message.voice, message.model = _no_such(rng, message.voice), _no_such(rng, message.model)
    if rng.random() < 0.6:
        message.session_id = f"fuzz {rng.randrange(8)}"
    if rng.random() < 0.7:
        message.turn_id = ""
    elif rng.random() < 0.5:
        message.turn_id = str(uuid.UUID(int=rng.randrange(4)))
    for labels in (message.labels, message.session_labels):
        if rng.random() < 0.8:
            labels.clear()


def _limit_turn(rng: random.Random, message: Any) -> None:
    if rng.random() < 0.8:
        message.turn_id = str(uuid.UUID(int=rng.randrange(4)))


def _limit_perform(rng: random.Random, message: Any) -> None:
    config = message.config if isinstance(message, player_pb2.PlayRequest) or message.HasField("config") else None
    if config is not None and rng.random() < 0.85:
        config.turn_id = _uuid(rng)


def _limit_stop(rng: random.Random, message: Any) -> None:
    if message.HasField("turn_id") and rng.random() < 0.6:
        message.turn_id = _uuid(rng)


def _limit_session(rng: random.Random, message: Any) -> None:
    if rng.random() < 0.5:
        message.session_id = f"fuzz {rng.randrange(8)}"


_CONVERSE = {"ALREADY_EXISTS", "FAILED_PRECONDITION"}
_TURN = {"ABORTED", "ALREADY_EXISTS", "DEADLINE_EXCEEDED", "FAILED_PRECONDITION"}
RPCS: dict[str, Rpc] = {
    rpc.name: rpc
    for rpc in (
        Rpc("llm", "Generate", llm_pb2.GenerateRequest, 2_400, _limit_generate, {"UNAVAILABLE"}),
        Rpc("llm", "ListModels", llm_pb2.ListModelsRequest, 200),
        Rpc("tts", "Synthesize", tts_pb2.SynthesizeRequest, 2_600, _limit_synthesize),
        Rpc("tts", "ListVoices", tts_pb2.ListVoicesRequest, 200),
        Rpc("face", "Animate", face_pb2.AnimateRequest, 2_600, also={"DEADLINE_EXCEEDED"}, first="config"),
        Rpc("face", "AnimateClip", face_pb2.AnimateClipRequest, 2_400),
        Rpc("face", "DescribeModels", face_pb2.DescribeModelsRequest, 200),
        Rpc("player", "Perform", player_pb2.PerformRequest, 2_600, _limit_perform, _TURN, first="config"),
        Rpc("player", "Play", player_pb2.PlayRequest, 1_800, _limit_perform, _TURN),
        Rpc("player", "Stop", player_pb2.StopRequest, 1_600, _limit_stop),
        Rpc("player", "GetStatus", player_pb2.GetStatusRequest, 200),
        Rpc("player", "ConfigureSubject", player_pb2.ConfigureSubjectRequest, 900),
        Rpc("player", "ListAudioDevices", player_pb2.ListAudioDevicesRequest, 50, also={"UNAVAILABLE"}),
        Rpc("player", "WatchFrames", player_pb2.WatchFramesRequest, 250, also={"DEADLINE_EXCEEDED"}, endless=True),
        Rpc("orchestrator", "Converse", orchestrator_pb2.ConverseRequest, 1_000, _limit_converse, _CONVERSE),
        Rpc("orchestrator", "GetTurn", orchestrator_pb2.GetTurnRequest, 300, _limit_turn, {"NOT_FOUND"}),
        Rpc("orchestrator", "Interrupt", orchestrator_pb2.InterruptRequest, 700, _limit_session, {"UNAVAILABLE"}),
        Rpc("orchestrator", "GetHistory", orchestrator_pb2.GetHistoryRequest, 700, _limit_session),
        Rpc("orchestrator", "ClearHistory", orchestrator_pb2.ClearHistoryRequest, 700, _limit_session),
    )
}
