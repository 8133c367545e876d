"""Parses the option `--style mouth=1.2,closure=1.5` of how a face moves."""

from __future__ import annotations

import typer

from neurosync.v1 import face_pb2
from services.common.wire import duration

NAMES = tuple(field.name for field in face_pb2.FaceStyle.DESCRIPTOR.fields)
MOST = 3.0  # of any value; the service checks the limit of each


def parse_style(text: str) -> face_pb2.FaceStyle:
    """Return the style of `NAME=VALUE`, several separated by commas.

    Raises:
        typer.BadParameter: There is no such name, or the value is out of range.
    """
    style = face_pb2.FaceStyle()
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        number = _number(value)
        if name not in NAMES or number is None:
            wanted = f"NAME=VALUE, a name of {', '.join(NAMES)} and a value of 0 to {MOST:g}"
            raise typer.BadParameter(f"expected {wanted}, got {part!r}", param_hint="--style")
        if name == "smoothing":
            style.smoothing.CopyFrom(duration(number))
        else:
            setattr(style, name, number)
    return style


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= MOST else None
