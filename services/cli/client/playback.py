"""A recorded take through the player: sound and frames in chunks, no further ahead than the player grants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from neurosync.v1 import media_pb2, player_pb2
from services.cli.client.connection import Connection
from services.cli.client.perform_call import Event, PerformCall
from services.common.types import FRAME_RATE
from services.common.wire import audio_chunk, emotion_weights, frame_batch
from services.media.takes.take_folder import Take

CHUNK_FRAMES = 6  # 100 ms; more: coarser steps against the grant, fewer: more messages


class Playback:
    """One take that the player performs."""

    def __init__(self, player: Connection, take: Take, *, turn_id: str = "", character: str = "") -> None:
        """Prepare to play `take` as the turn `turn_id` (a UUID; empty: a new one), for a character (empty: default)."""
        self._take = take
        self._call = PerformCall(
            player,
            sample_rate=take.rate,
            source=take.info.providers.get("face", "take"),
            character=character,
            turn_id=turn_id,
        )
        self.stop = self._call.stop
        self.status = self._call.status

    async def run(self, on_event: Callable[[Event], None]) -> player_pb2.PerformFinished:
        """Play to the end; see `PerformCall.run`."""
        return await self._call.run(self._messages(), on_event)

    async def _messages(self) -> AsyncIterator[player_pb2.PerformRequest]:
        """Yield the take, each chunk once its first sample is granted."""
        for first_sample, messages in take_chunks(self._take):
            while first_sample >= self._call.granted_sample:
                await self._call.wait_for_change()
            for message in messages:
                yield message


def take_chunks(take: Take) -> Iterator[tuple[int, list[player_pb2.PerformRequest]]]:
    """Yield a take in chunks of 100 ms: the first sample of each, and its messages, frames before sound.

    Emotions of a take that holds the frames as they were sent are in its curves already: the player would put them on
    the face a second time.
    """
    count = max(len(take.weights), -(-len(take.pcm) * FRAME_RATE // take.rate))
    sent_emotions = b""
    emotions = take.emotions if take.info.recorded != "sent" else None
    for frame in range(0, count, CHUNK_FRAMES):
        first, after = (frame * take.rate // FRAME_RATE, (frame + CHUNK_FRAMES) * take.rate // FRAME_RATE)
        messages = []
        if emotions is not None and (row := emotions[frame : frame + 1]).tobytes() not in {b"", sent_emotions}:
            sent_emotions = row.tobytes()
            key = media_pb2.EmotionKey(at_sample=first, weights=emotion_weights(row[0]))
            messages.append(player_pb2.PerformRequest(emotion=key))
        if len(weights := take.weights[frame : frame + CHUNK_FRAMES]):
            messages.append(player_pb2.PerformRequest(frames=frame_batch(frame, weights)))
        if len(pcm := take.pcm[first:after]):
            messages.append(player_pb2.PerformRequest(audio=audio_chunk(first, pcm)))
        yield first, messages
