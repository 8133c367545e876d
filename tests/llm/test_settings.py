"""Settings of the language model service."""

from __future__ import annotations

import pytest

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.llm.settings import LanguageModelSettings


def test_url_without_scheme_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="base_url: expected http"):
        load(LanguageModelSettings, base_url="localhost:8000")
