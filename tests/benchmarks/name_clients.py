"""What real clients make of a link's name, in order and with each bad lookup: those of them that are installed here.

::

    python tests/benchmarks/name_clients.py

Each is told whom to ask, and asks once. A line says what came of it, after how many seconds, and how many lookups the resolver was asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

from harness.faults.effects import Late, LookupAnswer, NameAnswer, NameDelay

sys.path.insert(0, str(Path(__file__).parent))
from one_link import LINK, OneLink, a_folder, built_go, one_link

NAME = "api.provider.example"
WITHIN_S = 60
SLOW_S = 1.5
AIOHTTP = """import asyncio, sys, aiohttp
from harness.reference.names import Lookups
async def main():
    connector = aiohttp.TCPConnector(resolver=Lookups(sys.argv[2], 5.0), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as client, client.get(sys.argv[1]) as answer: print(answer.ok)
try: asyncio.run(main())
except Exception as error: print(type(error).__name__, error)"""
DNSPYTHON = """import sys, dns.resolver
asking = dns.resolver.Resolver(configure=False)
host, _, port = sys.argv[2].rpartition(":")
asking.nameservers, asking.port, asking.lifetime = [host], int(port), 5.0
try: print([record.address for record in asking.resolve(sys.argv[1].split("/")[2].split(":")[0], "A")])
except Exception as error: print(type(error).__name__, error)"""
NODE = """const dns = require("dns"), http = require("http"); const [url, resolver] = process.argv.slice(1); dns.setServers([resolver]);
const lookup = (host, options, done) => dns.resolve4(host, (error, found) => error ? done(error)
  : options.all ? done(null, found.map(address => ({address, family: 4}))) : done(null, found[0], 4));
http.get(url, {lookup}, answer => { console.log(answer.statusCode); answer.resume(); }).on("error", error => console.log(error.code));"""
GO = """package main
import ("context"; "fmt"; "net"; "net/http"; "os"; "time")
func main() {
  resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
    return (&net.Dialer{}).DialContext(ctx, network, os.Args[2]) }}
  transport := &http.Transport{DialContext: (&net.Dialer{Resolver: resolver, Timeout: 20 * time.Second}).DialContext}
  answer, err := (&http.Client{Transport: transport}).Get(os.Args[1])
  if err != nil { fmt.Println(err) } else { fmt.Println(answer.Status) }
}"""


def clients(folder: Path) -> dict[str, list[str]]:
    """Each client that is here, by its command without the address and the resolver."""
    found = {
        "aiohttp": [sys.executable, "-c", AIOHTTP],
        "dnspython": [sys.executable, "-c", DNSPYTHON],
        "node": ["node", "-e", NODE],
    }
    if go := built_go(GO, folder):
        found["go"] = [go]
    return {name: words for name, words in found.items() if shutil.which(words[0])}


def effects() -> dict[str, NameAnswer | NameDelay | None]:
    """What a name is made to lead to, by what that is called."""
    answers: dict[str, NameAnswer | NameDelay | None] = {
        answer: NameAnswer(LINK, answer) for answer in get_args(LookupAnswer)
    }
    return {"in order": None, **answers, f"{SLOW_S:g} s late": NameDelay(LINK, Late(SLOW_S))}


def main() -> None:
    with a_folder() as folder, one_link(folder, dns=NAME, ttl_s=5) as link:
        for name, words in clients(folder).items():
            for what, effect in effects().items():
                print(f"{name:10}{what:16}{asked(link, words, effect)}", flush=True)


def asked(link: OneLink, words: list[str], effect: NameAnswer | NameDelay | None) -> str:
    """What came of one request while *effect* is in force."""
    assert link.ports.resolver is not None
    before = link.stage.counts()[LINK].lookups
    if effect is not None:
        link.stage.inject("fault", effect)
    began_s = time.monotonic()
    told = [f"http://{NAME}:{link.tap}/", f"127.0.0.1:{link.ports.resolver.port}"]
    done = subprocess.run(
        [*words, *told], env=os.environ, capture_output=True, text=True, check=False, timeout=WITHIN_S
    )
    took_s = time.monotonic() - began_s
    if effect is not None:
        link.stage.revert("fault", effect)
    said = (done.stdout + done.stderr).strip().replace("\n", " ")[-150:]
    return f"{took_s:5.1f} s  {link.stage.counts()[LINK].lookups - before} lookups  {said}"


if __name__ == "__main__":
    main()
