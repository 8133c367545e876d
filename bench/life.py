"""Statistics of an idle face, in numbers and in a picture: `python -m bench.life`, `make bench-life`.

Ten minutes of a face that waits, ten of one that speaks, and ten of one that listens; `docs/life.svg` shows a minute.
"""

from __future__ import annotations

import math
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.life_picture import draw
from services.media.curves import CURVE_COUNT, INDEX
from services.player.face.life.idle import Idle, LifeSettings
from services.player.timeline.ticks import TICK_RATE

Series = npt.NDArray[np.float64]

ROOT = Path(__file__).parents[1]
SPEECH = ROOT / "tests" / "data" / "neurosync" / "speech_a.wav"
PICTURE = ROOT / "docs" / "life.svg"
SEED, PICTURE_SEED = 11, 5
MINUTES = 10
PAUSES = (0.35, 1.6)  # seconds between phrases
CLOSED = 0.3  # of a lid, from which a blink counts
DOUBLE_SECONDS = 0.6  # between the beginnings of two blinks that are one double
SACCADE_SPEED = 0.6  # radians a second, from which the eyes jump: 34 degrees a second
WINDOW_TICKS, WINDOW_STEP = 120, 30
MOVING = ("HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "EyeBlinkLeft")


@dataclass(frozen=True)
class Figures:
    """What a face did."""

    blinks_per_minute: float
    interval_median: float
    """Seconds."""
    interval_spread: float
    """Standard deviation over mean of the intervals: 0 is a clock, 1 pure chance."""
    longest_interval: float
    """Seconds."""
    doubles: float
    """Share of the intervals that are those of a double."""
    partial: float
    """Share of blinks that do not close the eye."""
    saccades_per_second: float
    gaze_degrees: float
    """95th percentile of how far the eyes are off the middle of the head."""
    head_degrees: tuple[float, float, float]
    """Range of yaw, pitch and roll."""
    head_speed: float
    """95th percentile of the speed of the head, degrees a second."""
    repetition: float
    """Least distance (RMS, in units of a curve) of any two seconds to any other two: 0 would be a repetition."""

    def line(self) -> str:
        """Return the figures as text."""
        yaw, pitch, roll = self.head_degrees
        return (
            f"{self.blinks_per_minute:.1f} blinks a minute (intervals: median {self.interval_median:.1f} s, spread "
            f"{self.interval_spread:.2f}, longest {self.longest_interval:.1f} s; {100 * self.doubles:.0f} % doubles, "
            f"{100 * self.partial:.0f} % partial), {self.saccades_per_second:.2f} saccades a second, eyes within "
            f"{self.gaze_degrees:.1f} degrees, head over {yaw:.1f} x {pitch:.1f} x {roll:.1f} degrees at up to "
            f"{self.head_speed:.1f} degrees a second, least distance of two seconds to two others {self.repetition:.4f}"
        )


def phrases(seconds: float, seed: int) -> Series:
    """Return how loud a voice is on each tick while it repeats one sentence, with pauses as they come."""
    with wave.open(str(SPEECH)) as file:
        rate = file.getframerate()
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    ticks = len(pcm) * TICK_RATE // rate
    spoken = [math.sqrt(float(np.mean(part**2))) for part in np.array_split(pcm, ticks)]
    random = np.random.default_rng(seed)
    levels: list[float] = []
    while len(levels) < seconds * TICK_RATE:
        levels += spoken
        levels += [0.0] * round(random.uniform(*PAUSES) * TICK_RATE)
    return np.array(levels[: round(seconds * TICK_RATE)])


def live(seed: int, levels: Series, life: LifeSettings | None = None) -> Series:
    """Return the poses of a face whose voice has these levels, shape (ticks, 61)."""
    idle, life = Idle(seed), life or LifeSettings()
    poses = np.empty((len(levels), CURVE_COUNT))
    for tick, level in enumerate(levels):
        poses[tick] = idle.pose(tick, level, life)
    return poses


def blink_starts(lid: Series) -> npt.NDArray[np.intp]:
    """Return the ticks on which a lid closes."""
    closed = lid > CLOSED
    return np.flatnonzero(closed[1:] & ~closed[:-1]) + 1


def measure(poses: Series) -> Figures:
    """Return the figures of poses, shape (ticks, 61)."""
    lid = poses[:, INDEX["EyeBlinkLeft"]]
    starts = blink_starts(lid)
    intervals = np.diff(starts) / TICK_RATE
    depths = np.array([lid[start : start + 12].max() for start in starts])
    eyes = poses[:, [INDEX["LeftEyeYaw"], INDEX["LeftEyePitch"]]]
    jumps = np.linalg.norm(np.diff(eyes, axis=0), axis=1) * TICK_RATE > SACCADE_SPEED
    head = np.degrees(poses[:, [INDEX["HeadYaw"], INDEX["HeadPitch"], INDEX["HeadRoll"]]])
    yaw, pitch, roll = np.ptp(head, axis=0)
    seconds = len(poses) / TICK_RATE
    return Figures(
        blinks_per_minute=60 * len(starts) / seconds,
        interval_median=float(np.median(intervals)),
        interval_spread=float(intervals.std() / intervals.mean()),
        longest_interval=float(intervals.max()),
        doubles=float((intervals < DOUBLE_SECONDS).mean()),
        partial=float((depths < 0.8).mean()),
        saccades_per_second=int((jumps[1:] & ~jumps[:-1]).sum()) / seconds,
        gaze_degrees=float(np.percentile(np.degrees(np.linalg.norm(eyes, axis=1)), 95)),
        head_degrees=(float(yaw), float(pitch), float(roll)),
        head_speed=float(np.percentile(np.linalg.norm(np.diff(head, axis=0), axis=1) * TICK_RATE, 95)),
        repetition=_least_distance(poses[:, [INDEX[name] for name in MOVING]]),
    )


def _least_distance(poses: Series) -> float:
    """Return the least RMS distance of two windows that do not overlap."""
    windows = np.array(
        [poses[first : first + WINDOW_TICKS].ravel() for first in range(0, len(poses) - WINDOW_TICKS, WINDOW_STEP)]
    )
    squares = np.einsum("ws,ws->w", windows, windows)
    distances = squares[:, None] + squares[None, :] - 2 * windows @ windows.T  # (windows, windows)
    apart = WINDOW_TICKS // WINDOW_STEP
    distances[np.abs(np.subtract.outer(np.arange(len(windows)), np.arange(len(windows)))) < apart] = np.inf
    return math.sqrt(max(float(distances.min()), 0.0) / windows.shape[1])


def main() -> None:
    """Print the figures and draw the picture."""
    quiet = np.zeros(MINUTES * 60 * TICK_RATE)
    print("waiting:  ", measure(live(SEED, quiet)).line())
    print("speaking: ", measure(live(SEED, phrases(MINUTES * 60, SEED))).line())
    print("listening:", measure(live(SEED, quiet, LifeSettings(listening=True))).line())
    levels = np.concatenate([np.zeros(30 * TICK_RATE), phrases(30, PICTURE_SEED)])
    draw(PICTURE, live(PICTURE_SEED, levels), levels)
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
