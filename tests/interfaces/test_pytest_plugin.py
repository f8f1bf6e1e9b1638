"""pytest's plug-in, in a project of somebody else's: what a test gets, how it fails, what is skipped, and what is told at the end.

The runs are stand-ins, made by the hook that a project may put its own in: each comes to what its scenario is called.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from _pytest.pytester import SysModulesSnapshot

from harness import api, load
from harness.interfaces.pytest_plugin import asking, plugin
from harness.interfaces.pytest_plugin.made import carried_out
from harness.interfaces.pytest_plugin.turn import turn
from harness.interfaces.pytest_plugin.wanted import Wanted
from harness.judging.result import EXIT_STATUS
from harness.problems import UsageProblems
from harness.settings import settings

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "harness.interfaces.pytest_plugin.plugin"
STAND_IN = f"""
import json, pathlib, shutil
import harness
from harness import problems
from harness.judging.result import EXIT_STATUS
from harness.problems import UsageProblems

def pytest_resilience_run(wanted):
    name = wanted.scenario.stem
    raised = dict(frozen=problems.RefusedError, unavailable=problems.UnavailableError, broken=problems.HarnessError)
    if name in raised:
        raise raised[name]("because of that")
    if name == "unanswered":
        raise problems.UnavailableProblems(problems.Problem("no Toxiproxy server answers"))
    if name == "wrong":
        raise problems.UsageProblems(problems.Problem("unknown key", "wrong.yaml", 3))
    if wanted.trials:
        return trials(wanted)
    made = wanted.out / name / str(len(list(wanted.out.glob("*/*"))))
    shutil.copytree({str(ROOT / "reports" / "sample")!r}, made)
    result = json.loads((made / "result.json").read_text())
    verdict = name if name in EXIT_STATUS else "pass"
    result["verdict"] = verdict
    result["scenario"]["name"] = name
    for finding in result["findings"]:
        finding["verdict"] = verdict if verdict in ("pass", "inconclusive") else finding["verdict"]
    (made / "result.json").write_text(json.dumps(result))
    told = dict(scenario=str(wanted.scenario), target=wanted.target and str(wanted.target), set=wanted.overrides, trials=wanted.trials)
    with pathlib.Path("asked.jsonl").open("a") as file:
        file.write(json.dumps(told) + "\\n")
    return harness.load(made)

def trials(wanted):
    from harness.judging import gate as judging
    from harness.reading.suite import Policy
    from harness.suites import gate as suites
    folder = wanted.out / wanted.scenario.stem / "all"
    for trial in range(wanted.trials):
        shutil.copytree({str(ROOT / "reports" / "sample")!r}, folder / "x" / str(trial))
    runs = tuple(harness.load(folder / "x" / str(trial)) for trial in range(wanted.trials))
    told = tuple(judging.TrialRun(trial, 0, f"x/{{trial}}", run.result) for trial, run in enumerate(runs))
    gate = judging.gate("region-loss", [judging.Tried("region-loss", "fragile", wanted.trials, told)], Policy())
    suites.write(folder, gate)
    return suites.Gated(folder, runs, gate)
"""


class Project:
    """Somebody's project, in which each scenario comes to what it is called."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.path = pytester.path
        pytester.makeconftest(STAND_IN)
        (self.path / "scenarios" / "targets").mkdir(parents=True)
        (self.path / "scenarios" / "targets" / "default.yaml").write_text("schema: harness.target/1\n")
        self.scenarios("pass", "fail", "inconclusive", "invalid", "aborted", "crashed", "interrupted")

    def scenarios(self, *names: str) -> None:
        for name in names:
            (self.path / "scenarios" / f"{name}.yaml").write_text(
                f"# About it.\nschema: harness.scenario/1\nname: {name}\n"
            )

    def configured(self, *lines: str) -> None:
        self._pytester.makepyprojecttoml("\n".join(["[tool.pytest.ini_options]", *lines]))

    def test(self, text: str) -> None:
        self._pytester.makepyfile(test_it=text)

    def run(self, *words: str) -> pytest.RunResult:
        loaded = ("-p", PLUGIN, "-p", "pytest_locust.plugin")
        return self._pytester.runpytest_inprocess(*loaded, *words, no_reraise_ctrlc=True)

    @property
    def asked(self) -> list[str]:
        path = self.path / "asked.jsonl"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    # A session inside a test forgets what it imported; but numpy and pyarrow cannot be imported twice, in this test or in one after it.
    monkeypatch.setattr(pytester, "_Pytester__take_sys_modules_snapshot", _forgetting_tests)
    monkeypatch.setattr(pytester, "_sys_modules_snapshot", _forgetting_tests())
    return Project(pytester)


def _forgetting_tests() -> SysModulesSnapshot:
    """What takes back that the modules of a project were imported, and nothing else."""
    return SysModulesSnapshot(preserve=lambda name: name != "conftest" and not name.startswith("test_"))


CALLED = "def test_it(resilience):\n    run = resilience('scenarios/{}.yaml')\n    assert run.passed\n"
MARKED = "import pytest\n@pytest.mark.resilience('scenarios/{}.yaml')\ndef test_it(resilience):\n    assert resilience.passed\n"


@pytest.mark.parametrize("form", [CALLED, MARKED])
def test_a_run_that_passed_is_a_test_that_passes(project: Project, form: str) -> None:
    project.test(form.format("pass"))
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("form", [CALLED, MARKED])
def test_a_run_that_failed_shows_at_the_assertion_what_was_expected_and_what_was_measured(
    project: Project, form: str
) -> None:
    project.test(form.format("fail"))
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       assert *.passed",
            "E       *assert False",
            "E        +  where False = <Run *fail>.passed",
            "E       fail on fragile: fail. *",
            "E       - good_ratio in fault: at least 0.9",
            "E       + good_ratio in fault: 0.527, 95 % interval 0.47 to 0.582; expected at least 0.9 (fail)",
            "E         - Retries multiply across layers: SDK 3 × application 3 = 9. *",
            "E       report: *report.html",
            "E       again: harness run *",
        ]
    )


def test_an_assertion_that_fails_on_a_run_that_passed_is_left_as_it_is(project: Project) -> None:
    project.test("def test_it(resilience):\n    assert resilience('scenarios/pass.yaml').verdict == 'fail'\n")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("E*report: *")


@pytest.mark.parametrize(
    ("form", "name"),
    [(CALLED, "invalid"), (MARKED, "invalid"), (CALLED, "frozen"), (MARKED, "unavailable"), (CALLED, "unanswered")],
)
def test_what_says_nothing_of_the_service_is_a_skip_with_its_reason_and_no_failure(
    project: Project, form: str, name: str
) -> None:
    project.scenarios(name)
    project.test(form.format(name))
    result = project.run("-rs")
    result.assert_outcomes(skipped=1)
    reason = {
        "invalid": "invalid, so this says nothing of the service: *",
        "frozen": "because of that",
        "unavailable": "no Toxiproxy can be had: because of that",
        "unanswered": "no Toxiproxy can be had: no Toxiproxy server answers",
    }[name]
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] *: {reason}"])


@pytest.mark.parametrize("name", ["inconclusive", "aborted", "crashed"])
def test_what_did_not_show_that_it_holds_is_red_and_says_that_the_service_is_not_blamed(
    project: Project, name: str
) -> None:
    project.test(CALLED.format(name))
    result = project.run()
    result.assert_outcomes(failed=1)
    said = "Too little evidence" if name == "inconclusive" else "nothing is said about the service"
    result.stdout.fnmatch_lines([f"E *{said}*"])


@pytest.mark.parametrize(("name", "configured", "outcome"), [
    ("invalid", "fail", "failed"), ("invalid", "skip", "skipped"), ("inconclusive", "skip", "skipped"), ("inconclusive", "fail", "failed"),
])  # fmt: skip
def test_a_project_says_itself_what_an_unsettled_run_comes_to(
    project: Project, name: str, configured: str, outcome: str
) -> None:
    project.configured(f'resilience_{name} = "{configured}"')
    project.test(CALLED.format(name))
    project.run().assert_outcomes(**{outcome: 1})


def test_another_word_for_that_is_refused_with_the_two_that_there_are(project: Project) -> None:
    project.configured('resilience_invalid = "xfail"')
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*resilience_invalid: 'xfail' is neither skip nor fail*"])


@pytest.mark.parametrize(("name", "said"), [("wrong", "wrong.yaml:3: unknown key"), ("broken", "because of that")])
def test_a_wrong_file_and_a_world_that_does_not_start_are_red_in_one_line(
    project: Project, name: str, said: str
) -> None:
    project.scenarios(name)
    project.test(CALLED.format(name))
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*During handling of*")


def test_an_interrupted_run_ends_the_session(project: Project) -> None:
    project.test(f"{CALLED.format('interrupted')}\ndef test_next():\n    pass\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*KeyboardInterrupt*"])
    assert "1 passed" not in result.stdout.str()


def test_scenario_files_are_tests_where_the_configuration_asks_for_it_and_nowhere_else(project: Project) -> None:
    assert project.run("scenarios").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    project.configured('resilience_scenarios = "scenarios/*.yaml scenarios/targets/*.yaml"')
    for name in ("crashed", "aborted", "interrupted", "inconclusive"):
        (project.path / "scenarios" / f"{name}.yaml").unlink()
    result = project.run("-v")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["scenarios/fail.yaml::fail FAILED*", "*_ scenario fail _*", "- good_ratio in fault: at least 0.9"]
    )


def test_the_one_line_is_enough_also_where_testpaths_lie_elsewhere(project: Project) -> None:
    project.configured('testpaths = ["tests"]', 'resilience_scenarios = "scenarios/pass.yaml"')
    (project.path / "tests").mkdir()
    (project.path / "tests" / "test_own.py").write_text("def test_own():\n    pass\n")
    project.run().assert_outcomes(passed=2)
    project.run("tests").assert_outcomes(passed=1)
    project.run("-m", "not resilience").assert_outcomes(passed=1, deselected=1)


def test_what_makes_runs_can_be_left_out_by_its_marker(project: Project) -> None:
    project.test(f"{CALLED.format('pass')}\ndef test_other():\n    pass\n")
    project.run("-m", "not resilience", "--strict-markers").assert_outcomes(passed=1, deselected=1)
    assert project.asked == []


def test_a_mark_that_makes_no_run_is_refused(project: Project) -> None:
    project.test(MARKED.format("pass").replace("(resilience)", "()").replace("resilience.passed", "True"))
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*is marked with a scenario and does not take the fixture 'resilience'*"])


def test_the_target_is_the_tests_own_else_the_options_else_the_configurations(project: Project) -> None:
    project.test(
        "import pytest\n"
        "@pytest.mark.resilience('scenarios/pass.yaml', target='own.yaml', set={'load.rate_per_s': 40})\n"
        "def test_own(resilience):\n    assert resilience.passed\n"
        "def test_none(resilience):\n    assert resilience('scenarios/pass.yaml').passed\n"
    )
    project.configured('resilience_target = "configured.yaml"')
    project.run("-q")
    project.run("-q", "--resilience-target", "option.yaml")
    assert project.asked == [
        '{"scenario": "scenarios/pass.yaml", "target": "own.yaml", "set": {"load.rate_per_s": 40}, "trials": null}',
        '{"scenario": "scenarios/pass.yaml", "target": "configured.yaml", "set": [], "trials": null}',
        '{"scenario": "scenarios/pass.yaml", "target": "own.yaml", "set": {"load.rate_per_s": 40}, "trials": null}',
        '{"scenario": "scenarios/pass.yaml", "target": "option.yaml", "set": [], "trials": null}',
    ]


def test_trials_are_one_verdict_told_as_one_run_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    page = project.path / "page.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    project.test(CALLED.format("fail"))
    result = project.run("--resilience-trials", "3", "--resilience-out", "kept", "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       region-loss: fail over 3 runs. *",
            "E       - good_ratio >= 0.9 in fault",
            "E       + 0.527*3 trials* (fail)",
            "E       report: kept/fail/all/report.html",
            "fail          kept/fail/all/report.html  (test_it.py::test_it)",
            "::error file=scenarios/region-loss.yaml,line=15,title=region-loss on fragile%3A good_ratio >= 0.9 in fault fail::*",
        ]
    )
    assert page.read_text() == (project.path / "kept" / "fail" / "all" / "summary.md").read_text() + "\n"
    found = {one.attrib["name"]: one.attrib["value"] for one in parse(project.path / "junit.xml").iter("property")}
    assert (found["resilience-verdict"], found["resilience-runs"]) == ("fail", "3")


@pytest.mark.parametrize(
    ("file", "trials", "called"),
    [
        ("region-loss.yaml", None, "run"),
        ("region-loss.yaml", 3, "gate"),
        ("of-itself.yaml", None, "gate"),
        ("suite.yaml", None, "gate"),
        ("broken.yaml", None, "run"),
    ],
)
def test_a_run_is_made_alone_unless_the_test_or_the_file_asks_for_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, trials: int | None, called: str
) -> None:
    scenario = (ROOT / "scenarios" / "region-loss.yaml").read_text()
    (tmp_path / "region-loss.yaml").write_text(scenario)
    (tmp_path / "of-itself.yaml").write_text(f"{scenario}\ntrials: 2\n")
    (tmp_path / "suite.yaml").write_text("schema: harness.suite/1\nname: all\nscenarios: [region-loss.yaml]\n")
    (tmp_path / "broken.yaml").write_text("schema: harness.scenario/1\n")
    made: list[tuple[str, Path, int | None]] = []
    monkeypatch.setattr(api, "run", lambda path, **_: made.append(("run", path, None)))
    monkeypatch.setattr(api, "gate", lambda path, *, trials, **_: made.append(("gate", path, trials)))
    carried_out(Wanted(tmp_path / file, None, (), (), None, True, (), trials, tmp_path))
    assert made == [(called, tmp_path / file, trials)]


def test_a_suite_is_a_test_too_and_keeps_the_targets_that_it_names(project: Project) -> None:
    project.configured('resilience_scenarios = "suites/*.yaml"', 'resilience_target = "configured.yaml"')
    (project.path / "suites").mkdir()
    (project.path / "suites" / "merge.yaml").write_text("schema: harness.suite/1\nname: merge\n")
    project.run("suites").assert_outcomes(passed=1)
    project.run("suites", "--resilience-target", "option.yaml").assert_outcomes(passed=1)
    assert [json.loads(line)["target"] for line in project.asked] == [None, "option.yaml"]


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_number_of_trials_that_is_none_is_refused(project: Project, count: str) -> None:
    result = project.run("--resilience-trials", count)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*argument --resilience-trials: invalid *"])


def test_reports_are_linked_at_the_end_and_in_junit_also_from_xdists_workers(project: Project) -> None:
    project.test(CALLED.format("fail"))
    result = project.run("-p", "xdist", "-n1", "--junitxml=junit.xml", "--resilience-out", "kept")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*= resilience =*", "fail          kept/fail/0/report.html  (test_it.py::test_it)"])
    found = {one.attrib["name"]: one.attrib["value"] for one in parse(project.path / "junit.xml").iter("property")}
    assert (found["resilience-verdict"], found["resilience-report"]) == ("fail", "kept/fail/0/report.html")
    assert found["resilience-replay"].startswith("harness run ")


def test_without_a_run_nothing_is_told_of_any(project: Project) -> None:
    project.test("def test_it():\n    pass\n")
    assert "resilience" not in project.run().stdout.str()


def test_on_github_the_scenarios_lines_are_marked_and_the_page_has_the_summary(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = project.path / "page.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    project.test(CALLED.format("fail"))
    project.run().stdout.fnmatch_lines(["::error file=scenarios/region-loss.yaml,line=15,title=*"])
    assert "good_ratio >= 0.9 in fault" in page.read_text()


def test_what_a_session_inside_a_test_imported_stays_importable(project: Project) -> None:
    project.test(CALLED.format("pass").replace("run.passed", "len(run.requests)"))
    project.run().assert_outcomes(passed=1)
    assert len(load(ROOT / "reports" / "sample").requests)
    assert "test_it" not in sys.modules


def test_no_option_or_fixture_is_another_plug_ins_too(project: Project) -> None:
    # Locust's own plug-in is loaded beside ours in every test of this file; a clash of options would end each of them.
    project.test(
        "def test_it(resilience, request):\n    assert request.config.pluginmanager.has_plugin('pytest_locust.plugin')\n"
    )
    result = project.run("--fixtures", "-q")
    assert [line.split(" ")[0] for line in result.outlines].count("resilience") == 1
    project.run("--host", "http://127.0.0.1").assert_outcomes(passed=1)


def test_the_plug_in_is_where_pytest_looks_for_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"resilience": PLUGIN}


PAGE = (ROOT / "docs" / "pytest.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_page_on_pytest_are_tests_that_pass_and_its_commands_run_them(project: Project) -> None:
    called, marked, hook = blocks("python")
    (line,) = blocks("toml")
    project.scenarios("provider-latency")
    (project.path / "pyproject.toml").write_text(line)
    (project.path / "my-service.yaml").write_text("schema: harness.target/1\n")
    for name in ("fail", "inconclusive", "invalid", "aborted", "crashed", "interrupted"):
        (project.path / "scenarios" / f"{name}.yaml").unlink()
    project.test(called + marked)
    outcomes = {}
    for command in "".join(blocks("sh")).splitlines():
        pytest_, *words = shlex.split(command)
        assert pytest_ == "pytest"
        outcomes[words[1]] = {name: n for name, n in project.run(*words).parseoutcomes().items() if name != "warnings"}
    assert outcomes == {"not resilience": {"deselected": 4}, "resilience": {"passed": 4}}
    assert '"target": "my-service.yaml", "set": {"load.rate_per_s": 40}' in project.asked[-1]
    (project.path / "conftest.py").write_text(hook)
    shutil.copytree(ROOT / "reports" / "sample", project.path / "stored" / "provider-latency")
    project.run("test_it.py").assert_outcomes(failed=2)


def test_the_page_on_pytest_has_every_option_and_setting_and_every_verdict() -> None:
    source = Path(plugin.__file__).read_text() + Path(asking.__file__).read_text()
    named = set(re.findall(r"--resilience-[a-z]+|\bresilience_(?:scenarios|target|invalid|inconclusive)\b", source))
    assert named == set(re.findall(r"`(--resilience-[a-z]+|resilience_[a-z]+)`", PAGE))
    table = PAGE.split("## What a test comes to")[1].split("\n\n")[1]
    assert set(EXIT_STATUS) <= set(re.findall(r"[a-z]+", " ".join(row.split("|")[1] for row in table.splitlines())))


HEAVY = (
    "pandas",
    "numpy",
    "pyarrow",
    "locust",
    "gevent",
    "typer",
    "rich",
    "pydantic",
    "yaml",
    "requests",
    "jinja2",
    "aiohttp",
)


@pytest.mark.parametrize(("uses", "heavy"), [(False, False), (True, True)])
def test_a_project_that_has_nothing_to_do_with_runs_pays_nothing_for_the_plug_in(
    pytester: pytest.Pytester, uses: bool, heavy: bool
) -> None:
    imports = "import yaml" if uses else ""
    pytester.makepyfile(test_it=f"{imports}\ndef test_it():\n    pass\n")
    pytester.makeconftest(
        f"import sys\ndef pytest_sessionfinish():\n    print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-s", "-p", PLUGIN]
    environment = {"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=pytester.path, env=environment, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if "HEAVY" in line]
    assert ("[]" not in line) == heavy, line


def test_a_turn_is_had_by_one_process_at_a_time_and_given_up_when_that_one_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    locked = settings().cache / ".pytest-turn"
    script = (
        "import sys\nfrom harness.interfaces.pytest_plugin.turn import turn\nfrom harness.settings import settings\n"
        "print('asks', flush=True)\nwith turn(settings()):\n    print('has it', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert [other.stdout.readline(), other.stdout.readline()] == ["asks\n", "has it\n"]
        script = "import fcntl, sys\nwith open(sys.argv[1], 'a') as lock:\n    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)"
        beside = subprocess.run([sys.executable, "-c", script, locked], capture_output=True, text=True)
        assert "BlockingIOError" in beside.stderr
        other.kill()
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "of-its-own"))  # which makes no other turn of it
    with turn(settings()):
        assert locked.exists()
        beside = subprocess.run([sys.executable, "-c", script, locked], capture_output=True, text=True)
        assert "BlockingIOError" in beside.stderr


def test_what_a_marker_cannot_mean_is_told_in_a_sentence_with_what_would_be_right(project: Project) -> None:
    asked = (
        "'scenarios/pass.yaml', targt='own.yaml'",
        "'scenarios/pass.yaml', 'own.yaml'",
        "['scenarios/pass.yaml']",
        "target='own.yaml'",
    )
    tests = (
        f"@pytest.mark.resilience({args})\ndef test_{place}(resilience):\n    pass\n"
        for place, args in enumerate(asked)
    )
    called = "def test_call(resilience):\n    resilience(['a', 'b'])\n"
    bare = "@pytest.mark.resilience\ndef test_bare(resilience):\n    assert resilience.passed\n"
    project.test("import pytest\n" + "".join(tests) + called + bare)
    result = project.run()
    result.assert_outcomes(errors=4, failed=2)
    result.stdout.fnmatch_lines(
        [
            "resilience: unknown argument 'targt'; did you mean 'target'?",
            "resilience: takes one scenario, and all else by name (target=, set=, *)",
            "resilience: the scenario should be the path of one file, but is *",
            "resilience: names no scenario; write @pytest.mark.resilience(*",
            "resilience: the scenario should be the path of one file, but is *'a', 'b'*",
            "*AttributeError: there is no run yet, and so no 'passed'; write @pytest.mark.resilience(*",
        ]
    )
    assert project.asked == []


@pytest.mark.parametrize("trials", [0, -1, "five", 101, 2.5])
def test_a_number_of_trials_that_is_none_is_refused_in_a_test_too(trials: object) -> None:
    wanted = Wanted(Path("scenario.yaml"), None, (), (), None, True, (), trials, Path("reports"))  # type: ignore[arg-type]  # it is wrong
    with pytest.raises(UsageProblems, match="--trials: should be a whole number from 1 to 100, but is"):
        carried_out(wanted)
