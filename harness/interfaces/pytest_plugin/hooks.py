"""What a project may put in the place of ours: how a run that a test asks for is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.interfaces.pytest_plugin.made import Made
    from harness.interfaces.pytest_plugin.wanted import Wanted


@pytest.hookspec(firstresult=True)
def pytest_resilience_run(config: pytest.Config, wanted: Wanted) -> Made | None:
    """The run or the trials that a test asks for, judged and stored; None leaves it to the next. Ours makes it here and now, for real."""
