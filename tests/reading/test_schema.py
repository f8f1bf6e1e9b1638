"""The JSON Schemas that are committed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.interfaces.schemas import MODELS, schema, text

COMMITTED = Path(harness.__file__).parent / "schemas"


@pytest.mark.parametrize("name", MODELS)
def test_the_committed_schema_is_that_of_the_model(name: str) -> None:
    rewrite = f"it has drifted; rewrite it: harness list schemas {name} > harness/schemas/{name}.json"
    assert (COMMITTED / f"{name}.json").read_text() == text(MODELS[name]), rewrite


def test_no_schema_is_left_over() -> None:
    assert {path.stem for path in COMMITTED.glob("*")} == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_a_schema_says_what_it_is(name: str) -> None:
    made = schema(MODELS[name])
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["$id"] == f"urn:harness:{name}:1"
    assert made["title"] == MODELS[name].__name__
    assert made["description"]
    # State is shared by versions, so what one adds is no reason for another to refuse it.
    assert made.get("additionalProperties", True) is (name in {"lease", "stop", "freeze", "schedule"})
    assert made["properties"]["schema"]["const"] == f"harness.{name}/1"


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)


@pytest.mark.parametrize("name", MODELS)
def test_a_default_is_written_as_a_person_would_write_it(name: str) -> None:
    defaults = [part for part in parts(schema(MODELS[name])) if part.get("type") == "string" and "default" in part]
    assert all(isinstance(part["default"], str) for part in defaults)


def test_a_duration_has_its_unit_in_the_schema() -> None:
    assert schema(MODELS["scenario"])["$defs"]["Load"]["properties"]["turn_gap"]["default"] == "5s"


def test_a_fault_has_to_say_its_kind_in_the_schema_as_in_the_reader() -> None:
    definitions = schema(MODELS["scenario"])["$defs"]
    kinds = schema(MODELS["scenario"])["properties"]["faults"]["items"]["discriminator"]["mapping"]
    assert len(kinds) >= 5
    assert all("kind" in definitions[reference.rsplit("/", 1)[1]]["required"] for reference in kinds.values())


def test_the_schema_of_what_the_harness_writes_demands_every_key() -> None:
    made = schema(MODELS["result"])
    assert set(made["required"]) == set(made["properties"])


def test_a_schema_is_json_with_a_line_end() -> None:
    written = text(MODELS["target"])
    assert written.endswith("}\n")
    assert json.loads(written) == schema(MODELS["target"])
