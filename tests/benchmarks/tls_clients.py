"""What real clients make of a link's certificate, in order and with each flaw: those of them that are installed here.

::

    python tests/benchmarks/tls_clients.py

Each is told whom to trust by a variable of its environment alone, and asks once. A line says what it raised, and what the tap heard of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

from harness.faults.effects import CertificateFlaw, TapCertificate
from harness.reading.target import Tls
from harness.running import certificates
from harness.running.wire import Config, LinkConfig, WireStage, command, ready, write

FLAWS = ("", *get_args(CertificateFlaw))
WITHIN_S = 120
SAID = b'{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"y"}}]}'
OPENAI = """import sys, openai
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="x", max_retries=0)
try: print(bool(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])))
except Exception as error: print(type(error).__name__, repr(error.__cause__))"""
REQUESTS = """import sys, requests
try: print(requests.get(sys.argv[1]).ok)
except Exception as error: print(type(error).__name__, error)"""
AIOHTTP = """import asyncio, sys, aiohttp
async def main():
    async with aiohttp.ClientSession() as client, client.get(sys.argv[1]) as answer: print(answer.ok)
try: asyncio.run(main())
except Exception as error: print(type(error).__name__, error)"""
FETCH = "fetch(process.argv[1]).then(r => console.log(r.ok)).catch(e => console.log(e.name, e.cause && e.cause.code))"
GO = """package main
import ("fmt"; "net/http"; "os")
func main() { answer, err := http.Get(os.Args[1]); if err != nil { fmt.Println(err) } else { fmt.Println(answer.Status) } }"""


class Provider(BaseHTTPRequestHandler):
    """Answers whatever it is asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(SAID)))
        self.end_headers()
        self.wfile.write(SAID)

    do_POST = do_GET  # noqa: N815 - http.server's own words

    def log_message(self, *_: object) -> None: ...


def clients(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """Each client that is here: the variable by which it is told whom to trust, and its command without the address."""
    found = {
        "openai": ("SSL_CERT_FILE", [sys.executable, "-c", OPENAI]),
        "requests": ("REQUESTS_CA_BUNDLE", [sys.executable, "-c", REQUESTS]),
        "aiohttp": ("SSL_CERT_FILE", [sys.executable, "-c", AIOHTTP]),
        "node": ("NODE_EXTRA_CA_CERTS", ["node", "-e", FETCH]),
        "curl": ("CURL_CA_BUNDLE", ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}"]),
    }
    if shutil.which("go"):
        (folder / "main.go").write_text(GO)
        subprocess.run(["go", "build", "-o", "client", "main.go"], cwd=folder, check=True)
        found["go"] = ("SSL_CERT_FILE", [str(folder / "client")])
    return {name: one for name, one in found.items() if shutil.which(one[1][0])}


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    trusted = certificates.issue(folder / "tls", {"east": Tls()}, [], certificates.whom_this_machine_trusts(os.environ))
    link = LinkConfig("east", f"http://127.0.0.1:{server.server_port}", tls=str(trusted.parent / "east"))
    write(Config([link], str(folder), 7, str(folder / "ready.json")), folder / "config.json")
    wire = subprocess.Popen(command(folder / "config.json"))
    try:
        while (ends := ready(folder / "ready.json")) is None:
            time.sleep(0.05)
        stage = WireStage(ends.control_url)
        stage.connect_link("east", ends.links["east"].edge or 0)
        for name, (variable, words) in clients(folder).items():
            for flaw in FLAWS:
                _ask(
                    stage, name, flaw, [*words, f"https://127.0.0.1:{ends.links['east'].tap}"], {variable: str(trusted)}
                )
    finally:
        wire.kill()
        wire.wait()
        server.shutdown()
        shutil.rmtree(folder)


def _ask(stage: WireStage, name: str, flaw: str, words: list[str], told: dict[str, str]) -> None:
    fault = f"{name}-{flaw}"
    if flaw:
        stage.inject(fault, TapCertificate("east", flaw))
    done = subprocess.run(
        words, env={**os.environ, **told}, capture_output=True, text=True, check=False, timeout=WITHIN_S
    )
    heard = stage.counts()["east"].refused.get(fault, {})
    if flaw:
        stage.revert(fault, TapCertificate("east", flaw))
    print(f"{name:10}{flaw or 'in order':15}{(done.stdout + done.stderr).strip()[-200:]}  heard {heard}", flush=True)


if __name__ == "__main__":
    main()
