"""The wire as a process of its own."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from harness.record.instrument import PERIOD_S, read
from harness.running.wire import ATTEMPTS, WireError, WireStage, command


def _answered(client, times: int, kit) -> None:
    for count in range(1, times + 1):
        client.say(kit.post())
        client.hear(kit.WHOLE, times=count)


@pytest.mark.parametrize("told", ["finish", signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_told_and_writes_down_what_is_open(wire_process, provider, clients, kit, told) -> None:
    async def only_the_first(request, line) -> None:
        if request.nth == 1:
            line.write(kit.answer())

    provider.script = only_the_first
    wire, process = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    client = clients(wire.tap())
    _answered(client, 1, kit)
    client.say(kit.post())
    kit.eventually(lambda: wire.stage.counts()["east"].forwarded == 2)
    if told == "finish":
        wire.stage.finish()
    else:
        process.send_signal(told)

    assert process.wait(10) == 0
    assert [(row.nonce, row.outcome) for row in wire.attempts()] == [(kit.NONCE, "complete"), (kit.NONCE, "unfinished")]
    assert [(row.outcome, row.forwarded_s is not None, row.end_s is None) for row in wire.arrivals()] == [
        ("complete", True, False),
        ("unfinished", True, True),
    ]


def test_what_is_owed_to_clients_who_left_does_not_hold_up_the_end(wire_process, provider, clients, kit) -> None:
    async def silent(request, line) -> None:
        pass

    provider.script = silent
    wire, process = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    wire.stage.owe("east", 60)
    client = clients(wire.tap())
    client.say(kit.post())
    kit.eventually(lambda: provider.accepted)
    client.leave()
    kit.eventually(lambda: wire.attempts())
    wire.stage.finish()
    assert process.wait(10) == 0
    assert [row.outcome for row in wire.arrivals()] == ["unfinished"]


def test_it_tells_about_once_a_second_how_late_it_runs(wire_process, provider, kit) -> None:
    wire, _ = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    told = wire.rows / "instrument"
    kit.eventually(lambda: len(read(told, 0.0)) >= 2)
    for sample in read(told, 0.0):
        assert sample.process == "wire"
        assert sum(sample.counts) == pytest.approx(sample.span_s / PERIOD_S, abs=2)


def test_a_kill_loses_no_row_that_had_ended(wire_process, provider, clients, kit) -> None:
    wire, process = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    client = clients(wire.tap())
    _answered(client, 20, kit)
    process.kill()
    process.wait()

    assert [row.outcome for row in wire.attempts()] == ["complete"] * 20
    # The client may have its answer a moment before the edge writes the row of the last one.
    assert [row.outcome for row in wire.arrivals()][:19] == ["complete"] * 19


def test_it_listens_on_this_machine_only(wire_process, provider) -> None:
    wire, process = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    connections = psutil.Process(process.pid).net_connections("inet")
    listening = {connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", port) for port in (wire.ports.control, wire.tap(), wire.probe(), wire.edge())}


@pytest.mark.parametrize(
    ("content", "what"),
    [('{"links":[],"rows":"."}', "seed"), ("{", "truncated"), (None, "No such file")],
)
def test_a_config_that_cannot_be_used_is_said(tmp_path: Path, content: str | None, what: str) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    done = subprocess.run(command(path), capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert what in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_for_rows_that_is_not_there_is_said(wire_process, tmp_path: Path, kit) -> None:
    path = tmp_path / "config.json"
    path.write_text(f'{{"links":[],"rows":"{tmp_path}/none","seed":1,"ready":"{tmp_path}/r"}}')
    done = subprocess.run(command(path), capture_output=True, text=True, timeout=20)
    assert (done.returncode, "Traceback" in done.stderr) == (70, False)
    assert "none" in done.stderr


def test_a_full_disk_breaks_no_connection_and_is_said(wire_process, tmp_path: Path, provider, clients, kit) -> None:
    (tmp_path / ATTEMPTS).symlink_to("/dev/full")
    wire, _ = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    assert wire.stage.counts()["east"].attempts == 0
    _answered(clients(wire.tap()), 2, kit)
    with pytest.raises(WireError, match=r"507: rows of attempts and arrivals cannot be written: .*No space left"):
        wire.stage.counts()


def test_a_wire_that_is_gone_is_an_error_that_says_so(wire_process, provider) -> None:
    wire, process = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    process.kill()
    process.wait()
    with pytest.raises(WireError, match=r"GET .*/counts: ConnectionRefusedError"):
        wire.stage.counts()


def test_a_wire_that_hangs_is_an_error_within_its_time(wire_process, provider) -> None:
    wire, process = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(WireError, match=r"did not answer within 0\.05 s"):
        WireStage(wire.ports.control_url, timeout_s=0.05).counts()
    process.send_signal(signal.SIGCONT)
