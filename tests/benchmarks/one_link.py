"""One link to a provider that answers everything, on a wire that is a process of its own: what commands here try real clients on."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from harness.running.wire import Config, LinkConfig, WireStage, command, ready, write
from harness.running.wire.client import Ready

LINK = "east"
READY_WITHIN_S = 30.0
SAID = b'{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"y"}}]}'


class Provider(BaseHTTPRequestHandler):
    """Answers whatever it is asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the second piece of an answer waits until the first is known to have come

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(SAID)))
        self.end_headers()
        self.wfile.write(SAID)

    do_POST = do_GET  # noqa: N815 - http.server's own words

    def log_message(self, *_: object) -> None: ...


class OneLink(NamedTuple):
    """The wire, told by *stage*, with its *ports*, in the process *pid*; *folder* is gone with it."""

    stage: WireStage
    ports: Ready
    folder: Path
    pid: int

    @property
    def tap(self) -> int:
        return self.ports.links[LINK].tap


@contextmanager
def one_link(folder: Path, **keys: object) -> Iterator[OneLink]:
    """A wire in *folder* whose link has those *keys* of `LinkConfig`, and what it leads to; both end with the context."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    link = LinkConfig(LINK, f"http://127.0.0.1:{server.server_port}", **keys)  # type: ignore[arg-type] # whoever calls it knows its keys
    write(Config([link], str(folder), 7, str(folder / "ready.json")), folder / "config.json")
    wire = subprocess.Popen(command(folder / "config.json"))
    try:
        late_s = time.monotonic() + READY_WITHIN_S
        while (ports := ready(folder / "ready.json")) is None:
            assert wire.poll() is None, f"the wire ended with status {wire.returncode}"
            assert time.monotonic() < late_s, f"the wire did not say within {READY_WITHIN_S:g} s that it serves"
            time.sleep(0.05)
        stage = WireStage(ports.control_url)
        stage.connect_link(LINK, ports.links[LINK].edge or 0)
        yield OneLink(stage, ports, folder, wire.pid)
    finally:
        wire.kill()
        wire.wait()
        server.shutdown()
        server.server_close()


@contextmanager
def a_folder() -> Iterator[Path]:
    """One that is gone with the context."""
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def built_go(source: str, folder: Path) -> str:
    """The program of that *source*; empty where Go is not installed."""
    if not shutil.which("go"):
        return ""
    (folder / "main.go").write_text(source)
    subprocess.run(["go", "build", "-o", "client", "main.go"], cwd=folder, check=True)
    return str(folder / "client")
