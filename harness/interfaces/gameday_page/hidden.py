"""What a page calls the steps that responders may not know yet: by their number, since an id may say what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.gameday.control import StepShown
from harness.gameday.standing import Standing


def hidden(now: Standing, agenda: Iterable[StepShown]) -> dict[str, str]:
    """By id of each step that is secret still: ``step 3``, which is no id that a file could have."""
    ids = {step.id for step in agenda if step.secret}
    return {step.id: f"step {number}" for number, step in enumerate(now.steps, 1) if step.id in ids}


def as_shown(now: Standing, names: Mapping[str, str]) -> Standing:
    """*now* with each step under what it is called in *names*, so that no sentence about it says more."""
    steps = tuple(replace(step, id=names.get(step.id, step.id)) for step in now.steps)
    return replace(now, steps=steps, called=names.get(now.called, now.called))


def id_of(said: str, names: Mapping[str, str]) -> str:
    """The id of the step that a page called *said*."""
    return next((id_ for id_, name in names.items() if name == said), said)
