"""What the processes of a run are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks import load_target
from harness.running.keeper.keeper import Child
from harness.running.ports import ServiceEndedError
from harness.running.world.interruptions import Interruptions
from harness.running.world.processes import Processes

TARGET = """
schema: harness.target/1
name: chat
start: {command: [serve, "{port}"], ready: {tcp: true}%s}
entries: [{url: "http://127.0.0.1:{port}"}]
ask: {protocol: openai-chat, path: /v1/chat/completions}
links:
  openai: {kind: provider, upstream: %s, env: {OPENAI_BASE_URL: "{url}/v1"}}
"""
SIMULATED, REAL = "{simulated: {}}", '"https://api.openai.com"'


class Recording:
    """Stands where the keeper does: what it is asked to start is only written down."""

    def __init__(self) -> None:
        self.children: list[Child] = []

    def spawn(self, child: Child) -> int:
        self.children.append(child)
        return len(self.children)

    def exited(self) -> dict[str, int]:
        return {}


def started(tmp_path: Path, environment: dict[str, str], *, upstream: str = SIMULATED, more: str = "") -> Child:
    """The service's own process as it would be started."""
    (tmp_path / "target.yaml").write_text(TARGET % (more, upstream))
    keeper, target = Recording(), load_target(tmp_path / "target.yaml").value
    processes = Processes(keeper, target, 1, tmp_path, tmp_path, environment, Interruptions())
    processes.values |= {"openai.url": "http://127.0.0.1:1", "openai.host": "127.0.0.1", "openai.port": "1"}
    processes.start_possible()
    (child,) = keeper.children
    return child


@pytest.mark.parametrize(
    ("said", "told"), [("", "127.0.0.1,localhost"), ("a.example", "a.example,127.0.0.1,localhost"), ("*", "*")]
)
def test_what_is_on_this_machine_is_reached_past_a_proxy_beside_what_the_person_says(
    tmp_path: Path, said: str, told: str
) -> None:
    env = started(tmp_path, {"NO_PROXY": said, "HTTP_PROXY": "http://proxy.example:3128"}).env
    assert (env["NO_PROXY"], env["no_proxy"]) == (told, told)


def test_an_sdk_finds_a_key_where_only_a_simulated_provider_will_read_it(tmp_path: Path) -> None:
    assert started(tmp_path, {}).env["OPENAI_API_KEY"] == "simulated-providers-ask-for-no-key"


@pytest.mark.parametrize(
    ("environment", "upstream", "env", "key"),
    [
        ({"OPENAI_API_KEY": "of the person"}, SIMULATED, "", "of the person"),
        ({}, SIMULATED, ", env: {OPENAI_API_KEY: of the target file}", "of the target file"),
        ({}, REAL, "", None),
    ],
)
def test_nobody_elses_key_is_put_in_its_place(
    tmp_path: Path, environment: dict[str, str], upstream: str, env: str, key: str | None
) -> None:
    assert started(tmp_path, environment, upstream=upstream, more=env).env.get("OPENAI_API_KEY") == key


def test_a_process_is_started_where_its_target_file_says_and_else_where_the_harness_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").mkdir()
    assert started(tmp_path, {}, more=", cwd: app").cwd == tmp_path / "app"
    assert started(tmp_path, {}, more=", cwd: .").cwd == tmp_path
    assert started(tmp_path, {}).cwd is None


class KeptRecording(Recording):
    """Stands for what stays between runs: it starts each process once."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.temp, self.ports, self.pids = folder / "kept", dict[str, int](), dict[str, int]()

    def port(self, service: str) -> int:
        return self.ports.setdefault(service, 4000 + len(self.ports))

    def spawn(self, child: Child) -> int:
        if child.name not in self.pids:
            self.pids[child.name] = super().spawn(child)
        return self.pids[child.name]

    def how_it_ended(self, name: str) -> str:
        return f"{name!r} ended"


def in_a_run(tmp_path: Path, kept: KeptRecording) -> tuple[Processes, Recording]:
    (tmp_path / "target.yaml").write_text(TARGET % ("", SIMULATED))
    keeper, target = Recording(), load_target(tmp_path / "target.yaml").value
    processes = Processes(keeper, target, 1, tmp_path, tmp_path, {}, Interruptions(), kept)  # type: ignore[arg-type]  # stand-ins
    processes.start_simulated()
    processes.values |= {"openai.url": "http://127.0.0.1:1", "openai.host": "127.0.0.1", "openai.port": "1"}
    processes.start_possible()
    return processes, keeper


def test_what_stays_between_runs_is_started_once_and_found_where_it_was(tmp_path: Path) -> None:
    kept = KeptRecording(tmp_path)
    (first, keeper), (second, other) = in_a_run(tmp_path, kept), in_a_run(tmp_path, kept)
    assert [child.name for child in kept.children] == ["target"]
    assert first.ports["target"] == second.ports["target"] == 4000
    assert (first.pids["target"], second.pids["target"]) == (1, 1)
    # What the harness brings for a run ends with it.
    assert [child.name for child in [*keeper.children, *other.children]] == ["openai", "openai"]
    assert first.ports["openai"] != second.ports["openai"]


def test_what_stays_and_has_ended_is_missed_as_any_other(tmp_path: Path) -> None:
    kept = KeptRecording(tmp_path)
    processes, _ = in_a_run(tmp_path, kept)
    processes.check()
    kept.exited = lambda: {"target": 1}  # type: ignore[method-assign]  # it has ended by now
    with pytest.raises(ServiceEndedError, match="process 'target' ended"):
        processes.check()
