"""Fixtures of the tests of shared modules: an environment without settings."""

from __future__ import annotations

from tests.serving.conftest import clean_environment

__all__ = ["clean_environment"]
