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
from pathlib import Path
from typing import get_args

from harness.faults.effects import CertificateFlaw, TapCertificate
from harness.reading.target import Tls
from harness.running import certificates

sys.path.insert(0, str(Path(__file__).parent))
from one_link import LINK, OneLink, a_folder, built_go, one_link

FLAWS = ("", *get_args(CertificateFlaw))
WITHIN_S = 120
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


def clients(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """Each client that is here: the variable by which it is told whom to trust, and its command without the address."""
    found = {
        "openai": ("SSL_CERT_FILE", [sys.executable, "-c", OPENAI]),
        "requests": ("REQUESTS_CA_BUNDLE", [sys.executable, "-c", REQUESTS]),
        "aiohttp": ("SSL_CERT_FILE", [sys.executable, "-c", AIOHTTP]),
        "node": ("NODE_EXTRA_CA_CERTS", ["node", "-e", FETCH]),
        "curl": ("CURL_CA_BUNDLE", ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}"]),
    }
    if go := built_go(GO, folder):
        found["go"] = ("SSL_CERT_FILE", [go])
    return {name: one for name, one in found.items() if shutil.which(one[1][0])}


def main() -> None:
    with a_folder() as folder:
        tls = {LINK: Tls()}
        trusted = certificates.issue(folder / "tls", tls, [], certificates.whom_this_machine_trusts(os.environ))
        with one_link(folder, tls=str(trusted.parent / LINK)) as link:
            for name, (variable, words) in clients(folder).items():
                for flaw in FLAWS:
                    _ask(link, name, flaw, [*words, f"https://127.0.0.1:{link.tap}"], {variable: str(trusted)})


def _ask(link: OneLink, name: str, flaw: str, words: list[str], told: dict[str, str]) -> None:
    fault = f"{name}-{flaw}"
    if flaw:
        link.stage.inject(fault, TapCertificate(LINK, flaw))
    done = subprocess.run(
        words, env={**os.environ, **told}, capture_output=True, text=True, check=False, timeout=WITHIN_S
    )
    heard = link.stage.counts()[LINK].refused.get(fault, {})
    if flaw:
        link.stage.revert(fault, TapCertificate(LINK, flaw))
    print(f"{name:10}{flaw or 'in order':15}{(done.stdout + done.stderr).strip()[-200:]}  heard {heard}", flush=True)


if __name__ == "__main__":
    main()
