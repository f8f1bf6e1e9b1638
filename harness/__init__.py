"""Break what an AI service depends on, under load, and score how it held up.

``harness.run(scenario, target=...)`` runs a scenario and returns the judged `Run`; see `harness.api`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Coming",
    "Compared",
    "Day",
    "Due",
    "Explained",
    "Freeze",
    "Gated",
    "Grid",
    "HarnessError",
    "Held",
    "Imported",
    "Plan",
    "Problem",
    "Progress",
    "RefusedError",
    "Reply",
    "Run",
    "Searched",
    "Smaller",
    "Stopped",
    "Traced",
    "Trend",
    "UsageProblems",
    "Validated",
    "__version__",
    "ask",
    "capacity",
    "compare",
    "due",
    "explain",
    "freeze",
    "gameday_check",
    "gameday_plan",
    "gameday_report",
    "gameday_resume",
    "gameday_run",
    "gate",
    "grid",
    "import_",
    "judge",
    "load",
    "load_worker",
    "plan",
    "run",
    "schedule",
    "shrink",
    "stop",
    "trace",
    "trend",
    "unfreeze",
    "validate",
]

if TYPE_CHECKING:
    from harness.api import (
        Coming,
        Compared,
        Day,
        Due,
        Explained,
        Freeze,
        Gated,
        Grid,
        Held,
        Imported,
        Plan,
        Progress,
        Reply,
        Run,
        Searched,
        Smaller,
        Stopped,
        Traced,
        Trend,
        Validated,
        ask,
        capacity,
        compare,
        due,
        explain,
        freeze,
        gameday_check,
        gameday_plan,
        gameday_report,
        gameday_resume,
        gameday_run,
        gate,
        grid,
        import_,
        judge,
        load,
        load_worker,
        plan,
        run,
        schedule,
        shrink,
        stop,
        trace,
        trend,
        unfreeze,
        validate,
    )
    from harness.problems import HarnessError, Problem, RefusedError, UsageProblems
else:
    # The parts of a run are imported when they are asked for: the command line, the keeper and the load child start without them. Type
    # checkers do not see this: to them every name would be there.
    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'harness' has no attribute {name!r}")
        from harness import api, problems

        return getattr(problems if hasattr(problems, name) else api, name)


def __dir__() -> list[str]:
    return sorted(__all__)
