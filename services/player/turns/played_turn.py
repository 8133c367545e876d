"""One turn: when it starts, what it shows on each tick, and what its sender is told.

A turn is owned by the player's thread. Only `pending` and `granted` are read by others; they are single numbers.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.types import Pcm, Weights
from services.common.wire import duration
from services.player.timeline.ticks import TICK_RATE, Grid
from services.player.turns.emotion_track import FeelingTrack
from services.player.turns.frame_track import FrameTrack
from services.player.turns.sound_track import SoundTrack

Event: TypeAlias = pb.PerformAccepted | pb.PerformStarted | pb.PerformPosition | pb.PerformNotice | pb.PerformFinished

FACE_PATIENCE_SECONDS = 0.3  # how long the voice waits for the face; longer syncs a slow face, shorter speaks sooner
OPENING_SECONDS = 0.1  # of frames, at most, that the start waits for
START_SECONDS = 0.02  # of sound that may start a turn; less could run out before the next look
REPORT_SECONDS = 0.1 - 0.5 / 60  # ten a second: every sixth tick, however it jitters
NEVER = sys.maxsize
AHEAD_SECONDS = 0.12  # from which the face follows the voice; a nod is at its lowest 0.2 s after it began
FULL_SCALE = 32768.0  # of int16
OUTCOMES = {
    outcome_pb2.REASON_UNSPECIFIED: outcome_pb2.TURN_OUTCOME_COMPLETED,
    outcome_pb2.REASON_STOPPED: outcome_pb2.TURN_OUTCOME_INTERRUPTED,
    outcome_pb2.REASON_REPLACED: outcome_pb2.TURN_OUTCOME_SUPERSEDED,
    outcome_pb2.REASON_SHUTTING_DOWN: outcome_pb2.TURN_OUTCOME_FAILED,
    outcome_pb2.REASON_SENDER_LOST: outcome_pb2.TURN_OUTCOME_FAILED,
}
"""How a turn that ended for a reason has ended."""
TAIL_SECONDS = 0.1  # a face that ends this much before its sound has not starved


@dataclass(frozen=True)
class TurnConfig:
    """What a turn is to be."""

    turn_id: str
    subject: str
    sample_rate: int
    """Of the turn's sound, in Hz."""
    policy: pb.BusyPolicy.ValueType = pb.BUSY_POLICY_QUEUE
    voice_only: bool = False


@dataclass(frozen=True)
class Speech:
    """What a turn wants of the face on one tick."""

    pose: Weights
    """Shape (61,), 0 where it wants nothing."""
    brought: npt.NDArray[np.bool_]
    """Which curves of `pose` count, shape (61,)."""
    frame: int
    """Tick of the turn, counted from its sample 0."""
    source: tuple[int, int]
    """Changes when the turn, or its place on the time line, does."""


class Turn:
    """One turn from its config to its `finished`."""

    def __init__(
        self, config: TurnConfig, grid: Grid, *, horizon: float, arrived: float, emit: Callable[[Event], None]
    ) -> None:
        """Take a turn whose config came at monotonic time `arrived`; `emit` is told what happens.

        At most `horizon` seconds of sound are held ahead.
        """
        self.config = config
        self.epoch = 0
        self.track = SoundTrack(config.sample_rate, grid, horizon=horizon)
        self.frames: FrameTrack | None = None
        self.feelings = FeelingTrack()
        self.reason: outcome_pb2.Reason.ValueType | None = None
        """Why the turn will end or has ended; None while that is open."""
        self.finished = False
        self.audible = NEVER
        """Device samples from this one on are not heard: the device was lost during the turn."""
        self.horizon = round(horizon * config.sample_rate)
        self.granted = self.horizon
        """Sound may be sent up to this sample."""
        self._grid = grid
        self._emit = emit
        self._arrived = arrived
        self._first_sound: float | None = None
        self._first_frame: float | None = None
        self._opening = 0
        self._started = False
        self._with_frames = False
        self._face_follows = False
        self._next_frame_tick = 0
        self._played = 0
        self._reported = 0
        self._report_interval = round(REPORT_SECONDS * grid.sample_rate)
        self._counters = pb.PerformCounters()

    @property
    def pending(self) -> bool:
        """True while there is sound that will play, whatever the sender does."""
        return not self.track.starved and self._played < self.track.available

    def push_sound(self, pcm: Pcm, now: float) -> None:
        """Take sound that came at `now`; what comes after the end is dropped."""
        if self.reason is None and len(pcm):
            if self._first_sound is None:
                self._first_sound, self._opening = now, len(pcm)
            self.track.push(pcm)

    def open_frames(self, columns: npt.NDArray[np.intp], rate: int) -> None:
        """Take note of what the frames to come hold: the column of each curve (or -1), and the rate in Hz."""
        self.frames = FrameTrack(columns, rate, next_tick=self._next_frame_tick)

    def push_frames(self, first: int, frames: Weights, now: float) -> None:
        """Take frames, shape (n, columns), that came at `now`."""
        if self.frames is not None and self.reason is None and len(frames):
            if self._first_frame is None:
                self._first_frame = now
            self.frames.push(first, frames)

    def push_feeling(self, at: int, rate: int | None, weights: Weights, *, told: bool) -> None:
        """Take emotions, shape (7,), from sample `at` on, or from frame `at` of `rate` Hz (see FeelingTrack)."""
        self.feelings.push(at / (rate or self.config.sample_rate), weights, told=told)

    def close(self, reason: outcome_pb2.Reason.ValueType) -> None:
        """Take note that nothing more comes: what has come is played, and `reason` said in the end."""
        if self.reason is None:
            self.reason = reason
            self.track.close()

    def stop(self, commit: int, fade: int, reason: outcome_pb2.Reason.ValueType) -> None:
        """Fade out over `fade` device samples from `commit` on, because of `reason`; the first stop counts."""
        if not self.track.stopped and not self.finished:
            self.reason = reason
            self.track.stop(commit, fade)

    def plan(self, commit: int, earliest: int, now: float) -> int | None:
        """Place what can be placed on the device's time line; return where the turn ends, once that is known.

        Args:
            commit: First device sample that can still be changed.
            earliest: Where a turn that has not begun may begin; at least `commit`.
            now: Monotonic time.
        """
        track = self.track
        if not track.segments and not track.stopped:
            if self._is_ready(now):
                track.start(earliest)
                self._begin()
            elif track.closed and not track.available:
                return commit
        elif track.extend(commit):
            self._counters.audio_starved_count += 1
            self.notice(outcome_pb2.REASON_AUDIO_STARVED, "no more sound has come", track.segments[-1].stop)
        return track.stop_sample

    def speech(self, tick: int, sample: int) -> Speech | None:
        """Return what the face does on the tick that lies on device sample `sample`; None: it rests."""
        segment = self.track.segment_at(sample)
        if segment is None:
            self._face_follows = False
            return None
        frame = tick - segment.origin
        self._next_frame_tick = frame + 1
        pose = self.frames.at(frame) if self.frames else None
        if pose is None or self.frames is None:
            if self._face_follows and not self._is_tail(sample - segment.base):
                self._counters.frames_starved_count += 1
                self.notice(outcome_pb2.REASON_FRAMES_STARVED, "no more frames have come", sample)
            self._face_follows = False
            return None
        self._face_follows = True
        return Speech(pose, self.frames.brought, frame, (self.epoch, segment.origin))

    def felt(self, heard: int) -> Weights:
        """Return the strength of each emotion, shape (7,), when `heard` samples of the turn have been heard."""
        return self.feelings.at(heard / self.config.sample_rate)

    def level(self, sample: int) -> float:
        """Return how loud the voice is from device sample `sample` on: RMS of a tick, 0 to 1; 0 while it pauses.

        It is read a little ahead, as far as there is sound: a head that nods to a syllable has begun before it.
        """
        segment = self.track.segment_at(sample)
        if segment is None:
            return 0.0
        count = self._grid.sample_rate // TICK_RATE
        ahead = sample + round(AHEAD_SECONDS * self._grid.sample_rate)
        sound = np.zeros(count, np.float32)
        self.track.mix_into(sound, max(sample, min(ahead, segment.stop - count)))
        return math.sqrt(float(np.einsum("s,s", sound, sound)) / count) / FULL_SCALE

    def covers(self, sample: int) -> bool:
        """Return whether device sample `sample` lies between the turn's begin and end, pauses included."""
        segments, end = self.track.segments, self.track.stop_sample
        return bool(segments) and segments[0].start <= sample and (end is None or sample < end)

    def report(self, ear: int, now: float, time_of: Callable[[int], float]) -> None:
        """Tell the sender where the turn is.

        Args:
            ear: Device sample at the listener's ear.
            now: Monotonic time.
            time_of: When a device sample is at the ear.
        """
        track = self.track
        self._played = max((min(ear - segment.base, segment.end) for segment in track.segments), default=0)
        self.granted = max(self.granted, track.turn_samples(ear) + self.horizon)
        if track.segments and not self._started and ear >= track.segments[0].start:
            self._started, self._reported = True, ear
            self._emit(self._start_event(time_of(track.segments[0].start), now))
        if self._started and ear - self._reported >= self._report_interval:
            self._reported = ear
            heard = track.turn_samples(min(ear, self.audible))
            position = pb.PerformPosition(heard_sample_count=heard, granted_sample=self.granted, starved=track.starved)
            self._emit(position)
        end = track.stop_sample
        if (end is not None and ear >= end) or (end is None and track.closed and not track.available):
            self._finish(track.turn_samples(min(ear, self.audible)))
        track.forget(ear - self._grid.sample_rate)

    def heard_when_stopped(self) -> int:
        """Return how many samples will have been heard at the end."""
        end = self.track.stop_sample
        return self.track.turn_samples(self.audible if end is None else min(end, self.audible))

    def _is_ready(self, now: float) -> bool:
        track, config = self.track, self.config
        if not track.available or self._first_sound is None:
            return False
        if track.closed or now - self._first_sound >= FACE_PATIENCE_SECONDS:
            return True
        if track.available < START_SECONDS * self._grid.sample_rate:
            return False
        opening = min(self._opening / config.sample_rate, OPENING_SECONDS)
        return config.voice_only or (self.frames is not None and self.frames.covers(opening))

    def _begin(self) -> None:
        self._with_frames = self._first_frame is not None
        if not self._with_frames and not self.config.voice_only:
            text = f"no frames within {FACE_PATIENCE_SECONDS * 1000:.0f} ms of the first sound"
            self.notice(outcome_pb2.REASON_WITHOUT_FRAMES, text, self.track.segments[0].start)

    def _is_tail(self, position: int) -> bool:
        """Return whether, at a position of the turn, too little sound is left for the face to matter."""
        return self.track.closed and self.track.available - position < TAIL_SECONDS * self._grid.sample_rate

    def _start_event(self, at: float, now: float) -> pb.PerformStarted:
        """Return what tells that the first sample was at the ear at time `at`."""
        first_frame = None
        if self._with_frames and self._first_frame is not None:
            first_frame = duration(max(self._first_frame - self._arrived, 0))
        since_audio = at - (at if self._first_sound is None else self._first_sound)
        heard_for = max(now - at, 0)
        started = pb.PerformStarted(
            with_frames=self._with_frames,
            since_config=duration(at - self._arrived),
            since_audio=duration(since_audio),
            first_frame=first_frame,
            heard_for=duration(heard_for),
        )
        started.heard_at.FromNanoseconds(time.time_ns() - round(heard_for * 1e9))
        return started

    def _finish(self, heard: int) -> None:
        if self.finished:
            return
        self.finished = True
        counters = self._counters
        if self.frames:
            counters.frame_shown_count, counters.frame_late_count = self.frames.shown_count, self.frames.late_count
        reason = self.reason or outcome_pb2.REASON_UNSPECIFIED
        self._emit(
            pb.PerformFinished(heard_sample_count=heard, outcome=OUTCOMES[reason], reason=reason, counters=counters)
        )

    def notice(self, reason: outcome_pb2.Reason.ValueType, message: str, sample: int) -> None:
        """Tell the sender of something that happened at device sample `sample`."""
        self._emit(pb.PerformNotice(reason=reason, message=message, at_sample=self.track.turn_samples(sample)))
