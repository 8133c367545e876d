"""The connections to the four stages of a turn: channels, stubs, health, and the errors of failed calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from neurosync.v1 import face_pb2_grpc, llm_pb2_grpc, player_pb2_grpc, tts_pb2_grpc
from neurosync.v1.orchestrator_pb2 import Stage
from neurosync.v1.outcome_pb2 import Reason
from services.common.errors import InactiveError, RefusedBusyError
from services.serving.dialing import credentials, dial
from services.serving.error_status import error_info

if TYPE_CHECKING:
    from services.orchestrator.settings import OrchestratorSettings

NAMES = {Stage.STAGE_LLM: "llm", Stage.STAGE_TTS: "tts", Stage.STAGE_FACE: "face", Stage.STAGE_PLAYER: "player"}
RECONNECT_SECONDS = 1.0  # for a connection to a stage that has just restarted; dialling again takes half a second
WARM_UP_SECONDS = 2.0  # for the first connections; a stage that is not there yet is connected when it is
REPLACED_SECONDS = 30.0  # that running calls get on a channel that was replaced, before it is closed
HEAD_START_SECONDS = 0.005
"""Until player and face are called, which have nothing to do before there is sound: the voice, which takes longest, is
called first. On two cores, calls that are opened together delay each other. Longer: a player that is away is
reported later."""
_STUBS: dict[Stage.ValueType, Any] = {
    Stage.STAGE_LLM: llm_pb2_grpc.LanguageModelServiceStub,
    Stage.STAGE_TTS: tts_pb2_grpc.SpeechServiceStub,
    Stage.STAGE_FACE: face_pb2_grpc.FaceServiceStub,
    Stage.STAGE_PLAYER: player_pb2_grpc.PlayerServiceStub,
}
_SILENT = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
_FAILURES: dict[grpc.StatusCode, tuple[Reason.ValueType, bool, str]] = {
    grpc.StatusCode.UNAVAILABLE: (
        Reason.REASON_STAGE_UNAVAILABLE,
        True,
        "is it running? `neurosync doctor` looks, `neurosync up` starts it",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        Reason.REASON_STAGE_EXHAUSTED,
        True,
        "it is full: try again, or start another replica",
    ),
    grpc.StatusCode.UNAUTHENTICATED: (
        Reason.REASON_STAGE_UNAUTHENTICATED,
        False,
        "NEUROSYNC_TOKEN must be the same on both sides",
    ),
    grpc.StatusCode.INVALID_ARGUMENT: (Reason.REASON_STAGE_REFUSED, False, ""),
    grpc.StatusCode.DEADLINE_EXCEEDED: (Reason.REASON_STAGE_UNRESPONSIVE, True, ""),
}
"""What a status of a stage means: the reason, whether another try may succeed, and what a person can do."""


class StageError(Exception):
    """A stage failed; the message names it, says why, and what to do about it."""

    def __init__(self, stage: Stage.ValueType, reason: Reason.ValueType, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.stage, self.reason, self.retryable = stage, reason, retryable


class Connections:
    """A channel to each of the four stages, open as long as the orchestrator runs; gRPC reconnects by itself."""

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
        self._closing: set[asyncio.Task[None]] = set()
        for stage in NAMES:
            self._dial(stage)

    async def warm_up(self) -> None:
        """Connect to the stages that are there, so that the first turn need not."""
        await asyncio.gather(*(self.is_connected(stage, WARM_UP_SECONDS) for stage in NAMES))

    def channel(self, stage: Stage.ValueType) -> grpc.aio.Channel:
        """Return the channel that calls to a stage use now."""
        return self._channels[stage]

    def renew(self, stage: Stage.ValueType, hung: grpc.aio.Channel) -> None:
        """Dial a stage anew in place of a `hung` channel, unless that has been done."""
        if self._channels[stage] is hung:
            self._dial(stage)
            closing = asyncio.create_task(hung.close(REPLACED_SECONDS), name=f"close the channel to {NAMES[stage]}")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def is_connected(self, stage: Stage.ValueType, seconds: float = RECONNECT_SECONDS) -> bool:
        """Wait until a stage is connected, and return whether it is."""
        channel = self._channels[stage]
        try:
            async with asyncio.timeout(seconds):
                while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
                    await channel.wait_for_state_change(state)
        except TimeoutError:
            return False
        return True

    async def is_alive(self, stage: Stage.ValueType) -> bool:
        """Return whether a stage answers a health check, good or bad, over the channel that calls use."""
        stub: Any = health_pb2_grpc.HealthStub(self._channels[stage])
        try:
            await stub.Check(health_pb2.HealthCheckRequest(), timeout=self._probe_timeout)
        except grpc.aio.AioRpcError as error:
            return error.code() not in _SILENT
        return True

    def failure(self, stage: Stage.ValueType, error: grpc.aio.AioRpcError | InactiveError | TimeoutError) -> StageError:
        """Return the error of a failed call to `stage`, with what a person can do."""
        where = f"{NAMES[stage]} at {self.addresses[stage]}"
        if not isinstance(error, grpc.aio.AioRpcError):
            text = f"{where} does not answer: is it hung? `neurosync up` restarts what hangs or dies"
            return StageError(stage, Reason.REASON_STAGE_UNRESPONSIVE, text, retryable=True)
        unknown = (Reason.REASON_STAGE_FAILED, False, "")
        reason, retryable, remedy = _FAILURES.get(error.code(), unknown)
        if (info := error_info(error)) is not None and info.reason == RefusedBusyError.reason:
            reason, retryable = Reason.REASON_BUSY, True
        text = f"{where}: {error.details() or error.code().name}"
        return StageError(stage, reason, f"{text} ({remedy})" if remedy else text, retryable=retryable)

    async def close(self) -> None:
        """Close the channels."""
        for task in self._closing:
            task.cancel()
        for channel in self._channels.values():
            await channel.close()

    def _dial(self, stage: Stage.ValueType) -> None:
        self._channels[stage] = dial(self.addresses[stage], **self._files)
        setattr(self, NAMES[stage], _STUBS[stage](self._channels[stage]))


def is_away(error: Exception) -> bool:
    """Return whether a call failed because its stage was not reached or did not answer: another try may succeed."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return isinstance(error, InactiveError)
