"""A turn whose sound clicks on the frames on which its jaw spikes, and the take that is recorded of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosync.v1 import media_pb2, orchestrator_pb2, player_pb2
from services.cli.client.connection import Connection
from services.cli.client.synchronized_capture import SynchronizedCapture
from services.cli.client.turn_recording import TakeRecorder
from services.common.types import Pcm, Weights
from services.common.wire import audio_chunk, frame_batch
from services.media.curves import CURVE_NAMES, INDEX
from services.media.emotions import EMOTION_NAMES
from services.media.takes.take_folder import Take

RATE = 24_000
TICK = RATE // 60
JAW = INDEX["JawOpen"]
CLICKS = (12, 30, 48, 66)  # frames with a click, and a spike of the jaw on the same frame
Event = orchestrator_pb2.ConverseResponse


def clicking(frames: int = 80) -> tuple[Pcm, Weights]:
    """Return sound with a click and a face with a spike on the frames `CLICKS`; emotions are its last columns."""
    pcm = np.full(frames * TICK, 40, np.int16)  # never zero: a pause is silent, this is not
    weights = np.zeros((frames, 68), np.float32)
    weights[:, 61 + 3] = np.linspace(0, 1, frames)  # Happy
    for frame in CLICKS:
        pcm[frame * TICK : frame * TICK + 20] = 20_000
        weights[frame, JAW] = 0.9
    return pcm, weights


HEADER = media_pb2.FrameHeader(curve_names=[*CURVE_NAMES, *EMOTION_NAMES], frame_rate_hertz=60, source="test")


@dataclass
class Stage:
    """A real player, a socket in the place of Unreal, and all that arrives there."""

    stub: Any
    connection: Connection
    packets: list[dict[str, Any]] = field(default_factory=list)


async def performed(
    stage: Stage,
    capture: SynchronizedCapture,
    *,
    pause_at: int | None = None,
    stop_at: int | None = None,
    happy: bool = False,
) -> Take:
    """Perform the clicks as the orchestrator would, and return the take.

    The sound from frame `pause_at` on is sent once the player reports that it has none left; the turn is stopped after
    frame `stop_at` was heard. A `happy` turn sends that emotion at its begin.
    """
    pcm, weights = clicking()
    turn_id = str(uuid.uuid4())
    recorder = TakeRecorder("Click!", capture)
    recorder.add(Event(accepted=orchestrator_pb2.TurnAccepted(turn_id=turn_id)))
    recorder.add(Event(frame_header=HEADER))
    recorder.add(Event(frames=frame_batch(0, weights)))
    recorder.add(Event(audio=audio_chunk(0, pcm)))
    recorder.add(Event(timings=_words()))
    starved, ended = asyncio.Event(), asyncio.Event()

    async def requests() -> AsyncIterator[player_pb2.PerformRequest]:
        config = player_pb2.PerformConfig(turn_id=turn_id, format=media_pb2.AudioFormat(sample_rate_hertz=RATE))
        yield player_pb2.PerformRequest(config=config)
        yield player_pb2.PerformRequest(
            frame_header=media_pb2.FrameHeader(curve_names=CURVE_NAMES, frame_rate_hertz=60)
        )
        yield player_pb2.PerformRequest(frames=frame_batch(0, weights[:, :61]))
        if happy:
            key = media_pb2.EmotionWeight(emotion=media_pb2.EMOTION_HAPPY, weight=1)
            yield player_pb2.PerformRequest(emotion=media_pb2.EmotionKey(at_sample=0, weights=[key]))
        first = len(pcm) if pause_at is None else pause_at * TICK + 123
        yield player_pb2.PerformRequest(audio=audio_chunk(0, pcm[:first]))
        if first < len(pcm):
            await starved.wait()
            yield player_pb2.PerformRequest(audio=audio_chunk(first, pcm[first:]))
        yield player_pb2.PerformRequest(end=player_pb2.PerformEnd())

    async for event in stage.stub.Perform(requests()):
        match event.WhichOneof("event"):
            case "notice":
                recorder.add(Event(notice=orchestrator_pb2.TurnNotice(message=event.notice.message)))
            case "position":
                if event.position.starved and len(stage.packets) and not starved.is_set():
                    starved.set()
                if stop_at and event.position.heard_sample_count > stop_at * TICK and not ended.is_set():
                    ended.set()
                    await stage.stub.Stop(player_pb2.StopRequest(turn_id=turn_id))
            case "finished":
                finished = event.finished
    return await recorder.take(
        orchestrator_pb2.TurnFinished(
            heard_sample_count=finished.heard_sample_count,
            outcome=finished.outcome,
            sample_rate_hertz=RATE,
            text="click click click click",
        )
    )


def _words() -> orchestrator_pb2.SentenceTimings:
    words = [
        media_pb2.WordTiming(
            word="click", start_char=6 * k, end_char=6 * k + 5, start_sample=frame * TICK, end_sample=frame * TICK + 20
        )
        for k, frame in enumerate(CLICKS)
    ]
    return orchestrator_pb2.SentenceTimings(end_sample=80 * TICK, timings=media_pb2.Timings(words=words))


def assert_rows_are_the_datagrams(take: Take, packets: list[dict[str, Any]]) -> list[int]:
    """Find each row of a take among the datagrams by its timecode, and compare every value.

    A busy machine may skip a tick: then nothing was sent, and the row is the one before it. Such rows are returned.
    """
    assert take.times is not None
    sent = {
        round(1000 * (packet["frame"] + packet["sub_frame"])): packet["values"]
        for packet in packets
        if packet["subject"] == "NeuroSync"
    }
    times = [round(60_000 * time) for time in take.times]
    missing = [row for row, time in enumerate(times) if time not in sent]
    assert len(missing) == take.info.counters["tick_missed_count"] < 0.1 * len(times)
    for row, time in enumerate(times):
        expected = take.weights[row - 1] if row in missing else np.array(sent[time], np.float32)
        np.testing.assert_array_equal(take.weights[row], expected)
    return missing


def clicks_in(take: Take) -> list[tuple[float, int]]:
    """Return each click of a take: where it is heard, in frames, and the row of the spike next to it."""
    loud = np.flatnonzero(np.abs(take.pcm.astype(int)) > 10_000)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-1000) > 100)]
    spikes = np.flatnonzero(take.weights[:, JAW] > 0.4)
    return [(start / TICK, int(spikes[np.argmin(np.abs(spikes - start / TICK))])) for start in starts]
