"""Packets of the reference implementation, where NEUROSYNC_REFERENCE_DIR names them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PACKETS = Path(os.environ.get("NEUROSYNC_REFERENCE_DIR") or "/nowhere") / "golden" / "packets"
needs_reference = pytest.mark.skipif(not PACKETS.is_dir(), reason="NEUROSYNC_REFERENCE_DIR has no golden packets")
