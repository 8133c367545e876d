"""Records one turn as a take, from two streams: the turn's events, and the frames that the player sends meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from neurosync.v1 import orchestrator_pb2
from services.cli.client.made_media import MadeMedia
from services.cli.client.recorded_turn import RecordedTurn, TurnNotice
from services.cli.client.synchronized_capture import CapturedTurn, SynchronizedCapture
from services.cli.client.turn_summary import CUT_SHORT
from services.media.frames import frame_count
from services.media.takes.heard_sound import HeardSound, heard_sound
from services.media.takes.take_folder import Take, take_name, write_take

SILENT_RATE = 24_000  # hertz, of a turn without sound, which has no rate


class TakeRecorder:
    """Takes every event of a turn that was requested with `include_media`, and writes what was heard of it."""

    def __init__(self, prompt: str | None, capture: SynchronizedCapture | None = None) -> None:
        """Record the answer to `prompt`; None for a text that was spoken as it is.

        With a `capture` of the player the take holds the frames as they were sent and the sound with its pauses;
        without, both as they were made.
        """
        self._prompt = prompt
        self._capture = capture
        self._created = datetime.now(UTC)
        self._made = MadeMedia()
        self._sentences: list[orchestrator_pb2.SentenceTimings] = []
        self._notices: list[TurnNotice] = []

    def add(self, event: orchestrator_pb2.ConverseResponse) -> None:
        """Take one event."""
        match event.WhichOneof("event"):
            case "accepted" if self._capture:
                self._capture.turn_id = event.accepted.turn_id
            case "audio":
                self._made.add_audio(event.audio)
            case "frame_header":
                self._made.add_header(event.frame_header)
            case "frames":
                self._made.add_frames(event.frames)
            case "timings":
                self._sentences.append(event.timings)
            case "notice":
                heard = self._capture.heard_sample if self._capture else 0
                self._notices.append(TurnNotice(heard, event.notice.message))

    async def take(self, finished: orchestrator_pb2.TurnFinished) -> Take:
        """Return what was heard as a take."""
        rate = finished.sample_rate_hertz or SILENT_RATE
        captured = await self._capture.turn(rate) if self._capture else CapturedTurn()
        pcm = self._made.sound(finished.heard_sample_count)
        if captured.frames:
            sound = heard_sound(pcm, rate, captured.heard, stopped=finished.outcome in CUT_SHORT)
        else:
            sound = HeardSound.without_pauses(pcm)
        info = RecordedTurn(
            finished, rate, self._prompt, self._created, self._sentences, self._notices, sound, captured
        ).info()
        count = frame_count(len(sound.pcm), rate)
        if not captured.frames:
            weights, emotions = self._made.face(np.arange(count))
            return Take(info, sound.pcm, weights, emotions)
        rows = captured.rows(count)
        shown = rows.emotions if rows.emotions.any() else self._made.face(rows.turn_frames)[1]
        return Take(info, sound.pcm, rows.weights, shown, rows.times)

    async def write(self, folder: Path | None, root: Path, finished: orchestrator_pb2.TurnFinished) -> Path:
        """Write the take into `folder`, or into a new one under `root` that is named after time and text."""
        take = await self.take(finished)
        return write_take(folder or root / take_name(self._created, self._prompt or finished.text), take)
