"""Tests of the settings run without those of the machine."""

from __future__ import annotations

from tests.serving.conftest import clean_place

__all__ = ["clean_place"]
