"""The rule that decides when a turn starts to sound: with its first frames, or without them after a limit."""

from __future__ import annotations

from services.player.turns.frame_track import FrameTrack
from services.player.turns.sound_track import SoundTrack
from services.player.turns.turn_config import TurnConfig

FACE_WAIT_SECONDS = 0.3  # that the voice waits for the face; longer syncs a slow face, shorter speaks sooner
OPENING_SECONDS = 0.1  # of frames, at most, that the start waits for
START_SECONDS = 0.02  # of sound that may start a turn; less could run out before the next step


class TurnStart:
    """What has come of a turn that has not started yet, and whether that is enough."""

    def __init__(self, config: TurnConfig, device_rate: int) -> None:
        """Watch for the start of a turn on a device of `device_rate` Hz."""
        self.first_sound_at: float | None = None
        """Monotonic time at which the first sound came."""
        self.first_frame_at: float | None = None
        """The same for the first frames."""
        self._config, self._device_rate = config, device_rate
        self._opening = 0  # samples of the first sound

    def note_sound(self, sample_count: int, now: float) -> None:
        """Note that sound came at `now`."""
        if self.first_sound_at is None:
            self.first_sound_at, self._opening = now, sample_count

    def note_frames(self, now: float) -> None:
        """Note that frames came at `now`."""
        if self.first_frame_at is None:
            self.first_frame_at = now

    def is_due(self, sound: SoundTrack, frames: FrameTrack | None, now: float) -> bool:
        """Return whether the turn can start at monotonic time `now`."""
        if not sound.available or self.first_sound_at is None:
            return False
        if sound.closed or now - self.first_sound_at >= FACE_WAIT_SECONDS:
            return True
        if sound.available < START_SECONDS * self._device_rate:
            return False
        opening = min(self._opening / self._config.sample_rate, OPENING_SECONDS)
        return self._config.voice_only or (frames is not None and frames.covers(opening))
