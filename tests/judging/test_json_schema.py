"""Answers that have to fit a JSON Schema, and schemas that are none."""

from __future__ import annotations

from typing import Any

import pytest

from harness.judging.answers import _holds
from harness.reading.scenario import Answers

SCHEMA = {
    "type": "object",
    "required": ["days"],
    "properties": {"days": {"$ref": "#/$defs/days"}},
    "$defs": {"days": {"type": "integer"}},
}


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ('{"days": 30}', True),
        (' {"days": 30, "more": 1} ', True),
        ('{"days": "30"}', False),
        ("{}", False),
        ("30 days", False),
        ("", False),
        ("[" * 100_000, False),
    ],
)
def test_an_answer_has_to_be_json_of_the_schema(answer: str, fits: bool) -> None:
    assert _holds(Answers.model_validate({"json_schema": SCHEMA}))(answer) is fits


CODES = {
    "patternProperties": {"^c_": {"type": "integer"}, "_id$": {"minimum": 3}},
    "properties": {"c_name": {"type": "string"}},
}


@pytest.mark.parametrize(
    ("schema", "answer", "fits"),
    [
        (CODES, '{"c_a": 1, "b_id": 3, "else": "x"}', True),
        (CODES, '{"c_a": "1"}', False),
        # Both patterns are found in it, and both are asked of it.
        (CODES, '{"c_id": 3}', True),
        (CODES, '{"c_id": 2}', False),
        (CODES, '{"c_id": "3"}', False),
        # One by its name and by a pattern.
        (CODES, '{"c_name": "x"}', False),
        (CODES | {"additionalProperties": False}, '{"c_a": 1}', True),
        (CODES | {"additionalProperties": False}, '{"c_a": 1, "else": 1}', False),
        ({"allOf": [CODES], "unevaluatedProperties": False}, '{"c_a": 1}', True),
        ({"allOf": [CODES], "unevaluatedProperties": False}, '{"c_a": 1, "else": 1}', False),
        ({"items": {"$ref": "#/$defs/codes"}, "$defs": {"codes": CODES}}, '[{}, {"c_a": 1}]', True),
        ({"items": {"$ref": "#/$defs/codes"}, "$defs": {"codes": CODES}}, '[{}, {"c_a": null}]', False),
        # Keys are taken as they are written.
        ({"patternProperties": {"^a.b$": {"type": "null"}}}, '{"a.b": null, "a+b": 1}', False),
        ({"patternProperties": {"^a[.]b$": {"type": "null"}}}, '{"a.b": null, "axb": 1}', True),
        ({"patternProperties": {"a$": {"type": "null"}}}, '{"a\\n": 1}', False),
        # What is called as a keyword, or looks like one in a value, is none.
        ({"properties": {"pattern": {"const": {"pattern": "("}}}}, '{"pattern": {"pattern": "("}}', True),
        ({"properties": {"patternProperties": {"type": "object"}}}, '{"patternProperties": 1}', False),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": CODES}}, '{"a": 1, "c_b": ""}', False),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"]}}, '{"a": 1, "b": ""}', True),
    ],
)  # fmt: skip
def test_properties_are_held_against_the_patterns_that_are_found_in_their_names(
    schema: dict[str, Any], answer: str, fits: bool
) -> None:
    assert _holds(Answers.model_validate({"json_schema": schema}))(answer) is fits


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (
            {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}},
            "'http://json-schema.org/draft-07/schema#' inside one of 'https://json-schema.org/draft/2020-12/schema'; write",
        ),
        ({"patternProperties": {"(a+)+b": {}}}, "matches some texts in more ways than can be tried"),
        ({"type": "objekt"}, "is no JSON Schema: at /type: 'objekt' is not valid"),
        ({"$ref": "https://example.com/schema.json"}, "leads out of the file; write what it stands for below \\$defs"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "leads out of the file"),
    ],
)
def test_a_schema_that_is_none_or_leads_elsewhere_is_refused(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Answers.model_validate({"json_schema": schema})
