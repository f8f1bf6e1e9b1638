"""Whatever goes wrong while a run is started or goes on: one message that says what, a report, and nothing left behind.

That the small service passes when it is in no trouble is held in `test_first_question.py`.
"""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pandas as pd
import pytest
from real_runs import came_to

from harness.judging.result import EXIT_STATUS, PRECEDENCE
from harness.record import run_folder
from harness.record.history import Ended, Injected, Reverted
from harness.record.run_folder import RunFolder

pytestmark = pytest.mark.whole_run
SECRET = "sk-very-secret-4711"


def changed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """*document* with other values, named by their keys from the outside in: ``a__b`` is the b of a."""
    for place, value in changes.items():
        *outer, last = place.split("__")
        copy = document = dict(document)
        for key in outer:
            copy[key] = copy = dict(copy[key])
        copy[last] = value
    return document


def case(conduct: Callable[[Any], Any]) -> Any:
    """The test's own command."""
    return pytest.mark.parametrize("ended", [conduct], indirect=True, ids=[conduct.__name__])


def killed(named: str, number: signal.Signals = signal.SIGKILL, **env: str) -> Callable[[Any], Any]:
    """A run in which, as soon as the fault is in force, the process in whose command line *named* stands gets a signal."""

    def conduct(small: Any) -> Any:
        small.last("8s")
        process = small.begin(**env)
        history = small.run_folder() / "history.jsonl"
        small.until(lambda: b'"injected"' in history.read_bytes(), "the fault is in force")
        (victim,) = small.processes(named)
        victim.send_signal(number)
        return small.end(process)

    return conduct


def said(ended: Any) -> str:
    """All that stands on the terminal, with each run of white space as one blank."""
    return " ".join((ended.out + ended.err).split())


def assert_crashed(ended: Any, *told: str) -> None:
    """It ended with 70, and what is *told* stands on the terminal, in the result and in the report."""
    assert ended.status == 70, ended.out + ended.err
    assert "Traceback" not in said(ended)
    assert ended.result["verdict"] == "crashed"
    report = (ended.folder / "report.html").read_text().replace("&#39;", "'")
    for text in told:
        for place in (ended.result["reason"], ended.out, report):
            # A reason is a sentence, so its first letter may have become a capital.
            assert text.lower() in " ".join(place.split()).lower()


def missing_command(small: Any) -> Any:
    small.write("target", changed(small.target, start__command=["no-such-command", "{port}"]))
    return small.run()


@case(missing_command)
def test_a_command_that_does_not_exist_is_named(ended: Any) -> None:
    assert ended.status == 2, said(ended)
    assert "start.command[0]: 'no-such-command' is no command on this machine's PATH" in said(ended)
    assert not ended.folder.exists() or not list(ended.folder.glob("*/*"))


def never_ready(small: Any) -> Any:
    words = ["sh", "-c", "echo the last thing it said; exec sleep 60", "{port}"]
    changes = {"start__command": words, "start__ready": {"get": "/healthz", "within": "3s"}}
    small.write("target", changed(small.target, **changes))
    return small.run()


@case(never_ready)
def test_what_was_tried_is_told_of_a_service_that_never_becomes_ready(ended: Any) -> None:
    assert_crashed(ended, "process 'target' was not ready within 3 s", "tried GET http://127.0.0.1:", "/healthz")
    assert_crashed(ended, "its log ends: the last thing it said")


def dies(small: Any) -> Any:
    return killed("small_service.py", signal.SIGTERM, TROUBLE="dies")(small)


@case(dies)
def test_a_service_that_dies_in_the_fault_has_failed_and_is_told_with_the_end_of_its_log_and_its_fault_is_gone(
    ended: Any,
) -> None:
    assert ended.came_to("fail"), said(ended)
    if ended.result["verdict"] != "fail":
        pytest.skip(f"the machine was too busy to say anything of the service: {ended.result['reason']}")
    told = "in fault under latency 200 ms on kind provider, process 'target' ended with status 3; its log ends:"
    for place in (ended.result["reason"], ended.result["service_ended"], said(ended)):
        assert told in " ".join(place.split())
        assert "the reason why it died" in " ".join(place.split())
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert any(isinstance(event, Injected) for event in history)
    assert [event.error for event in history if isinstance(event, Reverted)] == [""]


@case(killed("harness.running.wire"))
def test_it_is_the_process_that_died_that_is_told_and_not_who_missed_it(ended: Any) -> None:
    assert_crashed(ended, "process 'wire' was ended by SIGKILL")


@case(killed("harness.running.keeper"))
def test_without_its_keeper_a_run_ends(ended: Any) -> None:
    assert_crashed(ended, "the keeper (pid ", "was ended by SIGKILL, and its children with it")


@case(killed("toxiproxy-server"))
def test_a_toxiproxy_of_ours_that_died_ends_the_run_and_its_faults_went_with_it(ended: Any) -> None:
    assert_crashed(ended, "process 'toxiproxy' was ended by SIGKILL")
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert [event.error for event in history if isinstance(event, Reverted)] == [""]


@case(killed("toxiproxy-server", signal.SIGSTOP))
def test_a_toxiproxy_of_ours_that_hangs_is_killed_and_the_run_is_invalid(ended: Any) -> None:
    assert ended.status == 4, said(ended)
    assert ended.result["verdict"] == "invalid"
    assert "Toxiproxy no longer answered" in ended.result["reason"]
    assert "its process was killed" in ended.result["reason"]
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert [event.error for event in history if isinstance(event, Reverted)] == [""]


def reset(small: Any) -> Any:
    """Somebody resets the server in mid-fault, as anybody can who shares it."""
    small.last("4s")
    process = small.begin()
    history = small.run_folder() / "history.jsonl"
    small.until(lambda: b'"look"' in history.read_bytes(), "somebody looked at the fault")
    (server,) = small.processes("toxiproxy-server")
    port = server.cmdline()[server.cmdline().index("-port") + 1]
    urlopen(f"http://127.0.0.1:{port}/reset", data=b"").close()
    return small.end(process)


@case(reset)
def test_a_fault_that_somebody_takes_away_in_mid_run_makes_it_invalid(ended: Any) -> None:
    assert ended.status == 4, said(ended)
    (fault,) = ended.result["faults"]
    assert fault["confirmed"]
    assert fault["injected_at_s"] < fault["lost_at_s"] <= fault["reverted_at_s"]
    assert "toxic is not there any more: somebody reset or changed its proxy" in ended.result["reason"]
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert [event.error for event in history if isinstance(event, Reverted)] == [""]


def stopped(small: Any) -> Any:
    """As with Ctrl-Z, until the keeper has taken the fault back."""
    process = small.begin()
    folder = small.run_folder()
    small.until(lambda: b'"look"' in (folder / "history.jsonl").read_bytes(), "somebody looked at the fault")
    process.send_signal(signal.SIGSTOP)
    small.until(lambda: b'{"done": "latency-1"}' in (folder / "undo.jsonl").read_bytes(), "the fault is taken back")
    process.send_signal(signal.SIGCONT)
    return small.end(process)


@case(stopped)
def test_a_harness_that_was_stopped_in_mid_fault_says_so_and_nothing_of_the_service(ended: Any) -> None:
    assert ended.status == 4, said(ended)
    assert "nothing was heard of the harness for " in ended.result["reason"].lower()
    assert "latency 200 ms on kind provider was ended" in ended.result["reason"]
    assert "s late, at" in ended.result["reason"]
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert [event.error for event in history if isinstance(event, Reverted)] == [""]


def taken(small: Any) -> Any:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        small.write("target", changed(small.target, links__openai__listen=port))
        return small.run(), port


@case(taken)
def test_a_port_of_a_link_that_somebody_has_is_named(ended: Any) -> None:
    run, port = ended
    assert_crashed(run, f"link openai: port {port} of 127.0.0.1 cannot be listened on: Address already in use")


def interrupted_early(small: Any) -> Any:
    process = small.begin(TROUBLE="never ready")
    small.until(lambda: small.processes("small_service.py"), "the service is started")
    process.send_signal(signal.SIGINT)
    return small.end(process)


@case(interrupted_early)
def test_ctrl_c_before_the_load_begins_ends_all_and_leaves_a_history_and_a_report(ended: Any) -> None:
    assert ended.status == 130, said(ended)
    assert "Traceback" not in said(ended)
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert history == (Ended(0.0, "interrupted"),)
    assert "interrupted" in (ended.folder / "report.html").read_text()
    assert ended.result["verdict"] == "interrupted"


def hostile(small: Any) -> Any:
    target = changed(
        small.target,
        name="secretive",
        ask__headers={"authorization": "Bearer ${MY_KEY}"},
        start__env={"TOKEN": "${MY_KEY}", "TROUBLE": "hostile"},
    )
    small.write("target", target)
    return small.run(MY_KEY=SECRET)


@case(hostile)
def test_what_a_service_answers_does_the_report_no_harm(ended: Any) -> None:
    assert ended.came_to("pass"), said(ended)
    report = (ended.folder / "report.html").read_text()
    assert len(report) < 1_000_000
    assert [raw for raw in ("<script>alert", "<img src=x", "\x00", "\x07", "\x1b", "\u202e") if raw in report] == []
    assert "<script>alert" not in (ended.folder / "summary.md").read_text()


@case(hostile)
def test_a_secret_stands_in_no_file_of_the_run(ended: Any) -> None:
    files = [path for path in ended.folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    tables = {path.stem: pd.read_parquet(path).to_csv() for path in ended.folder.glob("*.parquet")}
    assert [name for name, text in tables.items() if SECRET in text] == []
    assert SECRET not in ended.out + ended.err
    # It was told in all these places, and stands there by its name.
    assert "my token is ${MY_KEY}" in (ended.folder / "logs" / "target.log").read_text()
    assert "${MY_KEY}" in tables["requests"]
    assert "Bearer ${MY_KEY}" in tables["requests"]


@case(hostile)
def test_the_files_of_a_run_are_for_its_owner_alone(ended: Any) -> None:
    modes = {path: path.stat().st_mode & 0o777 for path in [ended.folder, *ended.folder.rglob("*")]}
    assert {path: oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


@case(hostile)
def test_what_was_run_is_stored_with_the_name_of_a_secret(ended: Any) -> None:
    assert "Bearer ${MY_KEY}" in (ended.folder / "target.yaml").read_text()


def two_scenarios(small: Any) -> Any:
    small.write("harder", changed(small.scenario, name="harder", expect=["latency_ms.p50 <= 1 in baseline"]))
    return small.run("--without-faults", scenarios=("scenario", "harder"))


@case(two_scenarios)
def test_two_scenarios_come_to_two_verdicts_a_table_and_the_worse_status(ended: Any) -> None:
    # Both were made again where the machine was too busy: the last of each is what the command ended with.
    paths = sorted(ended.folder.parents[1].glob("*/*/result.json"), key=lambda path: path.stat().st_mtime)
    results = [json.loads(path.read_text()) for path in paths]
    verdicts = {result["scenario"]["name"]: result["verdict"] for result in results}
    for result in results:
        wanted = {"small": "pass", "harder": "fail"}[result["scenario"]["name"]]
        assert came_to(wanted, result), said(ended)
    assert ended.status == EXIT_STATUS[min(verdicts.values(), key=PRECEDENCE.index)]
    table = ended.out[ended.out.rindex("scenario ") :].splitlines()
    assert [line.split()[:3] for line in table[1:3]] == [
        [name, "small", verdicts[name]] for name in ("small", "harder")
    ]


def nobody_reads(small: Any) -> Any:
    """As behind ``| head -1``."""
    process = small.begin()
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    return small.end(process)


@case(nobody_reads)
def test_a_run_whose_output_nobody_reads_any_more_goes_on_to_its_verdict(ended: Any) -> None:
    assert ended.came_to("pass"), ended.err
    assert ended.err == ""
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert history[-1].reason == "completed"
    assert (ended.folder / "report.html").exists()


INTERRUPTED_WHILE_JUDGED = """
import os, signal
from harness import conduct
judged = conduct.judged
def judged_and_interrupted(*given):
    os.kill(os.getpid(), signal.SIGINT)
    return judged(*given)
conduct.judged = judged_and_interrupted
"""


def interrupted_while_judged(small: Any) -> Any:
    small.write("next", changed(small.scenario, name="next"))
    return small.end(small.begin("--without-faults", scenarios=("scenario", "next"), before=INTERRUPTED_WHILE_JUDGED))


@case(interrupted_while_judged)
def test_ctrl_c_while_a_run_is_judged_leaves_its_files_whole_and_begins_no_other(ended: Any) -> None:
    assert ended.status == 130, said(ended)
    assert "stopping when what goes on is done" in said(ended)
    assert "Traceback" not in said(ended)
    assert [path.name for path in ended.folder.parents[1].iterdir() if path.is_dir()] == ["small"]
    assert came_to("pass", ended.result)
    for name in ("report.html", "junit.xml", "summary.md"):
        assert (ended.folder / name).exists()
