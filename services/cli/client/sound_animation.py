"""Animates one sound through the face service, and writes the files of its frames and its picture."""

from __future__ import annotations

import time
from dataclasses import dataclass

from neurosync.v1 import face_pb2
from services.cli.client.connection import Connection
from services.cli.client.face_client import Progress, animate_clip, animate_stream
from services.cli.inputs.sound_jobs import SoundJob
from services.cli.pictures.moving_curves import moving_curves
from services.cli.pictures.plot import write_plot
from services.media.formats.frame_files import write_frames
from services.media.frames import Frames
from services.media.sound import Sound
from services.media.sound_file import decode_sound
from services.media.takes.take_folder import Take
from services.media.takes.take_info import TakeInfo

CLIP_BYTES = 1 << 19  # 512 kB go as they are, and the service decodes them; larger: one call may take minutes of sound


@dataclass(frozen=True)
class AnimatedSound:
    """What came of one sound."""

    job: SoundJob
    frames: Frames
    model: str
    """Face model that made the frames."""
    elapsed: float
    """Seconds from the request to the last frame."""
    compute: float
    """Seconds of these that the model computed."""

    @property
    def speed(self) -> float:
        """How many times faster than the sound."""
        return self.frames.seconds / self.elapsed

    def table(self) -> dict[str, object]:
        """Return the result for scripts."""
        table: dict[str, object] = {
            "output": str(self.job.output),
            "frame_count": len(self.frames),
            "frame_rate_hertz": self.frames.rate,
            "seconds": round(self.frames.seconds, 3),
            "model": self.model,
            "elapsed_seconds": round(self.elapsed, 3),
            "compute_seconds": round(self.compute, 3),
            "realtime_factor": round(self.speed, 2),
        }
        if self.job.plot:
            table["plot"] = str(self.job.plot)
        return table

    def lines(self) -> list[str]:
        """Return the result for people."""
        frames = self.frames
        lines = [f"{self.job.output}: {len(frames)} frames, {frames.seconds:.2f} s at {frames.rate:g} Hz"]
        if self.job.plot:
            lines.append(f"{self.job.plot}: its curves against the sound")
        lines.append(f"by {self.model} in {self.elapsed:.2f} s, {self.speed:.1f} x realtime")
        return lines


def decode_if_needed(job: SoundJob, data: bytes) -> Sound | None:
    """Return the sound of `data` if it must be decoded here: to be streamed, or to be drawn.

    Raises:
        BadRequestError: It is no sound.
        UnavailableError: Nothing here decodes it.
    """
    return decode_sound(data, job.name) if len(data) > CLIP_BYTES or job.plot else None


async def animate_sound(
    face: Connection,
    job: SoundJob,
    data: bytes,
    sound: Sound | None,
    *,
    model: str,
    style: face_pb2.FaceStyle,
    progress: Progress,
) -> AnimatedSound:
    """Animate a sound and write its files.

    Args:
        face: The face service.
        job: Which files to write.
        data: The file of the sound.
        sound: What `decode_if_needed` returned for it.
        model: Face model; empty: the service's default.
        style: How the face moves.
        progress: Called with the seconds that are animated so far.
    """
    begun = time.perf_counter()
    if sound is not None and len(data) > CLIP_BYTES:
        animated = await animate_stream(face, sound, model, progress, style=style)
    else:
        animated = await animate_clip(face, data, model, progress, style=style)
    elapsed = time.perf_counter() - begun
    frames = animated.frames()
    write_frames(job.output, frames)
    if sound is not None and job.plot:
        take = Take(TakeInfo(sound.sample_rate), sound.pcm, frames.weights, frames.emotions)
        write_plot(job.plot, take, moving_curves(frames.weights))
    return AnimatedSound(job, frames, animated.model, elapsed, animated.compute)
