"""Fixtures of the tests of shared modules: an environment without settings."""

from __future__ import annotations

from tests.isolation import isolated_folder as isolated_folder
