"""The smallest client: ask, and print words when they are heard. Start `neurosync up` first.

Any language with gRPC can do the same from `protos/neurosync/v1`; without any, a shell can:

    buf curl --protocol grpc --http2-prior-knowledge --schema protos -d '{"session_id": "me", "speak": "Hello."}'
        http://127.0.0.1:50050/neurosync.v1.OrchestratorService/Converse
"""

from __future__ import annotations

import sys

import grpc

from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc


def main(prompt: str) -> None:
    """Ask `prompt` and print the answer word by word, as it is spoken."""
    with grpc.insecure_channel("127.0.0.1:50050") as channel:
        stub = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
        for event in stub.Converse(orchestrator_pb2.ConverseRequest(session_id="example", prompt=prompt)):
            for word in event.heard.words:
                print(word.word, end=" ", flush=True)
    print()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "Who are you?")
