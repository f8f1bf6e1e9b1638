"""The hooks of pytest's plug-in; whatever a run needs is imported when one is asked for, and not before."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.interfaces.pytest_plugin import hooks, scenarios, telling
from harness.interfaces.pytest_plugin.asking import Resilience, made_for, wrongly_asked
from harness.interfaces.pytest_plugin.wanted import Wanted

if TYPE_CHECKING:
    from harness.interfaces.pytest_plugin.made import Made

_MARKER = "resilience"
_OF_INVALID, _OF_INCONCLUSIVE = "resilience_invalid", "resilience_inconclusive"


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("resilience", "runs of the resilience harness")
    group.addoption("--resilience-target", metavar="FILE", help="target file of the tests that name none")
    group.addoption(
        "--resilience-trials", metavar="N", type=_count, help="runs of each scenario that are judged together"
    )
    group.addoption("--resilience-out", metavar="FOLDER", help="where runs are stored; default: reports")
    parser.addini("resilience_scenarios", "scenario files that are tests, as patterns: scenarios/*.yaml", type="args")
    parser.addini("resilience_target", "target file of the tests that name none, unless the option does")
    parser.addini(_OF_INVALID, "what a run comes to that says nothing of the service: skip or fail", default="skip")
    parser.addini(_OF_INCONCLUSIVE, "what a run comes to that has too little evidence: fail or skip", default="fail")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(text)
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    said = 'resilience(scenario, target=…, set={…}): makes a run for the test, which the fixture "resilience" returns'
    config.addinivalue_line("markers", said)
    for name in (_OF_INVALID, _OF_INCONCLUSIVE):
        if config.getini(name) not in ("skip", "fail"):
            raise pytest.UsageError(f"{name}: {config.getini(name)!r} is neither skip nor fail")
    config.stash[scenarios.FILES] = files = scenarios.named(config)
    config.args += scenarios.outside(files, config)


@pytest.fixture
def resilience(request: pytest.FixtureRequest) -> Resilience | Made:
    """What runs scenarios: ``run = resilience("scenarios/x.yaml")``; where the test's marker names one, the run of that."""
    own = Resilience(request.node)
    marker = request.node.get_closest_marker(_MARKER)
    if marker is None or not (marker.args or marker.kwargs):
        return own
    if wrong := wrongly_asked(marker.args, marker.kwargs):
        pytest.fail(wrong, pytrace=False)
    return own(*marker.args, **marker.kwargs)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path in parent.config.stash[scenarios.FILES]:
        return scenarios.ScenarioFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever makes runs has the marker, so that ``-m "not resilience"`` leaves it out; and nothing is marked that makes none."""
    for item in items:
        marker = item.get_closest_marker(_MARKER)
        runs = isinstance(item, scenarios.ScenarioItem) or _MARKER in getattr(item, "fixturenames", ())
        if runs and marker is None:
            item.add_marker(_MARKER)
        elif marker and marker.args and not runs:
            raise pytest.UsageError(
                f"{item.nodeid}: is marked with a scenario and does not take the fixture {_MARKER!r}; add it to its arguments"
            )


@pytest.hookimpl(trylast=True)
def pytest_resilience_run(wanted: Wanted) -> Made:
    from harness.interfaces.pytest_plugin.made import carried_out

    return carried_out(wanted)


# The older kind of wrapper, which pytest 7 knows too: a plug-in must not end the sessions of those who never asked for it.
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, None, None]:
    if call.excinfo is not None and isinstance(call.excinfo.value, AssertionError):
        telling.explained(call.excinfo.value, made_for(item))
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    telling.summarize(terminalreporter, config.invocation_params.dir)
