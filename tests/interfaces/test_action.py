"""The action and the workflows: their shell steps are run as the runner runs them, with what they install and call made up."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from harness.interfaces.cli import app

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOWS = sorted((ROOT / "docs" / "ci").glob("*.yml"))

PYTHON = f"""#!/bin/sh
echo "python $*" >> "$MADE_UP/log"
if [ "$2" = venv ]; then
  mkdir -p "$3/bin"
  cp "$MADE_UP/python" "$MADE_UP/harness" "$MADE_UP/pip" "$3/bin/"
elif [ "$2" = harness.interfaces.pull_request ]; then
  exec {sys.executable} "$@"
fi
"""
PIP = """#!/bin/sh
echo "pip $*" >> "$MADE_UP/log"
"""
HARNESS = """#!/bin/sh
for word in "$@"; do echo "harness word: $word" >> "$MADE_UP/log"; done
exit "$(cat "$MADE_UP/status")"
"""


@dataclass
class Runner:
    """Runs the shell steps of the action as GitHub's runner does; steps that use others' actions give what they are made to *give*."""

    folder: Path
    inputs: dict[str, str] = field(default_factory=dict)
    event: str = "pull_request"
    gives: dict[str, str] = field(default_factory=lambda: {"steps.python.outputs.python-path": ""})
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.made_up = self.folder / "made-up"
        self.made_up.mkdir()
        for name, text in (("python", PYTHON), ("python3", PYTHON), ("pip", PIP), ("harness", HARNESS)):
            (self.made_up / name).write_text(text)
            (self.made_up / name).chmod(0o755)
        (self.made_up / "log").touch()
        self.comes_to(0)
        self.gives["steps.python.outputs.python-path"] = str(self.made_up / "python")

    def comes_to(self, status: int) -> None:
        (self.made_up / "status").write_text(str(status))

    @property
    def log(self) -> list[str]:
        return (self.made_up / "log").read_text().splitlines()

    @property
    def words(self) -> list[str]:
        """What `harness` was called with."""
        return [line.removeprefix("harness word: ") for line in self.log if line.startswith("harness word: ")]

    def run(self) -> tuple[int, str]:
        """Every shell step in order; the status of the last, and all that was printed. Raises where one before it fails."""
        known = {f"inputs.{name}": str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
        known |= {f"inputs.{name}": value for name, value in self.inputs.items()}
        known |= {
            "github.action_path": str(ROOT),
            "github.token": "t0ken-of-the-job",
            "steps.upload.outputs.artifact-url": "",
        }
        known |= {"steps.install.outcome": "success", "github.event_name": self.event} | self.gives
        status, printed = 0, ""
        for step in ACTION["runs"]["steps"]:
            if "run" not in step or not self._wanted(step.get("if", ""), known):
                continue
            assert status == 0, printed
            status, said = self._step(step, known)
            printed += said
        return status, printed

    def shell(self, script: str) -> int:
        """Run a *script* of a workflow, with the programs that it calls made up."""
        environment = {"PATH": f"{self.made_up}:/usr/bin:/bin", "MADE_UP": str(self.made_up)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=self.folder, env=environment).returncode

    def _wanted(self, condition: str, known: dict[str, str]) -> bool:
        """Whether a step with this *condition* is run in a job that nobody cancelled."""
        parts = [part.strip() for part in condition.removeprefix("${{").removesuffix("}}").split("&&")]
        found = [re.fullmatch(r"([\w.]+) == '(\w+)'", part) for part in parts if part not in ("", "!cancelled()")]
        return all(known[one[1]] == one[2] for one in found if one)

    def _step(self, step: dict[str, Any], known: dict[str, str]) -> tuple[int, str]:
        output = self.folder / "output"
        output.write_text("")
        told = {
            name: re.sub(r"\$\{\{ (.+?) \}\}", lambda match: known[match[1]], str(text))
            for name, text in step.get("env", {}).items()
        }
        environment = {
            "PATH": "/usr/bin:/bin",
            "GITHUB_OUTPUT": str(output),
            "RUNNER_TEMP": str(self.folder),
            "MADE_UP": str(self.made_up),
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command, cwd=self.folder, env=environment | self.environment | told, capture_output=True, text=True
        )
        for line in output.read_text().splitlines():
            name, value = line.split("=", 1)
            known[f"steps.{step['id']}.outputs.{name}"] = value
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path, {"scenarios": "chaos/a.yaml"})


def test_the_action_installs_itself_into_an_environment_of_its_own_and_runs_what_it_was_given(runner: Runner) -> None:
    runner.inputs |= {"scenarios": "chaos/a.yaml 'chaos/b c.yaml'", "target": "my service.yaml", "comment": "false"}
    runner.inputs["args"] = '--trials 5\n--expect "good_ratio >= 0.9 in fault"'
    assert runner.run() == (0, "")
    install = f"python -m pip install --quiet {ROOT}"
    assert install in runner.log
    assert runner.words == [
        "run", "chaos/a.yaml", "chaos/b c.yaml", "--target", "my service.yaml",
        "--out", "resilience-runs", "--trials", "5", "--expect", "good_ratio >= 0.9 in fault",
    ]  # fmt: skip


def test_with_a_base_the_target_is_compared_with_it(runner: Runner) -> None:
    runner.inputs |= {"base": "base/my-service.yaml", "target": "head/my-service.yaml", "args": "--fail-on worse"}
    assert runner.run()[0] == 0
    assert runner.words == [
        "compare", "base/my-service.yaml", "head/my-service.yaml", "--scenario", "chaos/a.yaml", "--out", "resilience-runs",
        "--fail-on", "worse",
    ]  # fmt: skip


def test_without_a_target_none_is_named(runner: Runner) -> None:
    runner.inputs["comment"] = "false"
    runner.run()
    assert runner.words == ["run", "chaos/a.yaml", "--out", "resilience-runs"]


@pytest.mark.parametrize("hostile", ["$(touch pwned)", "`touch pwned`", "; touch pwned;", "a & touch pwned", "*"])
def test_what_a_caller_gives_is_words_and_never_a_command(runner: Runner, hostile: str) -> None:
    runner.inputs |= {
        "scenarios": f"'{hostile}'",
        "target": hostile,
        "out": hostile,
        "artifact": hostile,
        "args": f"--set '{hostile}'",
    }
    runner.inputs["comment"] = "false"
    runner.run()
    assert not (runner.folder / "pwned").exists()
    assert runner.words == ["run", hostile, "--target", hostile, "--out", hostile, "--set", hostile]


@pytest.mark.parametrize("status", [0, 1, 4])
def test_the_job_ends_with_the_status_of_the_run_but_for_those_that_are_tolerated(tmp_path: Path, status: int) -> None:
    for tolerate, ends in (("", status), ("3 4", 0 if status in (3, 4) else status)):
        (tmp_path / f"a{ends}{len(tolerate)}").mkdir()
        runner = Runner(
            tmp_path / f"a{ends}{len(tolerate)}", {"scenarios": "a.yaml", "tolerate": tolerate, "comment": "false"}
        )
        runner.comes_to(status)
        assert runner.run()[0] == ends


def test_a_run_that_failed_is_told_of_before_the_job_ends(runner: Runner) -> None:
    runner.comes_to(1)
    status, _ = runner.run()
    assert status == 1
    assert any("harness.interfaces.pull_request resilience-runs resilience-runs" in line for line in runner.log)


@pytest.mark.parametrize(("event", "comment"), [("push", "true"), ("schedule", "true"), ("pull_request", "false")])
def test_there_is_no_comment_where_there_is_no_pull_request_or_nobody_wants_one(
    runner: Runner, event: str, comment: str
) -> None:
    runner.event, runner.inputs["comment"] = event, comment
    runner.run()
    assert not any("pull_request" in line for line in runner.log)


def test_there_is_no_comment_where_there_is_nothing_to_write_it_with(runner: Runner) -> None:
    runner.gives["steps.install.outcome"] = "failure"
    runner.run()
    assert not any("pull_request" in line for line in runner.log)


def _steps(document: dict[Any, Any]) -> list[dict[str, Any]]:
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job["steps"]]


def _github(path: Path) -> bool:
    return "jobs" in (yaml.safe_load(path.read_text()) or {}) or path.name == "action.yml"


GITHUBS = [path for path in (ROOT / "action.yml", *WORKFLOWS) if _github(path)]


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("gate.yml", ["pip install --quiet -r requirements.txt"]),
        ("nightly.yml", ["pip install --quiet -r requirements.txt"]),
        (
            "base-against-head.yml",
            [
                "python -m venv base/.venv",
                "pip install --quiet -r base/requirements.txt",
                "python -m venv head/.venv",
                "pip install --quiet -r head/requirements.txt",
            ],
        ),
    ],
)
def test_the_scripts_of_a_workflow_do_what_their_steps_say(runner: Runner, name: str, called: list[str]) -> None:
    steps = _steps(yaml.safe_load((ROOT / "docs" / "ci" / name).read_text()))
    assert [runner.shell(step["run"]) for step in steps if "run" in step] == [0]
    assert runner.log == called


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if path.name != "gitlab.yml"], ids=lambda path: path.name)
def test_a_workflow_gives_the_action_nothing_that_it_does_not_take_and_all_that_it_needs(path: Path) -> None:
    (given,) = [
        step["with"] for step in _steps(yaml.safe_load(path.read_text())) if "your-org/" in step.get("uses", "")
    ]
    needed = {name for name, one in ACTION["inputs"].items() if one.get("required")}
    assert needed <= set(given) <= set(ACTION["inputs"])
    command = "compare" if "base" in given else "run"
    words = shlex.split(given.get("args", ""))
    first = [given["base"], given["target"], "--scenario"] if "base" in given else ["--target", given["target"]]
    get_command(app).commands[command].make_context(command, [*first, given["scenarios"], *words])


def test_the_script_of_the_job_on_gitlab_checks_and_runs_with_the_harness_in_an_environment_of_its_own(
    runner: Runner,
) -> None:
    job = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab.yml").read_text())["resilience"]
    assert runner.shell("\n".join(job["script"])) == 0
    assert runner.log[0] == "python -m venv .harness"
    assert [word for word in runner.words if word in ("validate", "run")] == ["validate", "run"]
    runner.comes_to(4)
    assert runner.shell("\n".join(job["script"])) in job["allow_failure"]["exit_codes"]


@pytest.mark.parametrize("path", GITHUBS, ids=lambda path: path.name)
def test_every_action_of_others_is_pinned_by_its_commit_with_its_version_beside_it(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "uses:" in line and "your-org/" not in line:
            assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("path", GITHUBS, ids=lambda path: path.name)
def test_no_step_puts_what_others_say_into_its_script(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    assert [step["run"] for step in _steps(document) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", [path for path in GITHUBS if path.name != "action.yml"], ids=lambda path: path.name)
def test_no_workflow_gives_code_of_a_fork_a_token_that_writes(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    assert "pull_request_target" not in path.read_text()
    assert document["permissions"]["contents"] == "read"
    assert set(document["permissions"]) <= {"contents", "pull-requests"}
    assert all(job["timeout-minutes"] <= 360 for job in document["jobs"].values())
