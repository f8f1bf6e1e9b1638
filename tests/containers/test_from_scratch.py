"""The image that is made where none can be pulled has what the harness needs, and nothing of its tests."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
from containers import from_scratch, stack


def test_what_the_harness_needs_is_told_from_its_own_metadata() -> None:
    needed = set(from_scratch.needed("resilience-harness"))
    assert {"resilience-harness", "numpy", "locust", "gevent", "redis", "typing-extensions"} <= needed
    assert not {"mypy", "ruff", "scipy", "hypothesis"} & needed


def test_the_tree_has_the_commands_on_its_path_and_belongs_to_root_but_for_the_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "module.py"
    module.touch(mode=0o600)
    program = Path("/bin/sh")
    placed = [(module, "usr/local/lib/module.py"), (program, "usr/local/bin/redis-server")]
    monkeypatch.setattr(from_scratch, "files", lambda: iter(placed))
    from_scratch.write(tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as tar:
        entries = {entry.name: entry for entry in tar}
    assert {"opt/harness/bin/harness", "usr/local/bin/python", "usr/local/bin/redis-server"} <= set(entries)
    assert any("ld-linux" in name for name in entries)
    assert {name for name, entry in entries.items() if entry.uid} == {"harness/reports"}
    assert entries["usr/local/lib/module.py"].mode == 0o644  # whoever runs in it reads it
    assert entries["tmp"].mode == 0o1777


def test_what_is_laid_over_the_stack_takes_every_image_from_here(tmp_path: Path) -> None:
    services: dict[str, Any] = stack.laid_over(tmp_path)["services"]
    assert {name: one["image"] for name, one in services.items()} == dict.fromkeys(
        stack.written()["services"], stack.IMAGE
    )
    assert services["redis-primary"]["entrypoint"] == ["redis-server"]
    assert "--port" in services["redis-primary"]["command"]


@pytest.mark.parametrize(
    ("as_root", "there", "status"),
    [
        (True, {"docker", "dockerd"}, None),
        (True, {"docker", "apt-get"}, 1),
        (True, {"apt-get"}, 1),
        (True, {"docker"}, 0),
        (False, {"docker", "dockerd", "apt-get"}, 0),
    ],
)
def test_where_an_engine_could_be_had_to_have_none_is_a_failure(
    as_root: bool, there: set[str], status: int | None
) -> None:
    lacks = stack.lacking(as_root=as_root, which=lambda name: name if name in there else None)
    assert (lacks.status if lacks else None) == status
    assert lacks is None or ("apt-get install docker.io" in lacks.said) == (status == 1)
