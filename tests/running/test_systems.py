"""Where no run can be made, one sentence says so before anything is tried."""

from __future__ import annotations

import pytest

from harness.problems import HarnessError
from harness.running import systems


def test_windows_is_told_where_to_run_it_in_one_sentence() -> None:
    with pytest.raises(HarnessError) as told:
        systems.here("win32")
    assert str(told.value) == (
        "runs can be made on Linux and macOS, and this is win32; run the harness on Windows in WSL, with the harness and the service both "
        "inside it. Files can be validated and stored runs judged here"
    )


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_where_it_runs_nothing_is_said(system: str) -> None:
    systems.here(system)
