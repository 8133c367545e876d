"""The four stages that a turn is chained of: their channels, stubs, and how their failures read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from neurosync.v1 import face_pb2_grpc, llm_pb2_grpc, player_pb2_grpc, tts_pb2_grpc
from neurosync.v1.orchestrator_pb2 import Stage
from services.dialing import credentials, dial
from services.errors import InactiveError

if TYPE_CHECKING:
    from services.orchestrator.settings import OrchestratorSettings

NAMES = {Stage.STAGE_LLM: "llm", Stage.STAGE_TTS: "tts", Stage.STAGE_FACE: "face", Stage.STAGE_PLAYER: "player"}
_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: "is it running? `neurosync doctor` tells, `neurosync up` starts it",
    grpc.StatusCode.UNAUTHENTICATED: "NEUROSYNC_TOKEN must be the same on both sides",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "it is full: try again, or start another replica",
}


class StageError(Exception):
    """A stage failed; the message says which, why, and what to do about it."""

    def __init__(self, stage: Stage.ValueType, message: str) -> None:
        super().__init__(message)
        self.stage = stage


class Stages:
    """Channels to the four stages, open as long as the orchestrator lives; gRPC connects again when a stage is back."""

    llm: llm_pb2_grpc.LanguageModelServiceAsyncStub
    tts: tts_pb2_grpc.SpeechServiceAsyncStub
    face: face_pb2_grpc.FaceServiceAsyncStub
    player: player_pb2_grpc.PlayerServiceAsyncStub

    def __init__(self, settings: OrchestratorSettings) -> None:
        self.timeout = settings.stage_timeout
        self.metadata = credentials(settings.token.get_secret_value() if settings.token else None)
        self.addresses = {stage: getattr(settings, name) for stage, name in NAMES.items()}
        files = {"authority": settings.tls_authority}
        if settings.tls_authority is not None:
            files |= {"certificate": settings.tls_certificate, "key": settings.tls_key}
        self._channels = {stage: dial(address, **files) for stage, address in self.addresses.items()}
        self.llm = llm_pb2_grpc.LanguageModelServiceStub(self._channels[Stage.STAGE_LLM])
        self.tts = tts_pb2_grpc.SpeechServiceStub(self._channels[Stage.STAGE_TTS])
        self.face = face_pb2_grpc.FaceServiceStub(self._channels[Stage.STAGE_FACE])
        self.player = player_pb2_grpc.PlayerServiceStub(self._channels[Stage.STAGE_PLAYER])

    def failure(self, stage: Stage.ValueType, error: grpc.aio.AioRpcError | InactiveError | TimeoutError) -> StageError:
        """Return what went wrong at `stage`, for people."""
        where = f"{NAMES[stage]} at {self.addresses[stage]}"
        if not isinstance(error, grpc.aio.AioRpcError):
            return StageError(stage, f"{where} does not answer: is it hung? `neurosync up` restarts what has died")
        remedy = _REMEDIES.get(error.code())
        text = f"{where}: {error.details() or error.code().name}"
        return StageError(stage, f"{text} ({remedy})" if remedy else text)

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            await channel.close()
