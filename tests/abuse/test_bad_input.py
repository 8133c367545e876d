"""Wrong input to every RPC: the status names the field, and the next request is served."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest

from neurosync.v1 import face_pb2, llm_pb2, orchestrator_pb2, player_pb2, tts_pb2
from tests.abuse.invalid_requests import (
    A_CONFIG,
    FACE,
    PLAYER,
    TOO_MUCH,
    VOICE,
    WORDS,
    A,
    Case,
    P,
    generate,
    play,
)
from tests.abuse.invalid_turns import TURNS, converse
from tests.abuse.processes import INACTIVITY, Server
from tests.abuse.rpcs import RPCS, STUBS, call
from tests.abuse.valid_calls import check_serves


def refused(servers: dict[str, Server], name: str, messages: list[Any], *, hold: bool = False) -> tuple[str, str]:
    """Return the status of a refused call, and the field that it names."""
    rpc = RPCS[name]
    with servers[rpc.service].channel() as channel:
        outcome = call(channel, rpc, messages, hold=hold)
    return outcome.status, outcome.details.partition(": ")[0]


@pytest.mark.parametrize(
    ("service", "cases"),
    [("llm", WORDS), ("tts", VOICE), ("face", FACE), ("player", PLAYER), ("orchestrator", TURNS)],
    ids=["llm", "tts", "face", "player", "orchestrator"],
)
def test_every_wrong_field_is_named(servers: dict[str, Server], service: str, cases: list[Case]) -> None:
    before = servers[service].megabytes
    got = [(name, field, refused(servers, name.split()[0], messages)) for name, messages, field in cases]
    assert [case for case in got if case[2] != ("INVALID_ARGUMENT", case[1])] == []
    assert servers[service].megabytes - before <= 50
    check_serves(servers, service)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("Generate", llm_pb2.GenerateRequest(prompt=TOO_MUCH)),
        ("Synthesize", tts_pb2.SynthesizeRequest(text=TOO_MUCH)),
        ("AnimateClip", face_pb2.AnimateClipRequest(file=TOO_MUCH.encode())),
        ("Animate", A(config=face_pb2.AnimateConfig(model=TOO_MUCH))),
        ("Perform", P(config=player_pb2.PerformConfig(subject=TOO_MUCH))),
        ("Play", player_pb2.PlayRequest(pcm=TOO_MUCH.encode())),
        ("Stop", player_pb2.StopRequest(subject=TOO_MUCH)),
        ("WatchFrames", player_pb2.WatchFramesRequest(subject=TOO_MUCH)),
        ("Converse", converse(speak=TOO_MUCH)),
        ("Interrupt", orchestrator_pb2.InterruptRequest(session_id=TOO_MUCH)),
        ("GetHistory", orchestrator_pb2.GetHistoryRequest(session_id=TOO_MUCH)),
        ("ClearHistory", orchestrator_pb2.ClearHistoryRequest(session_id=TOO_MUCH)),
    ],
)
def test_ten_megabytes_are_not_received(servers: dict[str, Server], name: str, request_: Any) -> None:
    assert refused(servers, name, [request_])[0] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("name", sorted(RPCS))
def test_bytes_that_are_not_a_message_are_refused(servers: dict[str, Server], name: str) -> None:
    rpc = RPCS[name]
    with servers[rpc.service].channel() as channel:
        method = f"/{servers[rpc.service].service}/{name}"
        calls: Any = channel.stream_stream(method) if rpc.first else channel.unary_stream(method)
        with pytest.raises(grpc.RpcError) as refusal:
            list(calls(iter([b"\xff\xff\xff"]) if rpc.first else b"\xff\xff\xff", timeout=10))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.value.details() == "message: expected a message of this call's type, got '3 bytes'"


@pytest.mark.parametrize(("name", "messages"), [("Animate", []), ("Animate", [A_CONFIG]), ("Perform", [])])
def test_a_silent_sender_is_ended(servers: dict[str, Server], name: str, messages: list[Any]) -> None:
    with servers[RPCS[name].service].channel() as channel:
        outcome = call(channel, RPCS[name], messages, hold=True)
    assert outcome.status == "DEADLINE_EXCEEDED"
    assert outcome.seconds < INACTIVITY + 3


def test_a_history_of_two_million_turns_is_cut_and_answered(servers: dict[str, Server]) -> None:
    request = generate(history=[llm_pb2.Exchange()] * 1_900_000, max_output_token_count=1)
    with servers["llm"].channel() as channel:
        events = list(STUBS["llm"](channel).Generate(request, timeout=30))
    assert events[-1].HasField("finished")


def test_an_id_in_use_is_refused_and_the_first_turn_continues(servers: dict[str, Server]) -> None:
    request = play(config={"turn_id": str(uuid.uuid4()), "subject": "NeuroSync"}, pcm=b"\0\0" * 24_000)
    with servers["player"].channel() as channel:
        stub = STUBS["player"](channel)
        first = stub.Play(request, timeout=30)
        next(first)
        with pytest.raises(grpc.RpcError) as refusal:
            list(stub.Play(request, timeout=30))
        assert refusal.value.code() == grpc.StatusCode.ALREADY_EXISTS
        assert list(first)[-1].finished.heard_sample_count == 24_000
