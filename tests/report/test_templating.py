"""Templates are compiled once where Python keeps what it compiles, and are right wherever it keeps nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from harness.report.templating import Compiled


class Compiling(Environment):
    """One that says how many templates it had to compile."""

    compiled = 0

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        self.compiled += 1
        return super().compile(*args, **kwargs)


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    path = tmp_path / "said.html"
    path.write_text("{{ what }} held")
    return path


def filled_in(template: Path) -> tuple[str, int]:
    """The text as another process makes it, and how many templates that process had to compile."""
    environment = Compiling(loader=FileSystemLoader(template.parent), bytecode_cache=Compiled())
    return environment.get_template(template.name).render(what="all"), environment.compiled


def kept(template: Path) -> list[Path]:
    return list((template.parent / "__pycache__").glob("*"))


def test_a_template_is_compiled_once_for_all_processes(template: Path) -> None:
    assert [filled_in(template), filled_in(template)] == [("all held", 1), ("all held", 0)]
    assert len(kept(template)) == 1


def test_a_template_with_another_text_is_compiled_anew(template: Path) -> None:
    filled_in(template)
    template.write_text("{{ what }} broke")
    assert [filled_in(template), filled_in(template)] == [("all broke", 1), ("all broke", 0)]


@pytest.mark.parametrize("left", [b"", b"no code at all", None])
def test_what_is_kept_and_damaged_is_compiled_anew(template: Path, left: bytes | None) -> None:
    filled_in(template)
    (file,) = kept(template)
    file.write_bytes(file.read_bytes()[:-20] if left is None else left)
    assert [filled_in(template), filled_in(template)] == [("all held", 1), ("all held", 0)]


def test_what_is_kept_may_end_anywhere(template: Path) -> None:
    filled_in(template)
    (file,) = kept(template)
    whole = file.read_bytes()
    for left in range(60):
        file.write_bytes(whole[:left])
        assert filled_in(template) == ("all held", 1)


def test_where_nothing_can_be_kept_a_template_is_filled_in_all_the_same(template: Path) -> None:
    (template.parent / "__pycache__").write_text("a file in the way")
    assert [filled_in(template), filled_in(template)] == [("all held", 1), ("all held", 1)]


def test_where_python_keeps_nothing_no_template_is_kept(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert filled_in(template) == ("all held", 1)
    assert not kept(template)
