"""One turn at the player, from its config to its `finished`: when it starts, and what is shown on each tick.

A turn is owned by the player's thread. Other threads read only `pending` and `granted`; both are single numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.types import Pcm, Weights
from services.player.face.speech_pose import SpeechPose
from services.player.timeline.ticks import Ticks
from services.player.turns.emotion_track import EmotionTrack
from services.player.turns.frame_track import FrameTrack
from services.player.turns.sound_track import SoundTrack
from services.player.turns.turn_config import TurnConfig
from services.player.turns.turn_events import Event, finished_event, started_event
from services.player.turns.turn_start import FACE_WAIT_SECONDS, TurnStart

REPORT_SECONDS = 0.1 - 0.5 / 60  # ten a second: every sixth tick, however it jitters
TAIL_SECONDS = 0.1  # a face that ends this much before its sound has not starved
NEVER = sys.maxsize


class PlayedTurn:
    """The tracks of one turn, its place on the device's time line, and the events for its sender."""

    def __init__(
        self, config: TurnConfig, ticks: Ticks, *, max_ahead: float, arrived: float, emit: Callable[[Event], None]
    ) -> None:
        """Make a turn.

        Args:
            config: What the sender asked for.
            ticks: Ticks of the device.
            max_ahead: Seconds of sound that are held ahead, at most.
            arrived: Monotonic time at which the config came.
            emit: Receives the events.
        """
        self.config = config
        self.epoch = 0
        self.track = SoundTrack(config.sample_rate, ticks, max_ahead=max_ahead)
        self.frames: FrameTrack | None = None
        self.emotions = EmotionTrack()
        self.reason: outcome_pb2.Reason.ValueType | None = None
        """Why the turn will end or has ended; None while that is open."""
        self.finished = False
        self.audible = NEVER
        """Device samples from this one on are not heard: the device was lost during the turn."""
        self.max_ahead = round(max_ahead * config.sample_rate)
        """Samples of the turn that are held ahead, at most."""
        self.granted = self.max_ahead
        """Sound may be sent up to this sample."""
        self._ticks = ticks
        self._emit = emit
        self._arrived = arrived
        self._start = TurnStart(config, ticks.sample_rate)
        self._started = False
        self._with_frames = False
        self._face_follows = False
        self._next_frame_tick = 0
        self._played = 0
        self._reported = 0
        self._report_interval = round(REPORT_SECONDS * ticks.sample_rate)
        self._counters = pb.PerformCounters()

    @property
    def pending(self) -> bool:
        """True while there is sound that will play, whatever the sender does."""
        return not self.track.starved and self._played < self.track.available

    def push_sound(self, pcm: Pcm, now: float) -> None:
        """Add sound that came at `now`; sound after the end is dropped."""
        if self.reason is None and len(pcm):
            self._start.note_sound(len(pcm), now)
            self.track.push(pcm)

    def open_frames(self, columns: npt.NDArray[np.intp], rate: int) -> None:
        """Prepare for frames of `rate` Hz whose column for each of the 61 curves (or -1) is in `columns`."""
        self.frames = FrameTrack(columns, rate, next_tick=self._next_frame_tick)

    def push_frames(self, first: int, frames: Weights, now: float) -> None:
        """Add frames, shape (n, columns), that came at `now`."""
        if self.frames is not None and self.reason is None and len(frames):
            self._start.note_frames(now)
            self.frames.push(first, frames)

    def push_emotions(self, at: int, rate: int | None, weights: Weights, *, explicit: bool) -> None:
        """Add emotions, shape (7,), from sample `at` on, or from frame `at` of `rate` Hz (see `EmotionTrack.push`)."""
        self.emotions.push(at / (rate or self.config.sample_rate), weights, explicit=explicit)

    def close(self, reason: outcome_pb2.Reason.ValueType) -> None:
        """Accept nothing more: what has come is played, and the turn then ends for `reason`."""
        if self.reason is None:
            self.reason = reason
            self.track.close()

    def stop(self, commit: int, fade: int, reason: outcome_pb2.Reason.ValueType) -> None:
        """Fade out over `fade` device samples from `commit` on, because of `reason`; the first stop counts."""
        if not self.track.stopped and not self.finished:
            self.reason = reason
            self.track.stop(commit, fade)

    def plan(self, commit: int, earliest: int, now: float) -> int | None:
        """Place what can be placed on the device's time line; return where the turn ends, None while that is open.

        Args:
            commit: First device sample that can still be changed.
            earliest: Where a turn that has not begun may begin; at least `commit`.
            now: Monotonic time.
        """
        track = self.track
        if not track.segments and not track.stopped:
            if self._start.is_due(track, self.frames, now):
                track.start(earliest)
                self._begin()
            elif track.closed and not track.available:
                return commit
        elif track.extend(commit):
            self._counters.audio_starved_count += 1
            self.notice(outcome_pb2.REASON_AUDIO_STARVED, "no more sound has come", track.segments[-1].stop)
        return track.stop_sample

    def speech(self, tick: int, sample: int) -> SpeechPose | None:
        """Return the pose that the frames bring on the tick at device sample `sample`; None: the face rests."""
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
        return SpeechPose(pose, self.frames.brought, frame, (self.epoch, segment.origin))

    def emotions_at(self, heard: int) -> Weights:
        """Return the strength of each emotion, shape (7,), when `heard` samples of the turn have been heard."""
        return self.emotions.at(heard / self.config.sample_rate)

    def covers(self, sample: int) -> bool:
        """Return whether device sample `sample` lies between the turn's begin and end, pauses included."""
        segments, end = self.track.segments, self.track.stop_sample
        return bool(segments) and segments[0].start <= sample and (end is None or sample < end)

    def report(self, ear: int, now: float, time_of: Callable[[int], float]) -> None:
        """Emit the events that are due: started, position, finished.

        Args:
            ear: Device sample at the listener's ear.
            now: Monotonic time.
            time_of: When a device sample is at the ear.
        """
        track = self.track
        self._played = max((min(ear - segment.base, segment.end) for segment in track.segments), default=0)
        self.granted = max(self.granted, track.turn_samples(ear) + self.max_ahead)
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
        track.forget(ear - self._ticks.sample_rate)

    def heard_when_stopped(self) -> int:
        """Return how many samples will have been heard at the end."""
        end = self.track.stop_sample
        return self.track.turn_samples(self.audible if end is None else min(end, self.audible))

    def notice(self, reason: outcome_pb2.Reason.ValueType, message: str, sample: int) -> None:
        """Emit a notice of what happened at device sample `sample`."""
        self._emit(pb.PerformNotice(reason=reason, message=message, at_sample=self.track.turn_samples(sample)))

    def _begin(self) -> None:
        self._with_frames = self._start.first_frame_at is not None
        if not self._with_frames and not self.config.voice_only:
            text = f"no frames within {FACE_WAIT_SECONDS * 1000:.0f} ms of the first sound"
            self.notice(outcome_pb2.REASON_WITHOUT_FRAMES, text, self.track.segments[0].start)

    def _is_tail(self, position: int) -> bool:
        """Return whether, at a position of the turn, too little sound is left for the face to matter."""
        return self.track.closed and self.track.available - position < TAIL_SECONDS * self._ticks.sample_rate

    def _start_event(self, at: float, now: float) -> pb.PerformStarted:
        return started_event(
            at,
            now,
            config_at=self._arrived,
            first_sound_at=self._start.first_sound_at,
            first_frame_at=self._start.first_frame_at if self._with_frames else None,
        )

    def _finish(self, heard: int) -> None:
        if self.finished:
            return
        self.finished = True
        counters = self._counters
        if self.frames:
            counters.frame_shown_count, counters.frame_late_count = self.frames.shown_count, self.frames.late_count
        self._emit(finished_event(heard, self.reason, counters))
