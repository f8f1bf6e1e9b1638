"""A file is of the kind that it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.problems import UsageProblems
from harness.reading.kinds import load_any
from harness.reading.questions import Questions
from harness.reading.scenario import Scenario
from harness.reading.target import Target


def test_each_kind_of_file_is_known_by_its_first_line(
    tmp_path: Path, scenario_text: str, target_text: str, questions_text: str
) -> None:
    path = tmp_path / "a.yaml"
    for text, model in ((scenario_text, Scenario), (target_text, Target), (questions_text, Questions)):
        path.write_text(text)
        assert isinstance(load_any(path).value, model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name: x\nschema: harness.scenaro/1\n",
            ":2 schema: unknown kind of file 'harness.scenaro/1'; did you mean 'harness.scenario/1'?",
        ),
        (
            "name: x\n",
            ":1 schema: is missing; it should be the first line;"
            " known: harness.gameday/1, harness.questions/1, harness.scenario/1, harness.suite/1, harness.target/1",
        ),
        ("schema: [\n", ":2: the file ends inside a bracket that is never closed"),
        (
            "schema: harness.questions/1\nquestions: 5\n",
            ":2 questions: should be a list of at least 1 item and at most 100000 items, but is 5",
        ),
    ],
)
def test_a_file_of_no_kind_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(UsageProblems) as told:
        load_any(path)
    assert str(told.value) == f"{path}{message}"
