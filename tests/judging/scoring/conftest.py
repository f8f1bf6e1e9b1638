"""Runs whose truth is known, as the benchmark of the recovery time simulates them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def simulation() -> ModuleType:
    """`tests/benchmarks/recovery_accuracy.py`: `Truth` and `accuracy`."""
    path = Path(__file__).parents[2] / "benchmarks" / "recovery_accuracy.py"
    spec = spec_from_file_location("recovery_accuracy", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """Answers from rows of (sent_s, entry, question, version, text), with anything else by name."""

    def make(*rows: tuple[float, str, str, int | None, str], **columns: object) -> pd.DataFrame:
        frame = pd.DataFrame(rows, columns=["sent_s", "entry", "question", "snapshot_version", "answer"])
        frame["snapshot_version"] = frame["snapshot_version"].astype("Int64")
        frame["end_s"] = frame["sent_s"] + 0.1
        frame["conversation"], frame["turn"], frame["overlapped"] = "", 0, False
        frame["seen_version"] = pd.array([pd.NA] * len(frame), dtype="Int64")
        return frame.assign(**columns)

    return make
