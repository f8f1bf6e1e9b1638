"""Every single slip in every file that ships: one key deleted, one misspelt, one value of another type."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from harness.interfaces.schemas import schema
from harness.problems import Problem, UsageProblems
from harness.reading.gameday import GameDay
from harness.reading.questions import Questions
from harness.reading.scenario import Scenario
from harness.reading.suite import Suite
from harness.reading.target import Target
from harness.reading.yaml import read
from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.sentences import refusals
from harness.reading.yaml.tree import compose

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.yaml"))
# What stands in these is named by the file, and what stands in a body has no form of its own.
NAMED = {"services", "links", "containers", "curve", "env", "headers"}
PHASES = {"warmup", "baseline", "fault", "load_shed", "recovery"}
"""Those that have a meaning; all others are the file's own."""
FREE = {"body"}
ONE_OR_MORE = {"scenarios", "targets"}
"""Lists in whose place the one thing that they would hold may stand."""


@dataclass(frozen=True)
class Spot:
    """A key of a text, where it and its value stand by PyYAML's own account; None: an item of a list."""

    path: KeyPath
    key: Node | None
    value: Node


def spots(text: str) -> list[Spot]:
    """The keys and items of *text*, one of each form: services, links and items of a list stand for one another.

    Of a file that ships, those that no file before it has.
    """
    return [spot for path, spot in _forms(text).items() if path not in _seen_before(text)]


@cache
def _seen_before(text: str) -> frozenset[KeyPath]:
    shipped = [path.read_text() for path in SHIPPED]
    earlier = shipped[: shipped.index(text)] if text in shipped else []
    return frozenset(path for other in earlier if model_of(other) is model_of(text) for path in _forms(other))


@cache
def _forms(text: str) -> dict[KeyPath, Spot]:
    return {form(spot.path): spot for spot in _spots(yaml.compose(text), ())}


def _spots(node: Node, path: KeyPath) -> Iterator[Spot]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield Spot((*path, key.value), key, value)
            if key.value not in FREE:
                yield from _spots(value, (*path, key.value))
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            yield Spot((*path, index), None, value)
            yield from _spots(value, (*path, index))


def form(path: KeyPath) -> KeyPath:
    """*path* with one name for all that the file chose."""
    return tuple("*" if chosen(path, at) else step for at, step in enumerate(path))


def chosen(path: KeyPath, at: int) -> bool:
    """Whether the file chose the step *at*, and not the model. Faults differ by their kind."""
    before = path[at - 1] if at else ""
    if before == "phases":
        return path[at] not in PHASES
    return before != "faults" if isinstance(path[at], int) else before in NAMED


def spliced(text: str, node: Node, put: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    if not isinstance(node, ScalarNode):
        # A block collection ends where the next key begins; here it ends with its last line.
        end = start + len(text[start:end].rstrip())
    return text[:start] + put + text[end:]


def told(text: str, model: type[BaseModel]) -> tuple[Problem, ...]:
    try:
        read(text, model, "f.yaml")
    except UsageProblems as problems:
        return problems.problems
    return ()


def model_of(text: str) -> type[BaseModel]:
    models = {"scenario": Scenario, "target": Target, "questions": Questions, "suite": Suite, "gameday": GameDay}
    return next(model for name, model in models.items() if f"schema: harness.{name}/1\n" in text)


@pytest.fixture(
    params=[*SHIPPED, "scenario_text", "target_text", "questions_text"],
    ids=lambda param: param.name if isinstance(param, Path) else param,
)
def text(request: pytest.FixtureRequest) -> str:
    held = request.param.read_text() if isinstance(request.param, Path) else request.getfixturevalue(request.param)
    assert isinstance(held, str)
    return held


def test_every_file_that_ships_is_in_order(text: str) -> None:
    assert told(text, model_of(text)) == ()


def test_every_misspelt_key_is_told_on_its_line_and_is_not_called_missing(text: str) -> None:
    for spot in spots(text):
        if spot.key is None or chosen(spot.path, len(spot.path) - 1):
            continue
        problems = told(spliced(text, spot.key, f"{spot.key.value}x"), model_of(text))
        lines = [problem.line for problem in problems if problem.what.startswith("unknown key; did you mean")]
        assert lines == [spot.key.start_mark.line + 1], (spot.path, problems)
        assert not any("missing" in problem.what for problem in problems), (spot.path, problems)


def test_every_value_of_another_type_is_told_on_its_line(text: str) -> None:
    for spot in spots(text):
        if spot.path[-1] in FREE | ONE_OR_MORE:
            continue
        # A mapping where text or a number is due, and text where a collection is.
        scalar = isinstance(spot.value, ScalarNode)
        problems = told(spliced(text, spot.value, '{"zz": {"zz": 1}}' if scalar else "' zz'"), model_of(text))
        lines = {spot.value.start_mark.line + 1, *([spot.key.start_mark.line + 1] if spot.key else [])}
        assert any(problem.line in lines for problem in problems), (spot.path, problems)


def test_every_key_that_has_to_be_there_is_missed_where_it_would_be(text: str) -> None:
    model, document = model_of(text), compose(text).root.value
    seen = _seen_before(text)
    for path in {form(path): path for path in keys(document, ()) if form(path) not in seen}.values():
        cut = deepcopy(document)
        without(cut, path)
        if required(model, document, path):
            written = yaml.safe_dump(cut, sort_keys=False)
            problems = told(written, model)
            assert [problem.path for problem in problems if "is missing" in problem.what] != [], (path, problems)
            assert {problem.line for problem in problems} <= lines_around(written, path), (path, problems)
        else:
            # What the schema does not demand may be left out, unless a rule says so of what stands beside it, or of the part that it is of.
            for said in refusals(model, cut):
                assert said.path == path[: len(said.path)] != path or (
                    said.path[:-1] == path[:-1] and said.path != path
                ), path


def keys(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        here = (*path, step)
        if isinstance(step, str) and not chosen(here, len(path)):
            yield here
        if step not in FREE:
            yield from keys(inner, here)


def without(value: Any, path: KeyPath) -> None:
    for step in path[:-1]:
        value = value[step]
    del value[path[-1]]


def lines_around(text: str, path: KeyPath) -> set[int]:
    """The lines of the mapping that *path* is in: of its key and of its beginning."""
    node, lines = yaml.compose(text), {1}
    for step in path[:-1]:
        if isinstance(node, MappingNode):
            key, node = next((key, value) for key, value in node.value if key.value == step)
            lines = {key.start_mark.line + 1, node.start_mark.line + 1}
        else:
            node = node.value[step]
            lines = {node.start_mark.line + 1}
    return lines


def required(model: type[BaseModel], document: Any, path: KeyPath) -> bool:
    """Whether the JSON Schema demands the key that *path* ends in."""
    whole = _schema(model)
    part: Any = whole
    for step in path[:-1]:
        document = document[step]
        inner = part["items"] if isinstance(step, int) else part.get("properties", {}).get(step) or of_any_name(part)
        part = resolved(whole, inner, document)
    return path[-1] in part.get("required", ())


_schema = cache(schema)


def of_any_name(part: Any) -> Any:
    return next(iter(part.get("patternProperties", {}).values()), None) or part["additionalProperties"]


def resolved(whole: Any, part: Any, value: Any) -> Any:
    """*part* without references and choices."""
    if "discriminator" in part:
        choice = part["discriminator"]
        part = {"$ref": choice["mapping"][value[choice["propertyName"]]]}
    part = next((branch for branch in part.get("anyOf", ()) if "$ref" in branch), part)
    return whole["$defs"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
