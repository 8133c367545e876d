"""Every command and setting that the pages name is one that exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import typer.main

from services.cli.app import app
from services.common.settings import ServerSettings
from services.llm.settings import LanguageModelSettings
from services.player.settings import PlayerSettings
from tests.cli.conftest import ROOT

PAGES = ["docs/unreal.md", "docs/takes.md", "README.md"]
SETTINGS: dict[str, type[ServerSettings]] = {"PLAYER": PlayerSettings, "LLM": LanguageModelSettings}


def commands_of(page: str) -> list[list[str]]:
    """Return the `neurosync` commands of a page, in blocks and in the text, as words without variables and remarks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"(?m)^ *(?:[A-Z_]+=\S+ )*neurosync .*$", text) + re.findall(
        r"`((?:[A-Z_]+=\S+ )*neurosync [^`]+)`", text
    )
    words = [shlex.split(line, comments=True) for line in found]
    return [line[line.index("neurosync") + 1 :] for line in words]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_one_that_the_program_takes(page: str, tmp_path: Path) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, click.Group) or hasattr(root, "commands")
    commands = commands_of(page)
    assert len(commands) > 5
    for words in commands:
        command = root.commands[words[0]]
        options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        if words[0] == "serve":  # its services define their flags
            assert words[1] in command.commands, f"{page}: neurosync {' '.join(words)}"
            options |= {f"--{name.replace('_', '-')}" for name in ServerSettings.model_fields}
        given = {word for word in words[1:] if word.startswith("-")}
        assert given <= options, f"{page}: neurosync {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_of_a_page_is_a_setting(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for service, name in set(re.findall(r"NEUROSYNC_(PLAYER|LLM)_([A-Z_]+)", text)):
        assert name.lower() in SETTINGS[service].model_fields, f"NEUROSYNC_{service}_{name}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        folder = (ROOT / page).parent
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8")):
            assert (folder / target).exists(), f"{page}: {target}"
