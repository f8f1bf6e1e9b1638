"""What the documents say is true: commands exist, snippets load, tables are complete."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shlex
import shutil
import subprocess
import sys
import venv
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from incident_list import OF_A_KIND
from typer.core import TyperGroup
from typer.main import get_command

import harness
from harness import settings
from harness.api import judge
from harness.faults import faults
from harness.faults.base import SILENCE_S, OfRequests
from harness.interfaces import running
from harness.interfaces.cli import app, main
from harness.interfaces.pytest_plugin import plugin
from harness.judging.metrics import metrics
from harness.judging.quality import JOINED_RATIO
from harness.judging.result import EXIT_STATUS
from harness.judging.scoring.band import FEW_REQUESTS, FEW_S, SETTLED_REQUESTS, SETTLED_S, SLACK
from harness.judging.scoring.recovery import FEW_PER_S, LATER_S, TOLD_S
from harness.judging.scoring.steadiness import LAG_P99_MS, LATE_RATIO, kept_up, steady
from harness.judging.scoring.wording import facts
from harness.judging.starvation import DOUBTFUL_RATIO, NAMED_RATIO, OUTLIVES, TAKEN_RATIO, WAITED_RATIO
from harness.prepare import Asked, prepare
from harness.protocols.asking import resolved
from harness.protocols.protocols import protocol
from harness.reading.quantities import seconds
from harness.reading.questions import Questions
from harness.reading.target import Target
from harness.reading.yaml import read
from harness.record.instrument import Lateness, Machine, Stray
from harness.record.rows import Arrival, Attempt, HealthCheck, Request

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
FAULTS_PAGE = (ROOT / "docs" / "faults.md").read_text()
SCREEN_LINES = 40
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("reports/*.md")])


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _commands() -> list[tuple[str, str]]:
    """Each line of each shell block, and of each step of a workflow, with the document it stands in."""
    lines = [
        (path.name, line)
        for path in DOCUMENTS
        for block in _blocks(path.read_text(), "sh")
        for line in block.splitlines()
    ]
    return lines + [("ci.md", line) for step in _steps() for line in step.get("run", "").splitlines()]


def _steps() -> list[dict[str, str]]:
    (text,) = _blocks((ROOT / "docs" / "ci.md").read_text(), "yaml")
    steps: list[dict[str, str]] = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    return steps


def _words(line: str) -> Iterator[list[str]]:
    """The commands of *line* without its comment and what is redirected."""
    for command in line.split(" && "):
        yield shlex.split(re.sub(r" >>? .*", "", command), comments=True)


def _harness_commands() -> list[tuple[str, list[str]]]:
    return [
        (name, words[1:])
        for name, line in _commands()
        for words in _words(line)
        if words and Path(words[0]).name == "harness"
    ]


@pytest.mark.parametrize(
    ("document", "words"), _harness_commands(), ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_every_harness_command_in_a_document_is_one_that_the_command_line_takes(
    document: str, words: list[str]
) -> None:
    command, name = get_command(app), "harness"
    while isinstance(command, TyperGroup):
        command, name, words = command.commands[words[0]], words[0], words[1:]
    command.make_context(name, words, resilient_parsing=False)


def test_every_command_of_harness_in_a_sentence_is_one() -> None:
    known = set(get_command(app).commands)
    for path in DOCUMENTS:
        for word in re.findall(r"`(?:\S*/)?harness ([a-z][a-z-]*)", re.sub(r"(?s)```.*?```", "", path.read_text())):
            assert word in known, f"{path.name}: harness {word}"


@pytest.mark.parametrize(
    "option", sorted({found for path in DOCUMENTS for found in re.findall(r"`(--[a-z][a-z-]+)", path.read_text())})
)
def test_every_option_in_a_document_is_one_that_a_command_takes(option: str) -> None:
    assert option in _options()


@cache
def _options() -> set[str]:
    """The options of all commands, and those of the plug-in of pytest."""
    of_all = get_command(app)
    groups = [of_all, *(one for one in of_all.commands.values() if isinstance(one, TyperGroup))]
    commands = [command for group in groups for command in group.commands.values()]
    of_pytest = re.findall(r'addoption\(\s*"(--[a-z-]+)"', Path(plugin.__file__).read_text())
    return {
        name
        for command in commands
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    } | set(of_pytest)


@pytest.mark.parametrize(("document", "line"), _commands())
def test_every_file_of_ours_that_a_command_names_is_there(document: str, line: str) -> None:
    for words in _words(line):
        for word in words:
            if word.startswith(("scenarios/", "reports/", "tests/", "harness/")):
                assert (ROOT / word).exists(), f"{document}: {word}"


def _readme_command(name: str) -> str:
    (block,) = re.findall(rf"<!-- command:{name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    (line,) = block.strip().splitlines()
    return str(line)


def _known_after(first: list[str], folder: Path) -> list[str]:
    """Which programs a terminal in *folder* does not find once the commands *first* were pasted there; installing is made up."""
    made_up = folder / "made-up"
    made_up.mkdir()
    for name in ("pip", "harness", "pytest", "ruff", "mypy"):
        (made_up / name).write_text("#!/bin/sh\n")
        (made_up / name).chmod(0o755)
    python = folder / "outside" / "python3"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\n{sys.executable} -m venv --without-pip --clear .venv && cp {made_up}/* .venv/bin/\n")
    python.chmod(0o755)
    asked = {words[0] for path in DOCUMENTS for block in _blocks(path.read_text(), "sh") for line in block.splitlines()
             for words in _words(line) if words} - {".", "docker", "python3"}  # fmt: skip
    script = "\n".join(["set -e", *first, *(f"command -v {name} >/dev/null || echo {name}" for name in sorted(asked))])
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_after_the_set_up_command_a_terminal_finds_every_program_that_a_document_names(tmp_path: Path) -> None:
    assert _known_after([_readme_command("run")], tmp_path) == []


def test_without_the_environment_activated_a_terminal_would_not_find_harness(tmp_path: Path) -> None:
    assert "harness" in _known_after(["python3 -m venv .venv && .venv/bin/pip install -e ."], tmp_path)


def test_the_test_command_works_in_a_new_terminal(tmp_path: Path) -> None:
    venv.create(tmp_path / ".venv", with_pip=False)
    for name in ("pip", "pytest"):
        (tmp_path / ".venv" / "bin" / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / ".venv" / "bin" / name).chmod(0o755)
    command = ["bash", "-euo", "pipefail", "-c", _readme_command("test")]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["pip install -q -e .[test]", "pytest -q"]


def test_the_target_in_the_readme_is_one() -> None:
    (text,) = [block for block in _blocks(README, "yaml") if "harness.target/1" in block]
    assert read(text, Target, "my-service.yaml").value.name == "my-service"


@pytest.mark.parametrize("scenario", ["provider-latency", "region-loss"])
def test_the_target_in_the_readme_can_be_asked_the_scenarios_that_the_readme_asks_it(
    scenario: str, tmp_path: Path
) -> None:
    (text,) = [block for block in _blocks(README, "yaml") if "harness.target/1" in block]
    (tmp_path / "my-service.yaml").write_text(text)
    assert f"scenarios/{scenario}.yaml" in README
    assert prepare(ROOT / "scenarios" / f"{scenario}.yaml", tmp_path / "my-service.yaml", Asked(), {}).plan.disturbances


def test_the_python_in_the_readme_parses_and_names_what_there_is() -> None:
    import harness
    from harness.api import Run

    for block in _blocks(README, "python"):
        if block.startswith("# app.py\n"):
            continue  # a service, and no use of the harness; tests/end_to_end/test_first_question.py asks it
        tree = ast.parse(block)
        used = {(node.value.id, node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)}  # fmt: skip
        assert {name for module, name in used if module == "harness"} <= set(harness.__all__)
        assert {name for thing, name in used if thing == "run"} <= {"path", "result", *dir(Run)}
        assert ("harness", "judge") in used


PYTHON_PAGE = (ROOT / "docs" / "python.md").read_text()


def test_all_that_the_package_offers_stands_on_the_page_on_python_and_nothing_else() -> None:
    import harness

    assert set(re.findall(r"^\| `(\w+)`", PYTHON_PAGE, re.MULTILINE)) == set(harness.__all__)
    (said,) = re.findall(r"^\| `Progress` \| (.*) \|$", PYTHON_PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", said)) <= {field.name for field in dataclasses.fields(harness.Progress)}


@pytest.mark.parametrize("block", _blocks(PYTHON_PAGE, "python"))
def test_the_python_on_its_page_names_what_there_is(block: str) -> None:
    known = _known()
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            assert hasattr(known[node.value.id], node.attr) or node.attr in _fields(known[node.value.id]), ast.unparse(
                node
            )


def _known() -> dict[str, Any]:
    """What the names in the examples stand for."""
    import harness

    return {
        "harness": harness,
        "run": harness.Run,
        "plan": harness.Plan,
        "found": harness.Validated,
        "problem": harness.Problem,
        "progress": harness.Progress,
    }


def _fields(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("name", list(faults))
def test_every_fault_kind_stands_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("name", list(faults))
def test_what_there_is_to_say_of_a_fault_fits_on_a_screen_and_has_an_example(name: str) -> None:
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", FAULTS_PAGE, re.MULTILINE | re.DOTALL)
    assert len(section.splitlines()) <= SCREEN_LINES
    assert "```yaml" in section


@pytest.mark.parametrize("name", list(metrics))
def test_every_metric_stands_in_the_readme(name: str) -> None:
    assert re.search(rf"^\| `{name}[`.]", README, re.MULTILINE)


def test_every_exit_status_stands_in_the_readme() -> None:
    for verdict, status in EXIT_STATUS.items():
        assert re.search(rf"^\| {status} \| {verdict} \|", README, re.MULTILINE), verdict


@pytest.mark.parametrize(
    ("title", "fields", "derived"),
    [
        ("requests", Request, {"phase", "latency_ms", "ttft_ms", "good", "attempts"}),
        ("attempts", Attempt, {"request", "layer", "phase", "step"}),
        ("arrivals", Arrival, set()),
        ("health_checks", HealthCheck, set()),
    ],
)
def test_every_column_of_a_table_is_documented_and_no_other(
    title: str, fields: type[msgspec.Struct], derived: set[str]
) -> None:
    section = (ROOT / "docs" / "tables.md").read_text().split(f"## {title}:")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = {name for cell in first_cells for name in re.findall(r"`([a-z0-9_]+)`", cell)}
    assert documented == {field.name for field in msgspec.structs.fields(fields)} | derived


def test_every_local_link_in_a_document_leads_somewhere() -> None:
    for path in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            assert link.startswith("http") or (path.parent / link).exists(), f"{path.name}: {link}"


def test_each_shipped_scenario_opens_with_a_comment_that_says_what_it_shows() -> None:
    folders = [ROOT / "scenarios", *(ROOT / "scenarios" / kind for kind in OF_A_KIND)]
    for path in (path for folder in folders for path in folder.glob("*.yaml")):
        assert path.read_text().startswith("# "), path.name


def test_the_table_of_verdicts_is_the_one_that_its_records_make() -> None:
    committed = (ROOT / "docs" / "verdicts.md").read_text()
    command = [sys.executable, "tests/benchmarks/verdict_table.py", "--only-write"]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (ROOT / "docs" / "verdicts.md").read_text() == committed


def test_the_sample_run_can_be_judged_and_is_the_failing_one_that_the_reports_page_names(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reports" / "sample", tmp_path / "sample")
    run = judge(tmp_path / "sample")
    assert (run.verdict, run.result.scenario.name, run.result.target.name) == ("fail", "region-loss", "fragile")
    assert len(run.attempts) > len(run.requests)


SCENARIO_PAGE = (ROOT / "docs" / "scenario.md").read_text()
SECTIONS = {
    re.sub(r"[`]", "", text.split("\n", 1)[0].lstrip("# ")): text
    for text in re.split(r"^(?=#{1,3} )", re.sub(r"(?s)```.*?```", "", SCENARIO_PAGE + FAULTS_PAGE), flags=re.MULTILINE)
    if text
}


def _schema(kind: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "harness" / "schemas" / f"{kind}.json").read_text())
    return document


OF_EVERY_FAULT = ("kind", "id", "at", "for", "until", "flap", "stagger", "aftereffect")
OF_FAULTS_OF_REQUESTS = ("share", "per", "may_miss", "ramp")


def _models() -> dict[str, dict[str, dict[str, Any]]]:
    """What each section of the page on scenarios has to explain: properties by key, each with whether it is required."""
    scenario, questions = _schema("scenario"), _schema("questions")
    parts, kinds = scenario["$defs"], {}
    for name, kind in faults.items():
        elsewhere = (*OF_EVERY_FAULT, *(OF_FAULTS_OF_REQUESTS if issubclass(kind, OfRequests) else ()))
        kinds[name] = _explained(parts[kind.__name__], without=elsewhere)
    common = _explained(parts["Latency"])
    return {
        "The scenario file": _explained(scenario),
        **{name.lower(): _explained(parts[name]) for name in ("Load", "Good", "Slo")},
        "The rate over time": _explained(parts["LoadShape"]),
        "A load as it was recorded": _explained(parts["Replay"]),
        "Clients who ask again": _explained(parts["Retries"]) | _explained(parts["Backoff"]),
        "phases": _explained(scenario["properties"]["phases"]),
        "faults": {key: common[key] for key in OF_EVERY_FAULT},
        "Whom": {key: common[key] for key in OF_FAULTS_OF_REQUESTS},
        "on": _explained(parts["RequestSelector"]),
        **kinds,
        "The questions file": _explained(questions) | _explained(questions["$defs"]["Question"]),
    }


def _explained(model: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    needed = model.get("required", [])
    return {key: {**about, "needed": key in needed} for key, about in model["properties"].items() if key not in without}


def _default(written: str, default: object) -> bool:
    """Whether the cell *written* says *default*; one that is computed, or is the part's own, is said in words."""
    if default is None or isinstance(default, dict | list):
        return True
    value = yaml.safe_load(written.strip("` "))
    return (seconds(value) if isinstance(value, str) and isinstance(default, float) else value) == default


def _rows(section: str) -> dict[str, str]:
    """Default by key, of the table of keys in *section*."""
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return {row[1].strip(" `"): row[2].strip() for row in rows}


@pytest.mark.parametrize("title", list(_models()))
def test_every_key_of_a_scenario_is_explained_with_its_default_and_no_other(title: str) -> None:
    said, model = _rows(SECTIONS[title]), _models()[title]
    assert set(said) == set(model)
    for key, about in model.items():
        assert (said[key] == "needed") == about["needed"], key
        assert about["needed"] or "default" not in about or _default(said[key], about["default"]), key


def test_a_default_that_is_not_the_models_is_seen() -> None:
    assert _default("`3s`", 3.0)
    assert not _default("`4s`", 3.0)
    assert not _default("`poisson`", "constant")


def test_every_metric_is_in_the_table_of_expectations_with_its_parts_and_whether_it_has_phases() -> None:
    rows = [[cell.strip() for cell in line.split("|")] for line in SECTIONS["expect"].splitlines() if "| `" in line]
    said = {
        row[1].strip("`"): (
            set(re.findall(r"`\.(\w+)`", row[3])),
            row[4] == "yes",
            "after" in row[4],
            tuple(re.findall(r"`(\w+)`", row[5])),
        )
        for row in rows
        if len(row) == 7 and row[1][0] == "`"
    }
    assert said == {
        name: (set(metric.parts), metric.phased, metric.windowed, metric.labels) for name, metric in metrics.items()
    }


def _parts(text: str) -> dict[str, str]:
    """The parts of a YAML file by their keys, as written: to a YAML library, the key ``on`` would be true."""
    return {part.split(":")[0]: part for part in re.split(r"^(?=[a-z_]+:)", text, flags=re.MULTILINE) if ":" in part}


def _examples() -> list[str]:
    """The examples of the pages on scenarios and faults, each a whole file: what is only a part replaces that part of the first."""
    whole, *others = _blocks(SCENARIO_PAGE + FAULTS_PAGE, "yaml")
    return [
        whole,
        *(text if "schema:" in text else "".join((_parts(whole) | _parts(text)).values()) for text in others),
    ]


@pytest.mark.parametrize("text", _examples())
def test_every_example_of_the_page_on_scenarios_is_in_order(text: str, tmp_path: Path) -> None:
    if "harness.questions/1" in text:
        assert read(text, Questions, "questions.yaml").value.questions
        return
    for name in ("targets", "questions"):
        (tmp_path / name).symlink_to(ROOT / "scenarios" / name)
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "monday.csv").write_text("due_s\n" + "".join(f"{at_s / 10}\n" for at_s in range(8_000)))
    (tmp_path / "example.yaml").write_text(text)
    sample = (ROOT / "scenarios" / "targets" / "default.yaml").read_text()
    for word, other in (("bad_certificate", "tls-resilient"), ("_lookup", "names-resilient")):
        if word in text:
            sample = (ROOT / "scenarios" / "targets" / f"{other}.yaml").read_text()
    (tmp_path / "target.yaml").write_text(sample + "containers: {cache: {name: shop-cache-1}}\n")
    assert prepare(tmp_path / "example.yaml", tmp_path / "target.yaml", Asked(), None).plan.disturbances


def _steady(bad: int, n: int) -> bool:
    """Whether *n* requests of 12 s are steady of which so many failed, each on its own."""
    failed = set(np.linspace(0, n - 1, bad).astype(int).tolist())
    return steady(np.arange(n) * 12 / n, [row not in failed for row in range(n)], 0.95)


def test_the_numbers_on_the_page_on_invalid_runs_are_the_rules() -> None:
    page = (ROOT / "docs" / "invalid.md").read_text().replace("\n", " ")
    good = {n: n - bisect_right(range(n), False, key=lambda bad: not _steady(bad, n)) + 1 for n in (240, 2400)}
    late = {n: next(late for late in range(n) if not kept_up(late, n, 0)) - 1 for n in (1000, 5000)}
    assert (
        f"at a ratio of 0.95, of 240 requests at least {good[240]:,} have to be good, of 2,400 at least {good[2400]:,}"
        in page
    )
    assert f"up to {late[1000]} of 1,000, or {late[5000]} of 5,000" in page
    assert f"{100 * (1 - LATE_RATIO):g} % of them within {LAG_P99_MS:g} ms" in page
    assert f"at least {100 * JOINED_RATIO:g} % of the attempts" in page
    assert f"no answer for {SILENCE_S:g} s" in page


def test_the_band_and_the_hold_on_the_page_on_scenarios_are_the_rules() -> None:
    page = SECTIONS["good"].replace("\n", " ")
    assert f"less {SLACK:g} where that is higher" in page
    assert f"{SETTLED_S:g} s, or the time in which {SETTLED_REQUESTS} requests are sent, or twice `within`" in page
    assert f"no more than {FEW_S:g} s, or the time in which {FEW_REQUESTS} are sent" in page
    assert f"longer than {TOLD_S:g} s" in page
    assert f"Below {FEW_PER_S:g} requests per second" in page
    assert f"the interval reaches {LATER_S:g} s further" in page


def test_every_reason_on_the_page_on_invalid_runs_is_one_that_a_run_can_give() -> None:
    rows = re.findall(r"^\| ([^|]+) \| \[", (ROOT / "docs" / "invalid.md").read_text(), re.MULTILINE)
    sources = "".join(
        (ROOT / "harness" / path).read_text()
        for path in (
            "judging/quality.py",
            "judging/hold.py",
            "judging/sameness.py",
            "judging/preflight.py",
            "judging/unused.py",
            "judging/health_checks.py",
            "judging/closed.py",
            "judging/watched.py",
            "judging/starvation.py",
            "running/world/carriers.py",
            "running/world/watch.py",
            "running/world/load_workers.py",
        )
    )
    said = [piece.strip() for row in rows for piece in re.split("…|, ", row) if piece.strip()]
    assert said
    assert [piece for piece in said if piece not in sources] == []


def test_what_the_page_on_services_writes_into_a_target_file_can_stand_in_one() -> None:
    sample = yaml.safe_load((ROOT / "scenarios" / "targets" / "default.yaml").read_text())
    texts = _blocks((ROOT / "docs" / "service.md").read_text(), "yaml")
    asks = [read(yaml.safe_dump(sample | yaml.safe_load(text)), Target, "mine.yaml").value.ask for text in texts]
    assert "facts" in [ask.reply.compare for ask in asks]
    assert "X-Cache" in [ask.reply.cached for ask in asks]
    assert [problem for ask in asks for problem in protocol(ask.protocol).problems(resolved(ask, ask.headers))] == []


def test_the_facts_that_the_page_on_services_says_agree_do_and_the_other_does_not() -> None:
    page = (ROOT / "docs" / "service.md").read_text()
    one, same, other = re.findall(r'"([^"{}]*(?:thirty|\d+) days)"', page.replace("\n", " "))
    assert facts(one) == facts(same) != facts(other)


@pytest.mark.parametrize(("page", "file"), [("ci.md", "gate.yml"), ("gitlab.md", "gitlab.yml")])
def test_the_workflow_on_a_page_is_the_one_that_can_be_copied(page: str, file: str) -> None:
    (text,) = _blocks((ROOT / "docs" / page).read_text(), "yaml")
    assert text == (ROOT / "docs" / "ci" / file).read_text()


def test_what_the_job_on_gitlab_calls_is_what_the_command_line_takes_and_collects_what_a_run_leaves() -> None:
    job = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab.yml").read_text())["resilience"]
    called = [shlex.split(line)[1:] for line in job["script"] if "/harness " in line]
    assert [words[0] for words in called] == ["validate", "run"]
    for words in called:
        get_command(app).commands[words[0]].make_context(words[0], words[1:], resilient_parsing=False)
    run = called[-1]
    assert job["artifacts"]["reports"]["junit"] == f"{run[run.index('--out') + 1]}/*/*/junit.xml"
    assert (ROOT / "reports" / "sample" / "junit.xml").exists()


@pytest.mark.parametrize("words", [words for name, words in _harness_commands() if name == "ci.md"], ids=" ".join)
def test_every_harness_command_on_the_page_on_ci_does_what_it_says(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = harness.load(shutil.copytree(ROOT / "reports" / "sample", tmp_path / "sample"))
    monkeypatch.setattr(running, "conduct", lambda *_args, **_options: made)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["harness", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    # The run that is made up is the sample, which failed.
    assert ended.value.code == (made.exit_status if words[0] == "run" else 0)


def test_the_page_on_ci_has_every_input_of_the_action_with_its_default_and_every_output() -> None:
    action, page = yaml.safe_load((ROOT / "action.yml").read_text()), (ROOT / "docs" / "ci.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", page.split("| input |")[1].split("\n\n")[0], re.MULTILINE))
    assert set(rows) == set(action["inputs"])
    for name, one in action["inputs"].items():
        default = str(one.get("default", ""))
        plain = default and not default.startswith("${{")
        assert f"`{default}`" == rows[name] if plain else "`" not in rows[name] or name == "target", name
        assert ("needed" in rows[name]) == one.get("required", False)
    outputs = page.split("Its outputs are")[1].split("More workflows")[0]
    assert set(re.findall(r"`([a-z]+)`", outputs)) == set(action["outputs"])


def test_every_environment_variable_that_is_read_stands_on_the_page_on_settings() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    read_ = set(re.findall(r"\.get\(\"([A-Z_]+)\"", Path(settings.__file__).read_text()))
    assert read_ == set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))


def test_the_container_whose_status_counts_is_there() -> None:
    (line,) = [line for _, line in _commands() if line.startswith("docker compose") and "--exit-code-from" in line]
    assert line.split()[-1] in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def test_every_anchor_of_a_link_leads_to_a_heading() -> None:
    for path in DOCUMENTS:
        for link, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", path.read_text()):
            if not link.startswith("http"):
                page = ((path.parent / link) if link else path).read_text()
                headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
                known = {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
                assert anchor in known, f"{path.name}: {link}#{anchor}"


def test_the_numbers_of_a_starved_machine_on_the_page_on_invalid_runs_are_the_rules() -> None:
    page = (ROOT / "docs" / "invalid.md").read_text().replace("\n", " ")
    assert f"had to wait for {100 * WAITED_RATIO:g} % of it or more" in page
    assert f"others had {100 * TAKEN_RATIO:g} % of the processors and more than the run itself" in page
    assert f"at least {100 * DOUBTFUL_RATIO:g} % of its phase was starved" in page
    assert f"by no more than {OUTLIVES} times the starved share" in page
    assert f"others had {100 * NAMED_RATIO:g} % of the processors" in page


def test_every_key_of_the_instrument_file_is_documented_and_no_other() -> None:
    section = (ROOT / "docs" / "tables.md").read_text().split("## instrument.jsonl:")[1]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = {name for cell in first_cells for name in re.findall(r"`([a-z_]+)`", cell)}
    assert documented == {"type"} | {
        field.name for kind in (Lateness, Machine, Stray) for field in msgspec.structs.fields(kind)
    }


def test_every_decision_has_a_number_of_its_own_and_a_heading() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:03}-" for number in range(1, len(decisions) + 1)]
    assert all(path.read_text().startswith("# ") for path in decisions)


def test_the_glossary_has_each_word_once() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    words = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    assert len(words) > 100
    assert sorted({*words}) == sorted(words)
