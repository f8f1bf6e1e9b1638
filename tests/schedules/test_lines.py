"""What other systems are told comes at least when the schedule does, names the file whatever it is called, and is what they understand."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from simulated_world.schedules import NOON, daily

from harness.problems import UsageProblems
from harness.schedules.cron import moments
from harness.schedules.fields import calendar_events, fields
from harness.schedules.lines import Call, printed
from harness.schedules.scheduled import Passed

ODD = '/a b/it\'s 100% \\% \\ "$HOME" $(x) `y`.yaml'
CALL = Call("/opt/my tools/harness", Path("/a b"))
CRONS = [
    "0 14 * * FRI", "*/15 9-17 * * MON-FRI", "0 14 13 * 5", "0 14 */2 * FRI", "5/20 0 1,15 JAN,jul *", "0 0 * * 5-7", "0 0 * * 5/1",
    "30 6 * * 0", "0 14 * * FRI#1", "0 14 * * 5L", "0 14 L * *", "0 14 LW * *", "0 14 1 * FRI#2,MON", "0 14 * 3 */2",
    "0 12 28-31 2 *", "0 9 L * MON",
]  # fmt: skip


def lines(
    system: str, cron: str = "0 14 * * FRI", zone: str = "Europe/Berlin", *, call: Call = CALL, file: str = ODD
) -> list[str]:
    one = replace(daily(cron=cron, zone=zone), file=Path(file), title="a day: 100% of it")
    return printed(one, system, call, NOON)


def said(system: str, key: str, **asked: str) -> list[str]:
    return [line.partition(key)[2] for line in lines(system, **asked) if line.startswith(key)]


# --- when


@pytest.mark.parametrize("cron", CRONS)
def test_what_every_cron_understands_comes_at_least_when_the_schedule_does(cron: str) -> None:
    read = fields(cron)
    ours, theirs = (list(islice(moments(one, ZoneInfo("UTC"), NOON), 60)) for one in (cron, read.line))
    assert re.fullmatch(r"[-0-9*/, ]+", read.line)
    assert not re.search(r"(^|[, ])\d+/", read.line)
    if read.wider:
        until = theirs[-1]
        assert {at for at in ours if at <= until} <= set(theirs)
    else:
        assert ours == theirs


def test_what_a_system_cannot_say_is_said_to_be_wider() -> None:
    wider = [cron for cron in CRONS if fields(cron).wider]
    assert wider == ["0 14 * * FRI#1", "0 14 * * 5L", "0 14 L * *", "0 14 LW * *", "0 14 1 * FRI#2,MON", "0 9 L * MON"]
    assert any("comes more often" in line for line in lines("cron", "0 14 * * FRI#1"))
    assert not any("comes more often" in line for line in lines("cron", "0 14 * * FRI"))
    # Kubernetes takes either day where cron takes both.
    assert [
        any("comes more often" in line for line in lines(one, "0 14 */2 * FRI")) for one in ("cron", "kubernetes")
    ] == [False, True]


def _elapses(event: str, count: int) -> Iterator[datetime]:
    command = ["systemd-analyze", "calendar", f"--iterations={count}", f"--base-time=@{int(NOON.timestamp())}", event]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 0, (event, done.stderr)
    for at in re.findall(r"(?:Next elapse|Iter[^:]*): \w+ (\S+ \S+) UTC", done.stdout):
        yield datetime.fromisoformat(at).replace(tzinfo=UTC)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("cron", CRONS)
def test_systemd_comes_at_least_when_the_schedule_does_and_where_it_can_say_that_no_more_often(cron: str) -> None:
    events = calendar_events(cron, "Europe/Berlin")
    theirs = sorted({at for event, _ in events for at in _elapses(event, 12)})[:12]
    ours = list(islice(moments(cron, ZoneInfo("Europe/Berlin"), NOON), 12))
    if any(wider for _, wider in events):
        assert {at for at in ours if at <= theirs[-1]} <= set(theirs)
    else:
        assert ours == theirs


def test_two_kinds_of_days_are_two_events_for_systemd_of_which_either_suffices() -> None:
    assert said("systemd", "OnCalendar=", cron="0 14 13 * FRI") == [
        "*-*-13 14:0:00 Europe/Berlin",
        "Fri *-*-* 14:0:00 Europe/Berlin",
    ]


@pytest.mark.parametrize("system", ["cron", "systemd", "github", "kubernetes"])
def test_the_day_on_which_the_clock_is_changed_over_a_time_is_told(system: str) -> None:
    notes = [line for line in lines(system, "30 2 * * *", file="/a/b.yaml") if line.startswith("# 2026-10-25")]
    assert notes[0].startswith("# 2026-10-25 02:30 comes twice in Europe/Berlin, and it is due the first time; when ")
    assert not any(
        "comes twice" in line or "does not exist" in line
        for line in lines(system, "30 2 * * *", "UTC", file="/a/b.yaml")
    )


def test_github_is_told_the_zone_and_what_it_is_in_utc() -> None:
    told = "\n".join(lines("github", file="/a b/friday.yaml"))
    workflow = yaml.safe_load(told)
    assert workflow[True]["schedule"] == [{"cron": "0 14 * * 5", "timezone": "Europe/Berlin"}]
    assert "Europe/Berlin is UTC+02:00, and UTC+01:00 from 2026-10-25 on" in told
    assert workflow["jobs"]["due"]["steps"][-2]["run"] == "harness schedule --once friday.yaml"


def test_what_comes_more_often_than_github_begins_anything_is_refused() -> None:
    with pytest.raises(UsageProblems, match="comes more often than every 5 minutes"):
        lines("github", "*/4 * * * *", file="/a/b.yaml")
    lines("github", "*/5 * * * *", file="/a/b.yaml")


def test_kubernetes_is_told_the_zone_how_late_it_may_be_and_not_to_try_again() -> None:
    made = yaml.safe_load("\n".join(lines("kubernetes")))
    assert (made["apiVersion"], made["kind"], made["metadata"]["name"]) == ("batch/v1", "CronJob", "harness-day")
    spec = made["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["startingDeadlineSeconds"]) == ("0 14 * * 5", "Europe/Berlin", 900)
    assert (spec["concurrencyPolicy"], spec["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 0)


def test_a_name_that_is_too_long_for_kubernetes_is_one_that_is_not() -> None:
    names = [printed(daily("x" * 59 + end), "kubernetes", CALL, NOON) for end in "ab"]
    (one,), (other,) = ([line.split()[1] for line in made if line.startswith("  name: ")] for made in names)
    assert one != other
    assert len(one) <= 52


# --- what


def test_cron_calls_the_file_whatever_it_is_called() -> None:
    (line,) = (line for line in lines("cron", call=replace(CALL, state="/s %")) if line.startswith("0 14"))
    command = _as_cron_reads(line.split(" ", 5)[5])
    assert shlex.split(command) == [
        "cd",
        "/a b",
        "&&",
        "HARNESS_STATE=/s %",
        "/opt/my tools/harness",
        "schedule",
        "--once",
        ODD,
    ]
    shown = subprocess.run(["sh", "-c", command.replace("cd '/a b'", "true").replace("'/opt/my tools/harness'", "printf '%s\\n'")],
                           capture_output=True, text=True)  # fmt: skip
    assert shown.stdout.splitlines()[-1] == ODD


def _as_cron_reads(command: str) -> str:
    """What cron(8) gives to the shell: up to a bare ``%``, and a backslash goes where it stands before one or before another."""
    read = re.sub(r"\\([%\\])|(%.*)", lambda found: found[1] or "", command)
    assert "%" not in re.sub(r"\\[%\\]", "", command)
    return read


def test_a_command_that_cron_would_cut_off_is_refused() -> None:
    with pytest.raises(UsageProblems, match="cron cuts off what is longer than 999"):
        lines("cron", file=f"/{'x' * 1000}.yaml")


def test_systemd_calls_the_file_whatever_it_is_called() -> None:
    (command,) = said("systemd", "ExecStart=")
    assert [_as_systemd_reads(word) for word in re.findall(r'"((?:[^"\\]|\\.)*)"', command)] == [
        *CALL.words(daily())[:3],
        ODD,
    ]
    assert said("systemd", "WorkingDirectory=") == ["/a b"]
    assert said("systemd", "Description=")[0] == "a day: 100%% of it"


def _as_systemd_reads(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word).replace("%%", "%").replace("$$", "$")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    call = Call(shutil.which("true") or "/bin/true", tmp_path, "/s 100%")
    service, timer = "\n".join(lines("systemd", "0 14 LW * FRI#1", call=call)).split(
        "# ~/.config/systemd/user/harness-day.timer\n"
    )
    (tmp_path / "harness-day.service").write_text(service)
    (tmp_path / "harness-day.timer").write_text(timer)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / "harness-day.timer", tmp_path / "harness-day.service"],
                          capture_output=True, text=True)  # fmt: skip
    assert "harness-day" not in done.stderr, done.stderr


def test_kubernetes_calls_the_file_whatever_it_is_called() -> None:
    made = yaml.safe_load("\n".join(lines("kubernetes", call=replace(CALL, state="/s/$(x)"))))
    (container,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["schedule", "--once", ODD.replace("$(", "$$(")]
    assert container["env"] == [{"name": "HARNESS_STATE", "value": "/s/$$(x)"}]


def test_github_calls_the_file_whatever_it_is_called_and_takes_nothing_of_it_for_an_expression() -> None:
    workflow = yaml.safe_load("\n".join(lines("github")))
    run = workflow["jobs"]["due"]["steps"][-2]["run"]
    assert shlex.split(run) == ["harness", "schedule", "--once", ODD.removeprefix("/a b/")]
    with pytest.raises(UsageProblems, match="which GitHub takes for an expression"):
        lines("github", file="/a b/${{ secrets.KEY }}.yaml")


@pytest.mark.parametrize(
    ("system", "where"),
    [
        ("cron", "mail that cron sends"),
        ("systemd", "journalctl --user -u harness-day"),
        ("github", "nobody can reach"),
        ("kubernetes", "kubectl port-forward"),
    ],
)
def test_of_a_day_that_waits_for_people_it_is_said_where_they_come_to_it(system: str, where: str) -> None:
    waits = replace(daily(), waits=("Ada has to agree",))
    assert [where in line for line in printed(waits, system, CALL, NOON) if "It waits for people" in line] == [True]
    assert not any("It waits for people" in line for line in printed(daily(), system, CALL, NOON))


@pytest.mark.parametrize("system", ["github", "kubernetes"])
def test_where_nobody_can_have_agreed_to_commands_it_is_said_how_to(system: str) -> None:
    runs, agreed = replace(daily(), commands=True), replace(CALL, passed=Passed(yes=True))
    assert any("print this with --yes" in line for line in printed(runs, system, CALL, NOON))
    assert not any(
        "--yes." in line for line in (*printed(runs, system, agreed, NOON), *printed(daily(), system, CALL, NOON))
    )


def test_what_came_of_a_day_outlives_the_runner_that_github_throws_away() -> None:
    workflow = yaml.safe_load("\n".join(lines("github", call=replace(CALL, passed=Passed(out=Path("days"))))))
    kept = workflow["jobs"]["due"]["steps"][-1]
    assert (kept["if"], kept["with"]["path"]) == ("always()", "days")


@pytest.mark.parametrize("system", ["cron", "systemd", "github", "kubernetes"])
def test_a_line_break_in_a_name_is_refused(system: str) -> None:
    with pytest.raises(UsageProblems, match="holds a letter that cannot be shown"):
        lines(system, file="/a/b\nc.yaml")


def test_the_folder_from_which_a_repository_is_checked_out_is_that_with_git(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    file = tmp_path / "days" / "friday.yaml"
    assert json.dumps("harness schedule --once days/friday.yaml") in "\n".join(lines("github", file=str(file)))
