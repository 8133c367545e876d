"""One correct call to each service, which must succeed whatever other clients do."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np

from neurosync.v1 import face_pb2, llm_pb2, media_pb2, orchestrator_pb2, player_pb2, tts_pb2
from services.common.wire import audio_chunk
from tests.abuse.processes import Server
from tests.abuse.rpcs import STUBS

RATE = 24_000
CHUNK = RATE // 10
RETRY_SECONDS = 30.0
"""Time for which a correct call is retried while the service has no capacity."""
FORMAT = media_pb2.AudioFormat(sample_rate_hertz=RATE)


def check_serves(servers: dict[str, Server], name: str) -> None:
    """Make one correct call to a service and check its responses; retry while the service has no capacity."""
    until = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            with servers[name].channel() as channel:
                _CALLS[name](STUBS[name](channel))
                return
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED or time.monotonic() > until:
                raise
            time.sleep(0.05)


def config(**changes: Any) -> player_pb2.PerformConfig:
    """Return the config of a new turn."""
    values: dict[str, Any] = {"turn_id": str(uuid.uuid4()), "format": FORMAT, "voice_only": True}
    return player_pb2.PerformConfig(**(values | changes))


def turn(seconds: float, **changes: Any) -> Iterator[player_pb2.PerformRequest]:
    """Yield a turn of sound."""
    yield player_pb2.PerformRequest(config=config(**changes))
    for number in range(round(seconds * 10)):
        yield player_pb2.PerformRequest(audio=audio_chunk(number * CHUNK, np.full(CHUNK, 500, np.int16)))
    yield player_pb2.PerformRequest(end=player_pb2.PerformEnd())


def _llm(stub: Any) -> None:
    request = llm_pb2.GenerateRequest(prompt="Hi.", max_output_token_count=2)
    events = list(stub.Generate(request, timeout=60))
    assert events[0].HasField("started") and events[-1].HasField("finished")


def _tts(stub: Any) -> None:
    events = list(stub.Synthesize(tts_pb2.SynthesizeRequest(text="Hi there."), timeout=60))
    assert events[-1].finished.sample_count > 2_000


def _face(stub: Any) -> None:
    requests = [
        face_pb2.AnimateRequest(config=face_pb2.AnimateConfig(format=FORMAT)),
        face_pb2.AnimateRequest(audio=audio_chunk(0, np.full(CHUNK, 500, np.int16))),
        face_pb2.AnimateRequest(end=face_pb2.AnimateEnd()),
    ]
    assert list(stub.Animate(iter(requests), timeout=30))[-1].finished.frame_count == 6


def _player(stub: Any) -> None:
    requests = turn(0.2, policy=player_pb2.BUSY_POLICY_REPLACE)
    assert list(stub.Perform(requests, timeout=30))[-1].finished.heard_sample_count == 2 * CHUNK


def _orchestrator(stub: Any) -> None:
    request = orchestrator_pb2.ConverseRequest(session_id=f"valid {uuid.uuid4()}", speak="Hi there.")
    finished = list(stub.Converse(request, timeout=60))[-1].finished
    assert finished.heard_text == "Hi there.", finished


_CALLS = {"llm": _llm, "tts": _tts, "face": _face, "player": _player, "orchestrator": _orchestrator}
