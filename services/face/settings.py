"""Settings of the face service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import ServerSettings
from services.face.lipsync import DEFAULT_MODEL
from services.face.style import MAX_FACTOR, MAX_SMOOTHING_SECONDS, Region


def _number_of(value: object) -> object:
    """Return the number that an environment variable holds as text; pydantic does not convert for a `Literal`."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


class FaceSettings(ServerSettings):
    """NEUROSYNC_FACE_LISTEN=127.0.0.1:50053 NEUROSYNC_FACE_PROVIDER=cpu python -m services.face."""

    table: ClassVar[str] = "face"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_FACE_")

    listen: str = "127.0.0.1:50053"
    """Host and port to listen on; port 0 takes a free one."""
    model: str = DEFAULT_MODEL
    """The model to serve: `lipsync`, which is shipped, or `neurosync`, the published transformer (needs torch)."""
    provider: Literal["cpu", "cuda"] = "cpu"
    """What ONNX Runtime computes with."""
    wait: Annotated[Literal[50, 100, 200], BeforeValidator(_number_of)] = 100
    """Milliseconds of sound after a frame that the network waits for. More: surer lips; less: an earlier answer."""
    upper_face: bool = True
    """Whether the shipped model moves brows, eyelid tension and head with pitch and loudness of the voice.

    Blinks and gaze are the player's either way.
    """
    voicing: bool = True
    """Whether the shipped model opens the mouth for voiced sound only. False: whispers open it fully, and so may a
    breath."""
    strength: dict[Region, Annotated[float, Field(ge=0, le=MAX_FACTOR)]] = Field(default_factory=dict)
    """Region (jaw, mouth, cheeks, tongue, eyes, brows, head) to factor, 0 to 3, of the face's motion.

    NEUROSYNC_FACE_STRENGTH='{"mouth": 1.2, "head": 0.5}'. Larger: broader; smaller: calmer; 0: still. The fields that
    a request's own style sets take precedence over these settings.
    """
    smoothing: float = Field(0.0, ge=0, le=MAX_SMOOTHING_SECONDS)
    """Seconds over which the face's motion is averaged. Larger: calmer, and later by as much."""
    closure: float = Field(1.0, ge=0, le=MAX_FACTOR)
    """Emphasis of lips that close. Larger: firmer p, b and m; smaller: a mumble."""
    checkpoint: Path | None = None
    """Weights of `neurosync`: `model.pth` or a `.safetensors` file of the same tensors."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What `neurosync` computes on; auto takes CUDA where there is one."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """What `neurosync` computes in. Lower: half the memory and faster where hardware has it; curves differ a little."""
    hop: int | None = None
    """Frames of 1/60 s between the windows of `neurosync`. Larger: cheaper, but frames come later, more at a time.

    None: 12 on a GPU; 48 on a CPU, of which a core needs about 0.7 s a window (0.4 s in bf16, where it has that).
    """
    look_ahead: int = 12
    """Frames that `neurosync` waits for beyond those it returns. Larger: they come later; smaller: the mouth opens
    late."""
    capacity: int | None = Field(None, ge=1, le=4096)
    """Streams and clips at once; one more is refused. Larger: frames of all come late when all speak; smaller: cores
    idle. None: as many as a short measurement at the start finds to keep pace. More than 256 need `max_open_calls`."""
    inactivity: float = Field(60.0, gt=0, le=3600)
    """Seconds that a client of Animate may send nothing. Smaller: slow voices are cut off; larger: calls of clients
    that are gone stay open."""
    longest_clip: float = Field(600.0, gt=0, le=7200)
    """Seconds of sound that AnimateClip takes: 4 MB of a compressed format can hold hours."""
