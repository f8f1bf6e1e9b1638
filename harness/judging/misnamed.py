"""What an expectation names that is not there: a metric, a part or a label of it, a value of a label, a phase, a fault."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain

from harness.faults.stretches import fault_of
from harness.judging.metrics import metrics
from harness.judging.sample import LABELS
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Selection
from harness.reading.target import Target
from harness.registry import suggestion


def not_there(expected: Expectation, plan: Plan) -> Iterator[str]:
    """Each name in *expected* that nothing in *plan* has, or of which nothing is known in a run of it, with what may have been meant."""
    if expected.metric not in metrics:
        yield f"no such metric is installed; {suggestion(expected.metric, list(metrics))}"
        return
    labels = [one for one in expected.selection.labels if one[0] in metrics[expected.metric].labels]
    yield from chain(unknown_part(expected), unknown_labels(expected))
    yield from unknown_values(labels, plan.target)
    yield from _unknown_stretch(expected.selection, plan)
    if why := metrics[expected.metric].unsaid(plan.scenario.load):
        yield why


def unknown_part(expected: Expectation) -> Iterator[str]:
    """What stands behind the dot of *expected* and is no part of its metric, which is installed; or that one has to."""
    metric, part = metrics[expected.metric], expected.part
    if part and not metric.parts:
        yield f"{metric.name} has no parts; leave out '.{part}'"
    elif part and part not in metric.parts:
        yield f"{metric.name} has no part {part!r}; {suggestion(part, list(metric.parts))}"
    elif metric.parts and metric.needs_part and not part:
        yield f"say which part of {metric.name}: {', '.join(f'{metric.name}.{part}' for part in metric.parts)}"


def unknown_labels(expected: Expectation) -> Iterator[str]:
    """Each label of *expected* that its metric, which is installed, does not take."""
    metric = metrics[expected.metric]
    for name, value in expected.selection.labels:
        if name not in metric.labels:
            takes = suggestion(name, list(metric.labels)) if metric.labels else "it takes none"
            yield f"{metric.name} is not told apart by {name!r} ({name}={value}); {takes}"


def unknown_values(labels: Collection[tuple[str, str]], target: Target) -> Iterator[str]:
    """Each of these *labels* whose value no row of a run on *target* can have, and those that no entry has together."""
    for name, value in labels:
        known = list(LABELS[name].values(target))
        if value not in known:
            yield f"target {target.name!r} has no {name} {value!r}; {suggestion(value, known)}"
    said = dict(labels)
    entry = target.entries_by_name.get(said.get("entry", ""))
    if entry is not None and said.get("region", entry.region) != entry.region:
        yield f"entry {said['entry']!r} of target {target.name!r} is not of region {said['region']!r}"


def _unknown_stretch(selection: Selection, plan: Plan) -> Iterator[str]:
    """The phase and the fault of *selection* that *plan* has not; faults that were left out of a run are known all the same."""
    faults = {*plan.scenario.fault_ids, *(fault_of(d.id) for d in plan.disturbances)}
    for noun, name, known in (
        ("phase", selection.phase, [phase.name for phase in plan.phases]),
        ("fault", selection.after and fault_of(selection.after), list(faults)),
    ):
        if name and name not in known:
            yield f"unknown {noun} {name!r}; {suggestion(name, known)}"
