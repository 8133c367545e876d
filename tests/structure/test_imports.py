"""The imports of the services run without cycles, between modules and between folders."""

from __future__ import annotations

from pathlib import Path

from tests.structure.tree import cycles, expect_none, imports, packages


def test_no_module_imports_itself_through_others() -> None:
    expect_none(" -> ".join([*cycle, cycle[0]]) for cycle in cycles(imports("services")))


def test_no_package_imports_itself_through_others() -> None:
    expect_none(" -> ".join([*cycle, cycle[0]]) for cycle in cycles(packages(imports("services"))))


def test_every_way_to_import_counts(tmp_path: Path) -> None:
    write(tmp_path, "p/a.py", "import p.b\n")
    write(tmp_path, "p/b.py", "def f():\n    from p import c\n")
    write(tmp_path, "p/c.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .d import D\n")
    write(tmp_path, "p/d.py", "from p.a import A\n")
    assert imports("p", tmp_path) == {"p.a": {"p.b"}, "p.b": {"p.c"}, "p.c": {"p.d"}, "p.d": {"p.a"}}
    assert cycles(imports("p", tmp_path)) == [["p.a", "p.b", "p.c", "p.d"]]


def test_a_cycle_between_folders_is_found_where_modules_have_none(tmp_path: Path) -> None:
    write(tmp_path, "p/one/a.py", "from p.two.a import A\n")
    write(tmp_path, "p/two/a.py", "")
    write(tmp_path, "p/two/b.py", "from p.one.b import B\n")
    write(tmp_path, "p/one/b.py", "")
    graph = imports("p", tmp_path)
    assert cycles(graph) == []
    assert cycles(packages(graph)) == [["p.one", "p.two"]]


def test_modules_beside_folders_are_nodes_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "p/settings.py", "")
    write(tmp_path, "p/inner/a.py", "from p.settings import S\n")
    write(tmp_path, "p/server.py", "from p.inner.a import A\n")
    graph = packages(imports("p", tmp_path))
    assert graph == {"p.settings": set(), "p.inner": {"p.settings"}, "p.server": {"p.inner"}}


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
