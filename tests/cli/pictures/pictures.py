"""PNG pictures as arrays, for tests."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """Read a PNG, shape (height, width, 3)."""
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        return np.asarray(picture)
