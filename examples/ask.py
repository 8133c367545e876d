"""The smallest client: ask, and print words when they are heard. Start `neurosync up` first.

Any language with gRPC can do the same from `protos/neurosync/v1`, and a shell can too: docs/contracts.md shows how.
"""

from __future__ import annotations

import os
import sys

import grpc

from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from neurosync.v1.outcome_pb2 import TURN_OUTCOME_COMPLETED, Reason


def main(prompt: str, address: str) -> None:
    """Ask `prompt` and print the answer word by word, as it is spoken; exit with a message if it is not heard whole."""
    finished = orchestrator_pb2.TurnFinished()
    request = orchestrator_pb2.ConverseRequest(session_id="example", prompt=prompt)
    with grpc.insecure_channel(address) as channel:
        stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        for event in stub.Converse(request):
            match event.WhichOneof("event"):
                case "heard":
                    print(*(word.word for word in event.heard.words), end=" ", flush=True)
                case "finished":
                    finished = event.finished
    print()
    if finished.outcome != TURN_OUTCOME_COMPLETED:
        sys.exit(finished.message or Reason.Name(finished.reason))


if __name__ == "__main__":
    try:
        main(
            " ".join(sys.argv[1:]) or "Who are you?",
            os.environ.get("NEUROSYNC_CLIENT_ORCHESTRATOR", "127.0.0.1:50050"),
        )
    except grpc.RpcError as error:  # refused, or nobody listens there
        sys.exit(f"{error.code().name}: {error.details()}")
