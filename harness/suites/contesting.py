"""What was asked to be compared, as a contest; everything is read and checked before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from harness.judging.trials.compared import State
from harness.judging.trials.policy import LEAST, Policy
from harness.judging.versus import Sureness
from harness.prepare import Asked
from harness.problems import Problem, UsageProblems
from harness.registry import suggestion
from harness.running.machine_class import machine_class
from harness.suites.asking import check_trials, words
from harness.suites.compare import Contest, allowed
from harness.suites.sides import sides

STATES: Mapping[str, State] = MappingProxyType({state: state for state in get_args(State)})
"""What a number of one thing can be beside that of another."""


def contest(
    base: Path,
    head: Path,
    scenario: Path | None,
    asked: Asked,
    environment: Mapping[str, str] | None,
    *,
    trials: int = 5,
    fail_on: Sequence[str] = (),
    margin: float = 1.2,
    error_rate: float = 0.05,
    force: bool = False,
    out: Path = Path("reports"),
) -> Contest:
    """What is to be compared: *base* and *head*, each a target file or a folder of runs, in so many pairs at most.

    Raises UsageProblems with all that is wrong, and where what has to be equal is not and nobody says *force*.
    """
    check_trials(trials, LEAST)
    try:
        Policy(error_rate=error_rate, margin=margin)
    except ValueError as wrong:
        raise UsageProblems(Problem(str(wrong))) from wrong
    states = []
    for state in fail_on:
        if state not in STATES:
            raise UsageProblems(
                Problem(f"unknown state {state!r}; {suggestion(state, list(STATES))}", path="--fail-on")
            )
        states.append(STATES[state])
    two = sides(base, head, scenario, asked, environment, machine_class())
    allowed(two, force=force)
    options = [
        *(["--scenario", str(scenario)] if scenario else []),
        "--margin",
        f"{margin:g}",
        "--error-rate",
        f"{error_rate:g}",
    ]
    options += [word for state in states for word in ("--fail-on", state)] + (["--force"] if force else [])
    replay = words("harness compare", [str(base), str(head), *options], asked, (), trials, out)
    return Contest(two, trials, Sureness(error_rate, margin, tuple(states)), replay)
