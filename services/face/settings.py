"""Settings of the face service."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.face.model import DEFAULT_MODEL
from services.settings import ServerSettings


class FaceSettings(ServerSettings):
    """NEUROSYNC_FACE_LISTEN=127.0.0.1:50053 NEUROSYNC_FACE_PROVIDER=cpu python -m services.face."""

    table: ClassVar[str] = "face"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_FACE_")

    listen: str = "127.0.0.1:50053"
    """Host and port to listen on; port 0 takes a free one."""
    model: str = DEFAULT_MODEL
    """The model that answers when a request names none."""
    provider: Literal["cpu", "cuda"] = "cpu"
    """What ONNX Runtime computes with."""
    capacity: int = Field(32, ge=1, le=4096)
    """Streams at once; one more is refused. Larger: frames of all come late when all speak; smaller: cores idle."""
    inactivity: float = Field(60.0, gt=0, le=3600)
    """Seconds that a client of Animate may send nothing. Smaller: slow voices are cut off; larger: the dead stay."""
    longest_clip: float = Field(600.0, gt=0, le=7200)
    """Seconds of sound that AnimateClip takes: 4 MB of a compressed format can hold hours."""
