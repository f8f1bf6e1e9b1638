"""A plan to be looked at while it is carried out."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.planning.plan import Plan
from harness.prepare import Asked, prepare

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plan() -> Plan:
    return prepare(ROOT / "scenarios" / "region-loss.yaml", None, Asked(), None).plan
