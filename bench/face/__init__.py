"""Benchmarks of the face: both models against common implementations, and the service with many streams."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "tests" / "data" / "neurosync" / "speech_a.wav"
"""Three and a half seconds."""
