"""A Compose file that runs bring up with a real engine: one that ends, two at once, and those that are killed; `stack.py` calls it.

Each time nothing of the run's may be left, what it had to break has to have been broken, and what is somebody else's has to be as it was.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.running.keeper import undo

ROOT = Path(__file__).resolve().parents[2]
_RUN_WITHIN_S, _UP_WITHIN_S, _GONE_WITHIN_S = 240.0, 120.0, 30.0
APP = """
import http.server, json, os, random, socket, urllib.request

def looked_up(name):
    host, port = os.environ["DNS_SERVER"].rsplit(":", 1)
    asked = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + bytes([0, 0, 1, 0, 1])
    number = random.randbytes(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.settimeout(2)
        resolver.sendto(number + bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + asked, (host, int(port)))
        answer = resolver.recv(4096)
    assert answer[:2] == number and answer[3] & 15 == 0 and answer[7] > 0, "there is no such name"
    return socket.inet_ntoa(answer[12 + len(asked) + 12:][:4])

class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answered({"ok": True})

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))["question"]
        with socket.create_connection((looked_up(os.environ["CACHE_HOST"]), int(os.environ["CACHE_PORT"])), 2) as cache:
            cache.sendall(b"PING\\r\\n")
            assert b"PONG" in cache.recv(99)
        body = {"model": "m", "messages": [{"role": "user", "content": question}]}
        asked = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode())
        asked.add_header("content-type", "application/json")
        with urllib.request.urlopen(asked, timeout=4) as answer:
            said = json.load(answer)["choices"][0]["message"]["content"]
        self.answered({"answer": said})

    def answered(self, what):
        text = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

print("serving, told", os.environ["OPENAI_BASE_URL"], flush=True)
http.server.ThreadingHTTPServer(("", 8000), Asked).serve_forever()
"""
HEALTH = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/', timeout=2)"
TARGET: dict[str, Any] = {
    "schema": "harness.target/1",
    "name": "composed",
    "compose": {
        "file": "docker-compose.yml",
        "services": {"app": {"port": 8000}, "cache": {"port": 6379}},
        "within": "90s",
    },
    "entries": [{"url": "http://127.0.0.1:{app.port}"}],
    "ask": {"protocol": "json", "path": "/", "body": {"question": "{question}"}, "reply": {"answer": "/answer"}},
    "links": {
        "openai": {
            "kind": "provider",
            "upstream": {"simulated": {}},
            "tls": True,
            "env": {"OPENAI_BASE_URL": "{url}/v1", "SSL_CERT_FILE": "{ca_file}"},
        },
        "store": {
            "kind": "store",
            "upstream": "redis://127.0.0.1:{cache.port}",
            "dns": {"name": "cache.test"},
            "env": {"CACHE_HOST": "{host}", "CACHE_PORT": "{port}", "DNS_SERVER": "{resolver}"},
        },
    },
}
FAULTS = [
    {"kind": "latency", "on": {"link": "openai"}, "base": "1s", "at": "fault", "for": "3s"},
    {"kind": "kill", "on": {"container": "cache"}, "at": "fault + 4s", "for": "2s"},
    {
        "kind": "resource_limit",
        "on": {"container": "app"},
        "cpu": 0.5,
        "memory": "128MiB",
        "at": "fault + 7s",
        "for": "2s",
    },
    {"kind": "pause", "on": {"container": "app"}, "at": "fault + 10s", "for": "1s"},
    {"kind": "bad_certificate", "on": {"link": "openai"}, "flaw": "expired", "at": "fault + 12s", "for": "2s"},
    {"kind": "bad_lookup", "on": {"link": "store"}, "answer": "no_such_name", "at": "fault + 15s", "for": "2s"},
    {"kind": "unplug", "on": {"container": "cache"}, "at": "fault + 18s", "for": "2s"},
]
SCENARIO: dict[str, Any] = {
    "schema": "harness.scenario/1",
    "name": "composed",
    "load": {"rate_per_s": 8, "deadline": "5s", "questions": str(ROOT / "scenarios" / "questions" / "facts.yaml")},
    "phases": {"warmup": "1s", "baseline": "5s", "fault": "21s", "recovery": "4s"},
    "faults": FAULTS,
    "good": {"within": "4s"},
    "expect": ["good_ratio >= 0.9 in baseline", "good_ratio >= 0.3 in fault"],
}


def compose_file(image: str) -> dict[str, Any]:
    """Two services with a name and a port that two runs would fight over, and a volume with a name of its own."""
    app = ["-ISuc", APP]
    checked = {"test": ["CMD", "python", "-ISc", HEALTH], "interval": "1s", "retries": 60, "timeout": "5s"}
    cache = ["--port", "6379", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--dir", "/tmp"]
    of_image = {"image": image, "stop_grace_period": "1s"}
    return {
        "version": "3.8",
        "services": {
            "app": of_image
            | {
                "entrypoint": ["python"],
                "command": app,
                "healthcheck": checked,
                "depends_on": ["cache"],
                "ports": ["48000:8000"],
            },
            "cache": of_image
            | {
                "entrypoint": ["redis-server"],
                "command": cache,
                "container_name": "the-cache",
                "volumes": ["kept:/kept"],
            },
        },
        "volumes": {"kept": {"name": "harness-composed-kept"}},
    }


def each_way(image: str, environment: Mapping[str, str], folder: Path) -> list[str]:
    """What was not as it should be; prints a line for each way."""
    (folder / "docker-compose.yml").write_text(json.dumps(compose_file(image)))
    (folder / "target.yaml").write_text(json.dumps(TARGET))
    (folder / "scenario.yaml").write_text(json.dumps(SCENARIO))
    made = "volume", "create", "harness-composed-kept"
    subprocess.run(["docker", *made], env=environment, check=True, stdout=subprocess.DEVNULL)
    wrong = []
    ways = {
        "one run": one,
        "two at once": two,
        "a run that is killed": killed,
        "killed with its keeper, and healed": healed,
    }
    for way, tried in ways.items():
        began = time.monotonic()
        amiss = "; ".join([*tried(environment, folder), *left(environment)])
        print(f"composed  {way}: {amiss or 'as it should be'} ({time.monotonic() - began:.0f} s)", flush=True)
        wrong += [f"{way}: {amiss}"] if amiss else []
    return wrong


def one(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    run = begun(environment, folder, "one")
    yield from come_to(run, folder / "one")


def two(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    runs = {name: begun(environment, folder, name) for name in ("east", "west")}
    for name, run in runs.items():
        yield from come_to(run, folder / name)


def killed(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    run = begun(environment, folder, "killed")
    yield from come_up(run, environment, folder / "killed")
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    late_s = time.monotonic() + _GONE_WITHIN_S
    while list(left(environment)) and time.monotonic() < late_s:
        time.sleep(0.2)
    if more := list(left(environment)):
        yield f"{_GONE_WITHIN_S:g} s after it was killed: {'; '.join(more)}"


def healed(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    run, out = begun(environment, folder, "healed"), folder / "healed"
    yield from come_up(run, environment, out)
    os.kill(
        run.pid, signal.SIGSTOP
    )  # while it is there its keeper waits, and without its keeper it would end in good order
    for path in out.glob("*/*/undo.jsonl"):
        if (owner := undo.owner(path)) is not None:
            os.kill(owner.keeper_pid, signal.SIGKILL)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    if not listed(environment, "container"):
        yield "there was nothing to heal"
    heals = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", "heal", "--out", str(out)]
    done = subprocess.run(heals, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        yield f"heal ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}"


def come_up(run: subprocess.Popen[bytes], environment: Mapping[str, str], out: Path) -> Iterator[str]:
    """What kept the services of a *run* from being healthy."""
    late_s = time.monotonic() + _UP_WITHIN_S
    while not listed(environment, "container", "--filter", "health=healthy"):
        if time.monotonic() > late_s or run.poll() is not None:
            yield f"it was not up: {said(out)}"
            return
        time.sleep(0.2)


def begun(environment: Mapping[str, str], folder: Path, name: str) -> subprocess.Popen[bytes]:
    """A run that goes on."""
    out = folder / name
    out.mkdir()
    words = [
        "run",
        str(folder / "scenario.yaml"),
        "--target",
        str(folder / "target.yaml"),
        "--out",
        str(out),
        "--seed",
        "1",
    ]
    command = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words]
    with (out / "said").open("w") as log:
        state = {"HARNESS_STATE": str(out / "state")}
        return subprocess.Popen(command, env={**environment, **state}, stdout=log, stderr=log, cwd=ROOT)


def come_to(run: subprocess.Popen[bytes], out: Path) -> Iterator[str]:
    """What was not as it should be of a run that ends by itself."""
    status = run.wait(_RUN_WITHIN_S)
    results = [json.loads(path.read_text()) for path in out.glob("*/*/result.json")]
    if len(results) != 1:
        yield f"it ended with {status}: {said(out)}"
        return
    (result,) = results
    unbroken = [fault["summary"] for fault in result["faults"] if not fault["confirmed"] or fault["lost"]]
    if unbroken or len(result["faults"]) != len(FAULTS):
        yield f"not broken: {unbroken}; {result['reason']}"
    if result["verdict"] not in ("pass", "invalid"):  # invalid where the machine was too busy to say
        yield f"{result['verdict']}: {result['reason']}"
    if not any("serving, told https://" in path.read_text() for path in out.glob("*/*/logs/compose-logs.log")):
        yield "what the services printed was not written down"


def said(out: Path) -> str:
    return (out / "said").read_text()[-2000:]


def left(environment: Mapping[str, str]) -> Iterator[str]:
    """What of runs is left, and what of somebody else's is not."""
    for kind in ("container", "network", "volume"):
        if found := listed(environment, kind):
            yield f"{kind}s are left: {', '.join(found)}"
    asked = ["docker", "volume", "inspect", "harness-composed-kept"]
    if subprocess.run(asked, env=environment, capture_output=True, check=False).returncode != 0:
        yield "a volume that was there before is gone"


def listed(environment: Mapping[str, str], kind: str, *more: str) -> list[str]:
    """The names or ids of what bears the label of a project."""
    everything = ["--all"] if kind == "container" and not more else []
    words = ["docker", kind, "ls", "--quiet", *everything, "--filter", "label=com.docker.compose.project", *more]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.split()
