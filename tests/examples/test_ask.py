"""The smallest client, run as its docstring says, against servers whose turns are written here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from neurosync.v1 import media_pb2, outcome_pb2
from neurosync.v1 import orchestrator_pb2 as pb

PROGRAM = Path(__file__).parents[2] / "examples" / "ask.py"


class Scripted:
    """Answers every turn with the same words and the same end."""

    def __init__(self, finished: pb.TurnFinished) -> None:
        self.prompts: list[str] = []
        self._finished = finished

    def converse(self, request: pb.ConverseRequest, context: Any) -> Iterator[pb.ConverseResponse]:
        self.prompts.append(request.prompt)
        if request.prompt == "refuse me":
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "64 turns are running; try again later")
        yield pb.ConverseResponse(accepted=pb.TurnAccepted())
        for words in (["I"], ["am", "Ada."]):
            yield pb.ConverseResponse(heard=pb.HeardWords(words=[media_pb2.WordTiming(word=word) for word in words]))
        yield pb.ConverseResponse(finished=self._finished)


@contextmanager
def serving(service: Scripted) -> Iterator[str]:
    converse = grpc.unary_stream_rpc_method_handler(
        service.converse, pb.ConverseRequest.FromString, pb.ConverseResponse.SerializeToString
    )
    handlers = grpc.method_handlers_generic_handler("neurosync.v1.OrchestratorService", {"Converse": converse})
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def ask(service: Scripted, *words: str) -> subprocess.CompletedProcess[str]:
    with serving(service) as address:
        return subprocess.run(
            [sys.executable, str(PROGRAM), *words],
            env=os.environ | {"NEUROSYNC_CLIENT_ORCHESTRATOR": address},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def test_the_words_are_printed_as_they_are_heard() -> None:
    service = Scripted(pb.TurnFinished(outcome=outcome_pb2.TURN_OUTCOME_COMPLETED))
    done = ask(service, "Who", "are", "you?")
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["I", "am", "Ada."], "")
    assert service.prompts == ["Who are you?"]


def test_a_turn_that_failed_ends_with_its_message() -> None:
    failed = pb.TurnFinished(
        outcome=outcome_pb2.TURN_OUTCOME_FAILED, reason=outcome_pb2.REASON_STAGE_UNAVAILABLE, message="tts is away"
    )
    done = ask(Scripted(failed))
    assert (done.returncode, done.stderr.strip()) == (1, "tts is away")


def test_a_turn_that_was_interrupted_ends_with_its_reason() -> None:
    stopped = pb.TurnFinished(outcome=outcome_pb2.TURN_OUTCOME_INTERRUPTED, reason=outcome_pb2.REASON_STOPPED)
    assert ask(Scripted(stopped)).stderr.strip() == "REASON_STOPPED"


def test_a_refused_call_ends_with_its_status() -> None:
    done = ask(Scripted(pb.TurnFinished()), "refuse", "me")
    assert (done.returncode, done.stderr.strip()) == (1, "RESOURCE_EXHAUSTED: 64 turns are running; try again later")
