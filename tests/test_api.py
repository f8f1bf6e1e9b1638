"""The harness from Python: what it takes, what it gives back, and what is left of a run in which something broke."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from shutil import copytree
from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest

import harness
from harness import api, problems
from harness import conduct as conducting
from harness.prepare import Asked, Prepared, prepare
from harness.record import run_folder
from harness.record.history import Ended, Preflight
from harness.record.run_folder import RunFolder
from harness.running import loop
from harness.running.world import real
from harness.running.world.real import ProxyServer
from harness.settings import settings

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = ROOT / "scenarios" / "region-loss.yaml"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What was asked for of each run; none is made."""
    found: list[Asked] = []

    def conduct(prepared: Prepared, *_: object, **__: object) -> None:
        found.append(prepared.asked)

    monkeypatch.setattr(api, "conduct", conduct)
    return found


def test_settings_are_taken_by_key_or_as_on_the_command_line(asked: list[Asked]) -> None:
    harness.run(SCENARIO, overrides={"load.rate_per_s": 40, "about": "so: it is", "phases.warmup": "2s"})
    harness.run(SCENARIO, overrides=["load.rate_per_s=40", "phases.warmup=2s"])
    harness.run(SCENARIO, overrides="load.rate_per_s=40")
    written = [one.overrides for one in asked]
    assert written == [
        ("load.rate_per_s=40", 'about="so: it is"', 'phases.warmup="2s"'),
        ("load.rate_per_s=40", "phases.warmup=2s"),
        ("load.rate_per_s=40",),
    ]


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}])
def test_a_setting_that_no_file_could_hold_is_refused_with_its_key(asked: list[Asked], value: object) -> None:
    with pytest.raises(harness.UsageProblems, match=r"overrides\['load.rate_per_s'\]: .* is no value of a file"):
        harness.run(SCENARIO, overrides={"load.rate_per_s": value})
    assert asked == []


def test_one_text_is_one_expectation(asked: list[Asked]) -> None:
    harness.run(SCENARIO, expect="good_ratio >= 0.9 in fault", allowed_hosts="example.com")
    harness.run(SCENARIO, expect=["good_ratio >= 0.9 in fault"], allowed_hosts=["example.com"])
    assert asked[0] == asked[1]
    assert (asked[0].expectations, asked[0].allowed_hosts) == (("good_ratio >= 0.9 in fault",), ("example.com",))


def test_what_may_be_raised_has_a_name_in_the_package() -> None:
    assert {harness.UsageProblems, harness.HarnessError} == {problems.UsageProblems, problems.HarnessError}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(harness, "nothing")  # noqa: B009 - type checkers know that it is not there


def test_what_the_package_offers_is_one_list_that_an_editor_sees_too() -> None:
    assert dir(harness) == sorted(harness.__all__)
    assert [name for name in harness.__all__ if not hasattr(harness, name)] == []
    assert set(api.__all__) | {"HarnessError", "Problem", "RefusedError", "UsageProblems", "__version__"} == set(
        harness.__all__
    )
    assert (Path(harness.__file__).parent / "py.typed").read_bytes() == b""


@pytest.mark.parametrize("name", sorted(set(harness.__all__) - {"__version__"}))
def test_everything_that_is_offered_says_what_it_is_and_its_types_can_be_told(name: str) -> None:
    offered = getattr(harness, name)
    assert (offered.__doc__ or "").strip()
    if not isinstance(offered, type):
        assert {"return"} < set(get_type_hints(offered, localns=vars(import_module(offered.__module__))))


def test_a_stored_run_is_loaded_as_it_was_judged_and_nothing_is_written(stored: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in stored.rglob("*")}
    run = harness.load(stored)
    assert (run.verdict, len(run.requests)) == ("fail", run.result.quality.sent)
    assert {path: path.stat().st_mtime_ns for path in stored.rglob("*")} == before


def test_a_run_without_a_verdict_cannot_be_loaded_and_can_be_judged(stored: Path) -> None:
    (stored / "result.json").unlink()
    with pytest.raises(harness.UsageProblems, match=r"was never judged, .* harness\.judge judges it"):
        harness.load(stored)
    assert harness.judge(stored).result == harness.load(stored).result
    with pytest.raises(harness.UsageProblems, match="is not a run"):
        harness.load(stored.parent)


def test_a_plan_is_made_with_what_was_asked_for_and_touches_nothing() -> None:
    plan = harness.plan(SCENARIO, seed=7, overrides={"load.rate_per_s": 40}, expect="good_ratio >= 0.5 in fault")
    assert (plan.seed, plan.scenario.load.rate_per_s) == (7, 40)
    assert "good_ratio >= 0.5 in fault" in map(str, plan.expectations)
    assert harness.plan(SCENARIO, with_faults=False).steps == ()
    with pytest.raises(harness.UsageProblems, match="no such file"):
        harness.plan("nowhere.yaml")


def test_what_is_wrong_with_a_file_is_given_back_and_not_raised(tmp_path: Path) -> None:
    assert harness.validate(SCENARIO) == harness.Validated(())
    (tmp_path / "mine.yaml").write_text("schema: harness.target/1\nname: mine\n")
    found = harness.validate(str(tmp_path / "mine.yaml"))
    assert not found.ok
    assert {(problem.path, problem.line) for problem in found.problems} >= {("entries", 1), ("ask", 1)}
    assert not harness.validate(SCENARIO, target=tmp_path / "mine.yaml").ok


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return Path(copytree(ROOT / "reports" / "sample", tmp_path / "stored"))


def test_a_run_is_told_in_one_short_line_and_has_its_three_tables(stored: Path) -> None:
    run = harness.judge(stored)
    assert repr(run) == f"<Run {stored}: region-loss on fragile, fail>"
    assert (len(run.requests), len(run.attempts), len(run.arrivals)) == (
        run.result.quality.sent,
        run.result.quality.attempts,
        run.result.quality.arrivals,
    )


def test_who_judges_an_edited_run_from_python_is_warned_and_who_judges_another_is_not(stored: Path) -> None:
    with warnings.catch_warnings(record=True) as said:
        harness.judge(stored)
    assert said == []
    with (stored / "scenario.yaml").open("a") as file:
        file.write("# edited\n")
    with pytest.warns(UserWarning, match=r"scenario\.yaml: was edited since the run"):
        harness.judge(stored)


def test_a_file_that_cannot_be_written_is_told_without_a_traceback(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _content: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(run_folder, "write", full)
    with pytest.raises(harness.HarnessError, match=r"the run's files cannot be written: .*No space left on device"):
        harness.judge(stored)


def broken_page(*_: object) -> str:
    raise RuntimeError("no page today")


def test_a_report_that_cannot_be_made_leaves_all_that_was_there(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stored / "result.json").write_text("old")
    monkeypatch.setattr("harness.report.page.page", broken_page)
    with pytest.raises(RuntimeError, match="no page today"):
        harness.judge(stored)
    assert (stored / "result.json").read_text() == "old"


@dataclass
class World:
    """A real world of which nothing is real; *breaks_at* is where it does."""

    breaks_at: str = ""
    error: BaseException = field(default_factory=lambda: ZeroDivisionError("division by\n zero"))
    put_back: bool = False

    def reach(self, point: str) -> None:
        if point == self.breaks_at:
            raise self.error

    @contextmanager
    def real_world(self, *_: object) -> Iterator[Any]:
        try:
            self.reach("starting")
            yield SimpleNamespace(
                world=None,
                preflight=self.preflight,
                set_off=self.set_off,
                requests=1000,
                finish=lambda: self.reach("finishing"),
            )
        finally:
            self.put_back = True
        self.reach("ending")

    def preflight(self) -> list[Preflight]:
        self.reach("asking")
        return []

    def set_off(self) -> float:
        self.reach("setting off")
        return time.monotonic()

    @contextmanager
    def panel(self, *_: object) -> Iterator[Any]:
        self.reach("showing")
        yield SimpleNamespace(show=None)

    def loop(self, _plan: object, _world: object, record: Any, _shown: object, unforeseen: Any) -> None:
        detail = ""
        try:
            self.reach("running")
        except Exception as error:  # noqa: BLE001 - as the loop itself does
            detail = unforeseen(error)
        record.write(Ended(3.0, "crashed" if detail else "completed", detail))


@pytest.fixture
def conduct(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[World], api.Run]:
    """Carries out a scenario, in a world of the test's own, through all that a run is but the run itself."""

    def run(world: World, stop: threading.Event | None = None) -> api.Run:
        monkeypatch.setattr(real, "find_proxy", lambda *_: ProxyServer("http://127.0.0.1:1", None, "2.12.0"))
        monkeypatch.setattr(real, "real_world", world.real_world)
        monkeypatch.setattr(loop, "run", world.loop)
        monkeypatch.setattr("harness.conduct._import_what_judging_needs", lambda: None)
        prepared = prepare(SCENARIO, None, Asked(), None)
        panel: Any = world.panel
        return conducting.conduct(prepared, settings(), tmp_path / "reports", panel=panel, stop=stop)

    return run


def ended(run: api.Run) -> list[tuple[str, str]]:
    _, history = run_folder.read_history(RunFolder(run.path))
    return [(event.reason, event.detail) for event in history if isinstance(event, Ended)]


def test_a_run_in_which_nothing_breaks_has_one_end_and_no_log_of_ours(conduct: Callable[[World], api.Run]) -> None:
    world = World()
    run = conduct(world)
    assert (ended(run), world.put_back) == ([("completed", "")], True)
    assert not (run.path / "logs" / "harness.log").exists()


@pytest.mark.parametrize("point", ["starting", "asking", "setting off", "running", "finishing", "ending"])
def test_whatever_breaks_a_run_is_put_back_logged_and_judged(conduct: Callable[[World], api.Run], point: str) -> None:
    world = World(point)
    run = conduct(world)
    log = run.path / "logs" / "harness.log"
    told = f"ZeroDivisionError: division by zero; its traceback is in {log}"
    assert world.put_back
    assert ended(run)[-1] == ("crashed", told)
    assert (run.verdict, run.result.exit_status, run.result.reason) == ("crashed", 70, f"{told}.")
    assert "in reach\n    raise self.error" in log.read_text()
    assert harness.judge(run.path).result == run.result


@pytest.mark.parametrize("error", [ZeroDivisionError("by nothing"), SystemExit(1), BrokenPipeError()])
def test_a_panel_that_cannot_be_shown_is_done_without(
    conduct: Callable[[World], api.Run], error: BaseException
) -> None:
    world = World("showing", error)
    run = conduct(world)
    assert (ended(run), world.put_back, run.stopped) == ([("completed", "")], True, False)


def test_a_program_that_watches_a_run_can_stop_it(conduct: Callable[..., api.Run]) -> None:
    stop = threading.Event()
    stop.set()
    world = World("starting")  # which it does not come to
    run = conduct(world, stop)
    assert (ended(run), run.verdict, run.stopped, world.put_back) == ([("interrupted", "")], "interrupted", True, False)
    assert not conduct(World(), threading.Event()).stopped


def test_an_interruption_while_the_run_is_judged_is_remembered(
    conduct: Callable[[World], api.Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = conducting.judged

    def interrupted(*given: Any) -> api.Run:
        os.kill(os.getpid(), signal.SIGINT)
        return judged(*given)

    monkeypatch.setattr(conducting, "judged", interrupted)
    run = conduct(World())
    assert (ended(run), run.stopped) == ([("completed", "")], True)
    assert (run.path / "report.html").exists()


def test_an_interruption_while_the_files_of_a_run_are_stored_leaves_a_run_with_an_end(
    conduct: Callable[[World], api.Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = run_folder.write

    def interrupted(*given: Any) -> None:
        monkeypatch.setattr(run_folder, "write", write)
        os.kill(os.getpid(), signal.SIGINT)
        write(*given)

    monkeypatch.setattr(run_folder, "write", interrupted)
    world = World("starting")  # which it does not come to
    run = conduct(world)
    assert (ended(run), run.verdict, run.stopped) == ([("interrupted", "")], "interrupted", True)
    assert not world.put_back
    assert harness.judge(run.path).result == run.result


@pytest.mark.parametrize(
    ("error", "verdict", "said"),
    [
        (harness.HarnessError("the wire is gone"), "crashed", "The wire is gone."),
        (KeyboardInterrupt(), "interrupted", "The run was interrupted at 0.0 s."),
    ],
)
def test_what_was_foreseen_is_told_as_it_is_and_needs_no_traceback(
    conduct: Callable[[World], api.Run], error: BaseException, verdict: str, said: str
) -> None:
    run = conduct(World("setting off", error))
    assert (run.verdict, run.result.reason) == (verdict, said)
    assert not (run.path / "logs" / "harness.log").exists()


def test_a_history_that_cannot_be_written_is_told_with_what_there_is(
    conduct: Callable[[World], api.Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_folder.HistoryFile, "write", full)
    with pytest.raises(harness.HarnessError, match=r"the run's files cannot be written: .*No space left") as raised:
        conduct(World())
    (folder,) = (tmp_path / "reports").glob("*/*")
    assert str(raised.value).endswith(str(folder))


def test_a_run_that_cannot_be_judged_is_told_in_one_line_and_can_be_judged_later(
    conduct: Callable[[World], api.Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("harness.report.page.page", broken_page)
        with pytest.raises(harness.HarnessError) as raised:
            conduct(World())
    (folder,) = (tmp_path / "reports").glob("*/*")
    log = folder / "logs" / "harness.log"
    assert str(raised.value) == f"the run cannot be judged: RuntimeError: no page today; its traceback is in {log}"
    assert "in broken_page" in log.read_text()
    assert harness.judge(folder).result.run_id == folder.name


def test_rows_of_a_fresh_run_that_cannot_be_read_are_no_fault_of_who_asked_for_it(
    conduct: Callable[[World], api.Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object) -> None:
        raise harness.UsageProblems(problems.Problem("holds a row that cannot be read", "requests-0.rows"))

    monkeypatch.setattr(run_folder, "read_tables", unread)
    with pytest.raises(harness.HarnessError, match=r"^the run cannot be judged: requests-0\.rows: holds a row"):
        conduct(World())
