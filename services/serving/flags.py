"""Command-line flags for a settings class: one `--flag` for each setting, described by its docstring.

Secrets have no flag, as every user of a machine can read the command lines of its processes: they come from the
environment, `.env` or `neurosync.toml`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import NoDecode

from services.common.settings import Settings

_NOTE: Final = """\
Every setting can also be given as an environment variable ({prefix}... with the name of the setting in capitals), in
.env, or under [{table}] in neurosync.toml. Flags win over environment variables, those over .env, and that over
neurosync.toml. Secrets have no flag: {secrets}."""


def parse_flags(settings_class: type[Settings], arguments: Sequence[str], *, program: str) -> dict[str, Any]:
    """Return the settings that a command line names, ready for `services.common.settings.load`.

    Args:
        settings_class: Whose settings they are.
        arguments: The command line without the program.
        program: What to call the program in help and errors.

    Raises:
        SystemExit: The command line is wrong (status 2), or asks for help (0).
    """
    return vars(_parser(settings_class, program).parse_args(arguments))


def flags_for(settings: Mapping[str, object]) -> list[str]:
    """Return the command line that `parse_flags` reads these settings from; True alone is the flag itself."""
    return list(_words(settings))


def _words(settings: Mapping[str, object]) -> Iterator[str]:
    for name, value in settings.items():
        flag = _flag(name)
        if isinstance(value, bool):
            yield flag if value else flag.replace("--", "--no-", 1)
        else:
            yield f"{flag}={value}"


def _parser(settings_class: type[Settings], program: str) -> argparse.ArgumentParser:
    secrets = [name for name, field in settings_class.model_fields.items() if _is_secret(field)]
    prefix = settings_class.model_config.get("env_prefix", "")
    parser = argparse.ArgumentParser(
        prog=program,
        usage="%(prog)s [--SETTING VALUE ...]",
        description=f"Run the {settings_class.table} service until Ctrl-C.",
        epilog=_NOTE.format(prefix=prefix, table=settings_class.table, secrets=", ".join(secrets)),
        argument_default=argparse.SUPPRESS,  # a flag that is not given leaves its setting to the other sources
        allow_abbrev=False,
    )
    for name, field in settings_class.model_fields.items():
        if not _is_secret(field):
            parser.add_argument(_flag(name), dest=name, help=_help(settings_class, name), **_conversion(field))
    return parser


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _help(settings_class: type[Settings], name: str) -> str:
    """Return the docstring of a setting, inherited where a subclass only changes the default, and its default."""
    fields = [base.model_fields.get(name) for base in settings_class.__mro__ if issubclass(base, Settings)]
    description = next((field.description for field in fields if field and field.description), "")
    default = settings_class.model_fields[name].get_default(call_default_factory=True)
    text = f"{' '.join(description.split())} (default: {_default_text(default)})"
    return text.replace("%", "%%")  # argparse formats it


def _default_text(default: object) -> str:
    if default in (None, "", (), {}):
        return "not set"
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return " ".join(str(default).split())


def _conversion(field: FieldInfo) -> dict[str, Any]:
    """Return how argparse turns the text of a flag into what pydantic validates."""
    kinds = [field.annotation, *get_args(field.annotation)]  # of `int | None` as of `int`
    if bool in kinds:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(field.annotation) is Literal:
        choices = get_args(field.annotation)
        return {"choices": choices, "type": type(choices[0])}
    is_container = any(get_origin(kind) in (dict, list, tuple) for kind in kinds)
    if is_container and NoDecode not in field.metadata:
        return {"type": _json, "metavar": "JSON"}
    return {"metavar": "TEXT" if is_container else _metavar(kinds)}


def _metavar(kinds: Sequence[object]) -> str:
    named = (kind.__name__ for kind in kinds if isinstance(kind, type) and kind is not type(None))
    return {"str": "TEXT", "int": "NUMBER", "float": "NUMBER"}.get(name := next(named, "text"), name.upper())


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected JSON, got {text!r}") from error


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))
