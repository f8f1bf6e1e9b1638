"""A folder of two scenarios, their questions and two targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from suites.pretence import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two scenarios, their questions and two targets."""
    for name in ("region-loss", "rate-limit"):
        text = (ROOT / "scenarios" / f"{name}.yaml").read_text()
        (tmp_path / f"{name}.yaml").write_text(text.replace("questions/facts.yaml", "facts.yaml"))
    (tmp_path / "facts.yaml").write_text((ROOT / "scenarios" / "questions" / "facts.yaml").read_text())
    (tmp_path / "targets").mkdir()
    for name in ("fragile", "resilient"):
        (tmp_path / "targets" / f"{name}.yaml").write_text(
            (ROOT / "scenarios" / "targets" / f"{name}.yaml").read_text()
        )
    return tmp_path
