"""The four stages that a turn is chained of: their channels, stubs, and how their failures read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from neurosync.v1 import face_pb2_grpc, llm_pb2_grpc, player_pb2_grpc, tts_pb2_grpc
from neurosync.v1.orchestrator_pb2 import Stage
from services.common.errors import InactiveError
from services.serving.dialing import credentials, dial

if TYPE_CHECKING:
    from services.orchestrator.settings import OrchestratorSettings

NAMES = {Stage.STAGE_LLM: "llm", Stage.STAGE_TTS: "tts", Stage.STAGE_FACE: "face", Stage.STAGE_PLAYER: "player"}
RECONNECT_SECONDS = 1.0  # that a stage which has just come back is given; dialling again takes half a second
WARM_UP_SECONDS = 2.0  # for the first connections; a stage that is not there yet is connected when it is
FAREWELL_SECONDS = 30.0  # that calls of others get on a connection that is replaced
HEAD_START_SECONDS = 0.005
"""Before player and face are called, who have nothing to do until there is sound: by then the voice is asked, which
takes longest. With two cores, calls that are opened together wait for each other; longer: a busy player tells later."""
_STUBS: dict[Stage.ValueType, Any] = {
    Stage.STAGE_LLM: llm_pb2_grpc.LanguageModelServiceStub,
    Stage.STAGE_TTS: tts_pb2_grpc.SpeechServiceStub,
    Stage.STAGE_FACE: face_pb2_grpc.FaceServiceStub,
    Stage.STAGE_PLAYER: player_pb2_grpc.PlayerServiceStub,
}
_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: "is it running? `neurosync doctor` tells, `neurosync up` starts it",
    grpc.StatusCode.UNAUTHENTICATED: "NEUROSYNC_TOKEN must be the same on both sides",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "it is full: try again, or start another replica",
}
_SILENT = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)


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
        self.slow_after, self._probe_timeout = settings.slow_after, settings.probe_timeout
        self.limits: dict[Stage.ValueType, float] = {
            stage: getattr(settings, f"{name}_timeout") for stage, name in NAMES.items()
        }
        self.metadata = credentials(settings.token.get_secret_value() if settings.token else None)
        self.addresses: dict[Stage.ValueType, str] = {stage: getattr(settings, name) for stage, name in NAMES.items()}
        self._files: dict[str, Path | None] = {"authority": settings.tls_authority}
        if settings.tls_authority is not None:
            self._files |= {"certificate": settings.tls_certificate, "key": settings.tls_key}
        self._channels: dict[Stage.ValueType, grpc.aio.Channel] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        for stage in NAMES:
            self._dial(stage)

    async def warm_up(self) -> None:
        """Connect to the stages that are there, so that the first turn need not."""
        await asyncio.gather(*(self.reconnected(stage, WARM_UP_SECONDS) for stage in NAMES))

    def connection(self, stage: Stage.ValueType) -> grpc.aio.Channel:
        """Return the channel that calls of a stage take now."""
        return self._channels[stage]

    def renew(self, stage: Stage.ValueType, hung: grpc.aio.Channel) -> None:
        """Dial a stage anew, unless that has been done: over the `hung` connection nothing comes any more."""
        if self._channels[stage] is hung:
            self._dial(stage)
            farewell = asyncio.create_task(hung.close(FAREWELL_SECONDS), name=f"leave {NAMES[stage]}")
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)

    async def reconnected(self, stage: Stage.ValueType, seconds: float = RECONNECT_SECONDS) -> bool:
        """Wait until a stage is connected, and return whether it is."""
        channel = self._channels[stage]
        try:
            async with asyncio.timeout(seconds):
                while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
                    await channel.wait_for_state_change(state)
        except TimeoutError:
            return False
        return True

    async def lives(self, stage: Stage.ValueType) -> bool:
        """Return whether a stage tells its health, good or bad, over the connection that calls take."""
        stub: Any = health_pb2_grpc.HealthStub(self._channels[stage])
        try:
            await stub.Check(health_pb2.HealthCheckRequest(), timeout=self._probe_timeout)
        except grpc.aio.AioRpcError as error:
            return error.code() not in _SILENT
        return True

    def failure(self, stage: Stage.ValueType, error: grpc.aio.AioRpcError | InactiveError | TimeoutError) -> StageError:
        """Return what went wrong at `stage`, for people."""
        where = f"{NAMES[stage]} at {self.addresses[stage]}"
        if not isinstance(error, grpc.aio.AioRpcError):
            return StageError(stage, f"{where} does not answer: is it hung? `neurosync up` restarts what hangs or dies")
        remedy = _REMEDIES.get(error.code())
        text = f"{where}: {error.details() or error.code().name}"
        return StageError(stage, f"{text} ({remedy})" if remedy else text)

    async def close(self) -> None:
        """Close the channels."""
        for farewell in self._farewells:
            farewell.cancel()
        for channel in self._channels.values():
            await channel.close()

    def _dial(self, stage: Stage.ValueType) -> None:
        self._channels[stage] = dial(self.addresses[stage], **self._files)
        setattr(self, NAMES[stage], _STUBS[stage](self._channels[stage]))


def is_away(error: Exception) -> bool:
    """Return whether a call failed because its stage could not be reached, or hung: another try may reach it."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return isinstance(error, InactiveError)
