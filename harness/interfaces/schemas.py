"""The JSON Schemas of the files that people write and machines read, for editors and for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from harness.interfaces.validation import Validation
from harness.judging.capacity.capacity import Capacity
from harness.judging.gameday import GameDayResult
from harness.judging.gate import Gate
from harness.judging.result import Result
from harness.judging.scorecard import Scorecard
from harness.judging.shrunk import Shrunk
from harness.judging.trace import Traced
from harness.judging.versus import Comparison
from harness.reading.gameday import GameDay
from harness.reading.questions import Questions
from harness.reading.scenario import Scenario
from harness.reading.state_file import Freeze, Lease, Stop
from harness.reading.suite import Suite
from harness.reading.target import Target
from harness.reading.timetable import Timetable

MODELS: Mapping[str, type[BaseModel]] = {
    "scenario": Scenario,
    "target": Target,
    "questions": Questions,
    "suite": Suite,
    "gameday": GameDay,
    "result": Result,
    "scorecard": Scorecard,
    "gate": Gate,
    "capacity": Capacity,
    "comparison": Comparison,
    "shrunk": Shrunk,
    "trace": Traced,
    "gameday-result": GameDayResult,
    "lease": Lease,
    "stop": Stop,
    "freeze": Freeze,
    "schedule": Timetable,
    "validation": Validation,
}
"""What there is a schema of; the file of each is ``harness/schemas/NAME.json``."""

_WRITTEN_BY_US = (
    Result, Scorecard, Gate, Comparison, Shrunk, Traced, GameDayResult, Lease, Stop, Freeze, Timetable, Validation,
)  # fmt: skip


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema, draft 2020-12, of a file that holds a *model*."""
    mode: Literal["serialization", "validation"] = "serialization" if model in _WRITTEN_BY_US else "validation"
    made = model.model_json_schema(by_alias=True, schema_generator=_Generator, mode=mode)
    _require_tags(made, made.get("$defs", {}))
    (said,) = get_args(model.model_fields["schema_"].annotation)
    name, version = said.split("/")
    return {"$schema": _Generator.schema_dialect, "$id": f"urn:{name.replace('.', ':')}:{version}", **made}


def text(model: type[BaseModel]) -> str:
    """The schema of *model* as it is committed: ``harness list schemas scenario > harness/schemas/scenario.json``."""
    return json.dumps(schema(model), indent=2, ensure_ascii=False) + "\n"


def _require_tags(part: Any, definitions: dict[str, Any]) -> None:
    """Where a tag tells one definition from another, each has to be written with its tag, as the reader demands."""
    if isinstance(part, list):
        for inner in part:
            _require_tags(inner, definitions)
    elif isinstance(part, dict):
        for inner in part.values():
            _require_tags(inner, definitions)
        if isinstance(part.get("discriminator"), dict):
            tag = part["discriminator"]["propertyName"]
            for reference in part["discriminator"]["mapping"].values():
                tagged = definitions[reference.rsplit("/", 1)[1]]
                tagged["required"] = sorted({tag, *tagged.get("required", ())}, key=list(tagged["properties"]).index)


class _Generator(GenerateJsonSchema):
    """No titles that only repeat a key, defaults as a person would write them, and nothing that the reader refuses."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        if "patternProperties" in made:
            # A name that fits no pattern is refused by the reader, and JSON Schema would let it pass.
            made["additionalProperties"] = False
        return made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("type") == "string" and isinstance(made.get("default"), float):
            made["default"] = f"{made['default']:g}s"
        return made
