"""The scenario of a candidate: as settings of the run in which it is tried, and in the end as a file that says what was left out."""

from __future__ import annotations

from json import dumps
from os.path import relpath
from pathlib import Path
from typing import cast

import yaml

from harness.judging.shrunk import Candidate, Shrunk
from harness.prepare import Prepared
from harness.reading.yaml.overrides import apply, split
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.tree import compose

_OF_FILES = ("questions", "locustfile")
_CURVE = "recorded"
"""What is shortened, or lacks a fault, is to be like nothing that was recorded."""


def overrides_of(
    prepared: Prepared, whole: Candidate, candidate: Candidate, expectations: tuple[str, ...]
) -> tuple[str, ...]:
    """Settings that make the scenario of *prepared* the one of *candidate*, which expects these *expectations* alone."""
    made = [f"expect={dumps(list(expectations))}"]
    if prepared.scenario.value.recorded is not None:
        made.append(f"{_CURVE}=null")
    if candidate.faults != whole.faults:
        made.append(f"faults={dumps(_faults(prepared, candidate))}")
    if candidate.phases != whole.phases:
        made.append(f"phases={dumps(_phases(candidate))}")
    if candidate.rate_per_s != whole.rate_per_s:
        made.append(f"load.rate_per_s={candidate.rate_per_s:g}")
    return tuple(made)


def text_of(prepared: Prepared, shrunk: Shrunk, file: Path) -> str:
    """The scenario that was found, as it stands in *file*."""
    assert shrunk.found is not None
    found, tree = shrunk.found, _tree(prepared)
    written = tree["load"]
    load: dict[str, Plain] = dict(written) if isinstance(written, dict) else {"source": "service"}
    if found.rate_per_s != shrunk.whole.rate_per_s:
        load["rate_per_s"] = found.rate_per_s
    for name in _OF_FILES:
        if isinstance(load.get(name), str):
            load[name] = _beside(str(load[name]), Path(prepared.scenario.file), file)
    shape = load.get("shape")
    if isinstance(shape, dict) and isinstance(shape.get("trace"), str):
        load["shape"] = {**shape, "trace": _beside(str(shape["trace"]), Path(prepared.scenario.file), file)}
    changed: dict[str, Plain] = {
        **tree,
        "name": f"{str(tree['name'])[:53]}-shrunk",
        "load": load,
        "phases": _phases(found),
        "faults": _faults(prepared, found),
        "expect": list(shrunk.breaks or shrunk.expectations),
    }
    lines = [f"# {line}" for line in _told(prepared, shrunk)]
    for key, value in changed.items():
        if key == _CURVE:
            continue
        lines += _left_out(prepared, shrunk) if key == "faults" else _shortened(shrunk) if key == "phases" else []
        lines += _written(key, value)
    return "\n".join([*lines, ""])


def _told(prepared: Prepared, shrunk: Shrunk) -> list[str]:
    trials = f"{shrunk.trials} of {shrunk.trials}"
    return [
        f"The smallest of {prepared.scenario.file} that was found to break what it expects, on {shrunk.target}.",
        f"It was broken in {trials} trials, so at 95 % it is in at least {100 * shrunk.sure:.0f} % of runs. Expectations that",
        "held, or were not broken in each trial, are left out. Made by: " + shrunk.replay.removesuffix(" --resume"),
        *([f"Not as small as it may get: {shrunk.reason}."] if shrunk.verdict != "pass" else []),
    ]


def _left_out(prepared: Prepared, shrunk: Shrunk) -> list[str]:
    assert shrunk.found is not None
    ids, written = shrunk.whole.faults, _faults(prepared, shrunk.whole)
    gone = [_flow(one) for name, one in zip(ids, written, strict=True) if name not in shrunk.found.faults]
    return (
        ["# It is broken as well without:", *(f"#   - {one}".replace("\n", "\n#     ") for one in gone)] if gone else []
    )


def _shortened(shrunk: Shrunk) -> list[str]:
    assert shrunk.found is not None
    now, before = shrunk.found.phases, shrunk.whole.phases
    said = [f"{name} was {before[name]:g}s" for name in now if now[name] != before[name]]
    said += (
        [f"{shrunk.whole.rate_per_s:g} requests a second were sent"]
        if shrunk.found.rate_per_s != shrunk.whole.rate_per_s
        else []
    )
    return [f"# Before: {', '.join(said)}."] if said else []


def _written(key: str, value: Plain) -> list[str]:
    if isinstance(value, list) and value:
        return [f"{key}:", *(f"  - {_flow(one)}" for one in value)]
    return [f"{key}: {_flow(value)}"]


def _flow(value: Plain) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _tree(prepared: Prepared) -> dict[str, Plain]:
    """The scenario as it is written, with the settings that it was run with."""
    root = compose(prepared.scenario.text).root.value
    of_scenario, _ = split(prepared.asked.overrides)
    tree, _ = apply(of_scenario, root)
    return cast(dict[str, Plain], tree) | ({"seed": prepared.plan.seed} if prepared.asked.seed is not None else {})


def _faults(prepared: Prepared, candidate: Candidate) -> list[Plain]:
    """The faults of *candidate*, each with its id, which would be another one by its place."""
    written = cast(list[dict[str, Plain]], _tree(prepared).get("faults") or [])
    named = zip(prepared.scenario.value.fault_ids, written, strict=True)
    return [
        one if "id" in one or len(written) == 1 else {**one, "id": name}
        for name, one in named
        if name in candidate.faults
    ]


def _phases(candidate: Candidate) -> dict[str, Plain]:
    return {name: f"{lasts_s:g}s" for name, lasts_s in candidate.phases.items()}


def _beside(name: str, before: Path, now: Path) -> str:
    """A file that is named beside *before*, as it is named beside *now*."""
    if Path(name).is_absolute() or before.parent.resolve() == now.parent.resolve():
        return name
    return Path(relpath(before.parent / name, now.parent)).as_posix()
