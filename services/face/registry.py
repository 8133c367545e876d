"""Loads the face model that the settings name; a model's libraries are imported only when it is selected."""

from __future__ import annotations

from importlib.util import find_spec

from services.common.errors import ConfigurationError
from services.face.face_model import FaceModel
from services.face.lipsync.lip_model import LipModel
from services.face.settings import FaceSettings

NEUROSYNC = "neurosync"
"""The published transformer checkpoint; every other name is that of a shipped network."""


def load_model(settings: FaceSettings) -> FaceModel:
    """Return the loaded model that the settings name.

    Raises:
        ConfigurationError: There is none of that name, or a library or file that it needs is missing.
    """
    if settings.model != NEUROSYNC:
        return LipModel(
            settings.model,
            provider=settings.provider,
            look_ahead=settings.wait,
            upper_face=settings.upper_face,
            voicing=settings.voicing,
        )
    if missing := [name for name in ("torch", "safetensors") if find_spec(name) is None]:
        raise ConfigurationError(f'model: neurosync needs {" and ".join(missing)}: pip install "neurosync[face,torch]"')
    if settings.checkpoint is None:
        raise ConfigurationError(
            "checkpoint: model neurosync needs NEUROSYNC_FACE_CHECKPOINT, the path of model.pth or model.safetensors"
        )
    from services.face.neurosync.neurosync_model import NeuroSyncModel

    return NeuroSyncModel(
        settings.checkpoint,
        device=settings.device,
        precision=settings.precision,
        hop=settings.hop,
        look_ahead=settings.look_ahead,
    )
