"""Every way to a binary, and what happens where it does not lead there."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.problems import HarnessError
from harness.running.toxiproxy import Binary, Release, obtain
from harness.running.toxiproxy.__main__ import install
from harness.running.toxiproxy.release import DownloadError, this_platform

NOWHERE = "http://127.0.0.1:9"


def program(place: Path, body: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{body}\n")
    place.chmod(0o755)
    return place


def telling(version: str) -> str:
    return f"echo toxiproxy-server version {version}"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def bin_path(tmp_path: Path) -> Path:
    return tmp_path / "bin"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[bytes], str]]:
    """The base URL of a server that has these bytes as this machine's binary of 9.9.9."""
    root = tmp_path / "releases"
    handler = partial(type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None}), directory=str(root))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def serve(content: bytes) -> str:
        (root / "v9.9.9").mkdir(parents=True)
        (root / "v9.9.9" / f"toxiproxy-server-{this_platform()}").write_bytes(content)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    server.shutdown()
    server.server_close()


def release(base_url: str, content: bytes = b"") -> Release:
    return Release("9.9.9", base_url, {this_platform(): hashlib.sha256(content).hexdigest()}, "example.invalid/none")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_the_tests_own_binary_runs(binary: Binary) -> None:
    assert binary.version.supported
    assert os.access(binary.path, os.X_OK)


@pytest.mark.parametrize("version", ["2.6.0", "2.13.0", "git"])
def test_a_binary_on_path_is_used_as_it_is(cache: Path, bin_path: Path, version: str) -> None:
    there = program(bin_path / "toxiproxy-server", telling(version))
    found = obtain(cache, pytest.fail, path=str(bin_path))
    assert (found.path, found.version.text, found.source) == (there, version, "path")


@pytest.mark.parametrize("body", [telling("2.5.0"), "exit 3", "echo hello"])
def test_a_binary_on_path_that_cannot_be_used_is_passed_over_aloud(cache: Path, bin_path: Path, body: str) -> None:
    program(bin_path / "toxiproxy-server", body)
    program(cache / "toxiproxy-9.9.9" / "toxiproxy-server", telling("9.9.9"))
    said: list[str] = []
    found = obtain(cache, said.append, path=str(bin_path), release=release(NOWHERE))
    assert found.source == "cache"
    assert "not using the toxiproxy-server on PATH" in said[0]


def test_a_download_is_kept_when_its_sum_is_right(cache: Path, served: Callable[[bytes], str]) -> None:
    content = f"#!/bin/sh\n{telling('9.9.9')}\n".encode()
    pinned, said = release(served(content), content), list[str]()
    found = obtain(cache, said.append, release=pinned)
    assert (found.source, found.version.text) == ("release", "9.9.9")
    assert files(cache) == [found.path]
    assert said[-1] == "downloading toxiproxy-server 9.9.9: 100 %"
    assert obtain(cache, pytest.fail, release=pinned).source == "cache"


def test_a_download_with_another_sum_is_refused_and_leaves_nothing(cache: Path, served: Callable[[bytes], str]) -> None:
    base_url = served(f"#!/bin/sh\n{telling('9.9.9')}\n".encode())
    with pytest.raises(HarnessError, match=r"has sha256 .* and not "):
        obtain(cache, lambda _: None, release=release(base_url, b"the right one"))
    assert files(cache) == []


def test_a_download_that_is_not_there_or_not_for_this_machine_says_so(
    tmp_path: Path, served: Callable[[bytes], str]
) -> None:
    base_url = served(b"x")
    with pytest.raises(DownloadError, match="answered 404"):
        Release("1.0.0", base_url, {this_platform(): ""}).download(tmp_path / "x", print)
    with pytest.raises(DownloadError, match=f"no binary is pinned for {this_platform()}; there are plan9-mips"):
        Release("9.9.9", base_url, {"plan9-mips": ""}).download(tmp_path / "x", print)


def test_who_builds_an_image_has_the_pinned_binary_in_a_file_or_nothing_there(
    tmp_path: Path, served: Callable[[bytes], str]
) -> None:
    base_url, to = served(b"a server"), tmp_path / "bin" / "toxiproxy-server"
    to.parent.mkdir()
    with pytest.raises(DownloadError, match="has sha256"):
        install(to, release(base_url, b"another one"))
    assert files(to.parent) == []
    install(to, release(base_url, b"a server"))
    assert (files(to.parent), to.read_bytes(), os.access(to, os.X_OK)) == ([to], b"a server", True)


def test_go_builds_the_pinned_version_into_the_cache(cache: Path, bin_path: Path) -> None:
    program(
        bin_path / "go", f'echo "$@" > {bin_path}/asked; printf "#!/bin/sh\\n{telling("9.9.9")}\\n" > "$GOBIN/server"'
    )
    said: list[str] = []
    found = obtain(cache, said.append, path=str(bin_path), release=release(NOWHERE))
    assert (found.source, files(cache)) == ("go", [found.path])
    asked = (bin_path / "asked").read_text()
    assert asked.endswith("-X example.invalid/none.Version=9.9.9 example.invalid/none/cmd/server@v9.9.9\n")
    assert said == ["building toxiproxy-server 9.9.9 with go (up to a minute)"]


def test_when_no_way_leads_to_a_binary_each_one_is_named(cache: Path, bin_path: Path) -> None:
    program(bin_path / "toxiproxy-server", telling("2.1.4"))
    program(bin_path / "go", 'echo "module lookup disabled" >&2; exit 1')
    with pytest.raises(HarnessError) as failed:
        obtain(cache, lambda _: None, path=str(bin_path), release=release(NOWHERE))
    told = str(failed.value)
    assert "version 2.1.4, and 2.6.0 is the oldest" in told
    assert f"in the cache ({cache}/toxiproxy-9.9.9/toxiproxy-server): not there" in told
    assert f"download: {NOWHERE}/v9.9.9/toxiproxy-server-{this_platform()} cannot be reached" in told
    assert "go install: example.invalid/none/cmd/server@v9.9.9 cannot be built: module lookup disabled" in told
    assert files(cache) == []


def test_without_a_path_the_environments_is_not_searched(
    cache: Path, bin_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bin_path / "toxiproxy-server", telling("2.12.0"))
    monkeypatch.setenv("PATH", str(bin_path))
    with pytest.raises(HarnessError, match=r"on PATH: not there[\s\S]*there is no go on PATH"):
        obtain(cache, lambda _: None, release=release(NOWHERE))


def test_a_cache_that_cannot_be_written_is_one_more_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match=r"download: .*Not a directory"):
        obtain(tmp_path / "file" / "cache", lambda _: None, release=release(NOWHERE))


def test_two_that_obtain_at_once_leave_one_whole_binary(cache: Path, bin_path: Path) -> None:
    program(bin_path / "go", f'printf "#!/bin/sh\\n{telling("9.9.9")}\\n" > "$GOBIN/server"')
    found: list[Binary] = []

    def run() -> None:
        found.append(obtain(cache, lambda _: None, path=str(bin_path), release=release(NOWHERE)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.version.text for one in found} == {"9.9.9"}
    assert len(found) == 4
    assert files(cache) == [found[0].path]
