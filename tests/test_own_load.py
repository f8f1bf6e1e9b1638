"""A scenario whose load are users of a locustfile: what is wrong with it is told before anything is run, each thing with its line."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from harness.prepare import Asked, prepare, validate
from harness.problems import UsageProblems
from harness.suites.sides import sides

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
SCENARIO = """\
schema: harness.scenario/1
name: own
load: {locustfile: load/users.py, users: 10}
phases: {warmup: 3s, baseline: 12s, fault: 15s, recovery: 20s}
faults:
  - {kind: regional_loss, region: east, at: fault}
expect:
  - good_ratio >= 0.5 in fault
"""
USERS = """\
import json

from locust import HttpUser, task

try:
    import not_everybody_has_this
except ImportError:
    pass


class Visitor(HttpUser):
    @task
    def hello(self):
        self.client.get("/hello")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario and its locustfile, beside the targets that ship."""
    for beside in ("targets", "questions"):
        shutil.copytree(SCENARIOS / beside, tmp_path / beside)
    (tmp_path / "own.yaml").write_text(SCENARIO)
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "users.py").write_text(USERS)
    return tmp_path


def told(folder: Path, *changes: tuple[str, str]) -> list[str]:
    """What is said of the scenario with these *changes*, each without the folder."""
    text = SCENARIO
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong, 1)
    (folder / "own.yaml").write_text(text)
    with pytest.raises(UsageProblems) as found:
        prepare(folder / "own.yaml", None, Asked(), None)
    return [str(problem).replace(f"{folder}/", "") for problem in found.value.problems]


def test_it_needs_no_questions_and_knows_where_its_users_are(folder: Path) -> None:
    prepared = prepare(folder / "own.yaml", None, Asked(), None)
    assert prepared.plan.scenario.load.locustfile == str(folder / "load" / "users.py")
    (question,) = prepared.questions.value.questions
    assert question.id == "before"
    assert validate(folder / "own.yaml").ok


def test_other_users_are_another_load(folder: Path) -> None:
    before = prepare(folder / "own.yaml", None, Asked(), None).questions.sha256
    (folder / "load" / "users.py").write_text(USERS.replace("/hello", "/world"))
    assert prepare(folder / "own.yaml", None, Asked(), None).questions.sha256 != before


@pytest.mark.parametrize(
    ("right", "wrong", "what"),
    [
        (
            "users: 10",
            "users: 10, rate_per_s: 20, questions: q.yaml",
            "own.yaml:3 load.rate_per_s: rate_per_s and questions are for the load of the harness; "
            "the users of a locustfile decide that themselves",
        ),
        (
            "locustfile: load/users.py, users: 10",
            "questions: questions/facts.yaml, users: 10, tags: [a]",
            "own.yaml:3 load.users: users and tags are for the users of a locustfile, and none is named (load.locustfile)",
        ),
        (
            "locustfile: load/users.py, users: 10",
            "deadline: 5s",
            "own.yaml:3 load: says nothing that clients could ask; write questions: a YAML file of questions, beside the "
            "scenario, or locustfile: for users of your own",
        ),
        (
            "load/users.py",
            "load/user.py",
            "own.yaml:3 load.locustfile: there is no file load/user.py; it is looked for beside the scenario; did you mean users.py?",
        ),
        (
            "users: 10",
            "users: 10, host: esat",
            "own.yaml:3 load.host: target 'resilient' has no entry 'esat'; did you mean 'east'?",
        ),
        (
            "users: 10",
            "users: 10, otel: true",
            "own.yaml:3 load.otel: OpenTelemetry is not installed here; pip install 'locust[otel]'",
        ),
        (
            "good_ratio >= 0.5 in fault",
            "ttft_ms.p95 <= 500",
            "own.yaml:8 expect[0]: ttft_ms.p95 <= 500: nobody reads the answers of a locustfile's users, "
            "so that a first token is not seen; leave it out, or send questions (load.questions)",
        ),
        (
            "good_ratio >= 0.5 in fault",
            "leaks <= 0",
            "own.yaml:8 expect[0]: leaks <= 0: the questions file says who may be told what, "
            "and nobody knows what users of a locustfile ask; leave it out, or send questions (load.questions)",
        ),
        (
            "expect:",
            "good: {answers: {matches: x}}\nexpect:",
            "own.yaml:7 good.answers: nobody reads the answers of a locustfile's users; "
            "say it there with catch_response and response.failure()",
        ),
        (
            "kind: regional_loss, region: east",
            "kind: http_error, on: {kind: provider}, status: 503, share: 0.5, per: conversation",
            "own.yaml:6 faults[0].per: nobody knows the conversations of a locustfile's users; "
            "write per: attempt or connection",
        ),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(
    folder: Path, right: str, wrong: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert told(folder, (right, wrong)) == [what]


@pytest.mark.parametrize("workers", [1, 3])
def test_users_are_shared_by_as_many_as_come_from_other_machines_and_by_more_where_the_scenario_says_so(
    folder: Path, workers: int
) -> None:
    (folder / "own.yaml").write_text(SCENARIO.replace("users: 10", f"users: 10, workers: {workers}"))
    assert prepare(folder / "own.yaml", None, Asked(), None).plan.scenario.load.workers == workers
    away = prepare(folder / "own.yaml", None, Asked().with_hosts(2, None, "10s"), None)
    assert away.plan.scenario.load.workers == max(2, workers)


@pytest.mark.parametrize("label", ["entry=west", "region=west"])
def test_what_is_expected_of_an_entry_that_no_user_asks_is_told(folder: Path, label: str) -> None:
    asked = f"good_ratio{{{label}}} >= 0.5 in fault"
    assert told(folder, ("users: 10", "users: 10, host: east"), ("good_ratio >= 0.5 in fault", asked)) == [
        f"own.yaml:8 expect[0]: {asked}: users ask east alone (load.host), so that nothing of that would be measured; "
        "leave host out, or ask of east"
    ]
    here = SCENARIO.replace("users: 10", "users: 10, host: east").replace("good_ratio", "good_ratio{region=east}")
    (folder / "own.yaml").write_text(here)
    assert prepare(folder / "own.yaml", None, Asked(), None).plan.closed


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "import json\nimport no_such_library\n",
            "load/users.py:2: imports no_such_library, and there is no such module here",
        ),
        ("class Visitor:\n  def task(:\n", "load/users.py:2: is no Python: invalid syntax"),
    ],
)
def test_a_locustfile_that_cannot_be_loaded_is_told_with_its_line(folder: Path, text: str, what: str) -> None:
    (folder / "load" / "users.py").write_text(text)
    (said,) = told(folder)
    assert said.startswith(what)


def test_two_targets_are_not_compared_by_users_who_draw_by_themselves(folder: Path) -> None:
    base, head = (folder / "targets" / name for name in ("fragile.yaml", "resilient.yaml"))
    (why,) = sides(base, head, folder / "own.yaml", Asked(), None, {}).unequal
    assert (
        why == "load: the users of a locustfile draw by themselves, so that two runs of one seed do not send the same"
    )
    assert sides(base, head, SCENARIOS / "region-loss.yaml", Asked(), None, {}).unequal == ()


def test_a_module_beside_the_locustfile_is_there(folder: Path) -> None:
    (folder / "load" / "common.py").write_text("")
    (folder / "load" / "users.py").write_text(f"import common\n{USERS}")
    assert validate(folder / "own.yaml").ok


def test_the_example_of_its_page_is_in_order(folder: Path) -> None:
    page = (SCENARIOS.parent / "docs" / "locustfile.md").read_text()
    loads, locustfiles = (
        re.findall(rf"^```{kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL) for kind in ("yaml", "python")
    )
    assert loads
    for load, locustfile in [*((load, locustfiles[0]) for load in loads), *((loads[0], one) for one in locustfiles)]:
        (folder / "own.yaml").write_text(SCENARIO.replace("load: {locustfile: load/users.py, users: 10}\n", load))
        (folder / "load" / "users.py").write_text(locustfile)
        assert validate(folder / "own.yaml").ok


def warned(folder: Path, right: str = "", other: str = "") -> list[str]:
    (folder / "own.yaml").write_text(SCENARIO.replace(right, other))
    return [warning.what for warning in validate(folder / "own.yaml").warnings]


def test_users_who_come_late_are_warned_of(folder: Path) -> None:
    (said,) = warned(folder, "users: 10", "users: 10, spawn_rate: 2")
    assert said.startswith("the last of 10 users comes 4.5 s after the load began, and the baseline begins at 3 s")
    assert warned(folder) == []


def test_workers_for_whom_there_are_no_users_are_warned_of(folder: Path) -> None:
    (said,) = warned(folder, "users: 10", "users: 2, workers: 3")
    assert said.startswith("3 workers share 2 users, so that some have none, unless a LoadTestShape of the file")
    assert warned(folder, "users: 10", "users: 10, workers: 3") == []


def test_attempts_that_are_counted_where_nobody_marks_them_are_warned_of(folder: Path) -> None:
    said = " ".join(warned(folder, "good_ratio >= 0.5", "retry_amplification <= 3"))
    assert "has the nonce travel in the prompt (ask.nonce)" in said
    assert "harness.locust.mark()" in said
