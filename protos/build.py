"""Build hook: compile `protos/neurosync/v1/*.proto` into typed Python modules next to them.

Runs at every install and wheel build, so generated code is never committed and never stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROTOS = Path(__file__).parent


class StubBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Generates messages, services and their type stubs."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the contracts; the versions of the compiler are pinned in pyproject.toml."""
        from importlib.resources import files

        from grpc_tools import protoc

        sources = sorted(str(path) for path in PROTOS.glob("neurosync/v1/*.proto"))
        if not sources:  # an unpacked sdist without contracts cannot be built
            raise FileNotFoundError(f"no contracts under {PROTOS}/neurosync/v1")
        arguments = [
            "protoc",
            f"--proto_path={PROTOS}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            *(f"--plugin=protoc-gen-{name}={_script(f'protoc-gen-{name}')}" for name in ("mypy", "mypy_grpc")),
            *(f"--{kind}_out={PROTOS}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")),
            *sources,
        ]
        if protoc.main(arguments) != 0:
            raise RuntimeError("protoc failed; its messages are above")


def _script(name: str) -> str:
    """Return the path of a console script of the running environment."""
    import shutil
    import sysconfig

    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not beside {sys.executable}; mypy-protobuf provides it")
    return found
