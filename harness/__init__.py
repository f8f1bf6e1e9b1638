"""Break what an AI service depends on, under load, and score how it held up.

``harness.run(scenario, target=...)`` runs a scenario and returns the judged `Run`; see `harness.api`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["HarnessError", "Reply", "Run", "UsageProblems", "__version__", "ask", "judge", "run"]

if TYPE_CHECKING:
    from harness.api import Reply, Run, ask, judge, run
    from harness.problems import HarnessError, UsageProblems


def __getattr__(name: str) -> Any:
    # The parts of a run are imported when they are asked for: the command line, the keeper and the load child start without them.
    if name in ("Reply", "Run", "ask", "judge", "run"):
        from harness import api

        return getattr(api, name)
    if name in ("HarnessError", "UsageProblems"):
        from harness import problems

        return getattr(problems, name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
