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


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "objekt"}, "is no JSON Schema: at /type: 'objekt' is not valid"),
        ({"$ref": "https://example.com/schema.json"}, "leads out of the file; write what it stands for below \\$defs"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "leads out of the file"),
    ],
)
def test_a_schema_that_is_none_or_leads_elsewhere_is_refused(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Answers.model_validate({"json_schema": schema})
