"""Changes faults again and again while streams are open: nothing may be left in force or open, and no stream may hang once they are gone.

``python tests/chaos/fault_changes.py [--changes 200] [--streams 50] [--seed 0]``. A wire process stands between clients that stream all the
time and a provider that says something every 20 ms; each change puts a fault of streams or answers in force, or takes one back. Prints how
long the slowest change and the longest silence took, and ends with 1 where a change or, with no fault in force, a stream took longer than
1 s, or anything was left. It takes some 15 s for 200 changes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from harness.faults.effects import (
    CutStream,
    Delay,
    EdgeRule,
    Fail,
    Rule,
    SlowStream,
    SpoilAnswer,
    SpoilStream,
    StallStream,
)
from harness.faults.requests import Requests
from harness.running.wire import Config, LinkConfig, WireStage, command, ready, write

HANG_S = 1.0
_GAP_S = 0.02
_EVENTS = 60
_CHANGE_EVERY_S = 0.05
_READY_WITHIN_S = 30.0
_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
_LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_BODY = b'{"model":"m","messages":[{"role":"user","content":"Hello, n-00000000aa"}],"stream":true}'
_ASKING = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY
RULES: tuple[Rule, ...] = (
    StallStream(2), StallStream(0, 0.3), CutStream(3, "reset"), CutStream(1, "close"), CutStream(5, "end"), SlowStream(0.2, 0.05),
    SlowStream(0, 0, 400), SpoilStream("reordered", 2), SpoilStream("error", 4), SpoilStream("no_end"), SpoilAnswer("language"),
    SpoilAnswer("off_schema"), SpoilAnswer("other_conversation"), Fail(503), Delay(0.1),
)  # fmt: skip


@dataclass
class Seen:
    """What clients and the provider saw."""

    heard_s: dict[int, float] = field(default_factory=dict)  # when each client last heard something
    ended: int = 0
    open_at_provider: int = 0


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _provide(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Seen) -> None:
    seen.open_at_provider += 1
    with suppress(OSError, asyncio.IncompleteReadError):
        while await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(len(_BODY))
            writer.write(_HEAD)
            for _ in range(_EVENTS):
                writer.write(_chunk(_EVENT))
                await writer.drain()
                await asyncio.sleep(_GAP_S)
            writer.write(_chunk(_LAST) + b"0\r\n\r\n")
    seen.open_at_provider -= 1
    writer.close()


async def _stream(number: int, port: int, seen: Seen, over: asyncio.Event) -> None:
    """Ask, listen to the end, and ask again, until it is *over*."""
    while not over.is_set():
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_ASKING)
            heard = b""
            while piece := await reader.read(1 << 16):
                seen.heard_s[number] = time.monotonic()
                heard = heard[-8:] + piece
                if heard.endswith(b"0\r\n\r\n") or b"HTTP/1.1 503" in piece:
                    break
            writer.close()
        seen.ended += 1
        await asyncio.sleep(0.01)


@asynccontextmanager
async def _wire(upstream: str, wrong: list[str]) -> AsyncIterator[tuple[WireStage, int]]:
    """A wire before *upstream*, and the port of its tap; what it says for itself, which is never good, is put down in *wrong*."""
    with tempfile.TemporaryDirectory(prefix="changes-") as folder:
        path, told, log = Path(folder, "wire.json"), Path(folder, "ready.json"), Path(folder, "wire.log")
        write(Config([LinkConfig("openai", upstream)], folder, 1, str(told)), path)
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(*command(path), stdout=out, stderr=out)
        late_s = time.monotonic() + _READY_WITHIN_S
        while (found := ready(told)) is None:
            assert time.monotonic() < late_s, log.read_text()
            await asyncio.sleep(0.02)
        ports, stage = found.links["openai"], WireStage(found.control_url)
        assert ports.edge is not None
        await asyncio.to_thread(stage.connect_link, "openai", ports.edge)
        yield stage, ports.tap
        await asyncio.to_thread(stage.finish)
        await asyncio.wait_for(process.wait(), 10)
        wrong += [f"the wire says: {said[-300:]}"] if (said := log.read_text(errors="replace")) else []


async def _touched(stage: WireStage) -> int:
    return sum((await asyncio.to_thread(stage.counts))["openai"].by_fault.values())


async def _change(stage: WireStage, changes: int, random: Random) -> float:
    """Change faults so often, and take all back once something was touched; how long the slowest change took."""
    in_force: dict[str, EdgeRule] = {}
    slowest_s = 0.0
    for number in range(changes + 5):
        if number == changes and not await _touched(stage):
            # Streams that were open before the first change may outlast the last.
            in_force["last"] = EdgeRule("openai", Fail(503), Requests())
            await asyncio.to_thread(stage.inject, "last", in_force["last"])
            late_s = time.monotonic() + _READY_WITHIN_S
            while not await _touched(stage) and time.monotonic() < late_s:
                await asyncio.sleep(_CHANGE_EVERY_S)
        began_s = time.monotonic()
        if in_force and (number >= changes or len(in_force) >= 4 or random.random() < 0.4):
            name = random.choice(list(in_force))
            await asyncio.to_thread(stage.revert, name, in_force.pop(name))
        elif number < changes:
            rule = EdgeRule("openai", random.choice(RULES), Requests(share_ratio=random.choice((0.3, 1.0))))
            in_force[f"f{number}"] = rule
            await asyncio.to_thread(stage.inject, f"f{number}", rule)
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        await asyncio.sleep(_CHANGE_EVERY_S)
    return slowest_s


async def tried(changes: int, streams: int, seed: int) -> list[str]:
    """What was wrong, a line each."""
    seen, over = Seen(), asyncio.Event()
    server = await asyncio.start_server(lambda reader, writer: _provide(reader, writer, seen), "127.0.0.1", 0)
    wrong: list[str] = []
    async with _wire(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", wrong) as (stage, tap):
        clients = [asyncio.create_task(_stream(number, tap, seen, over)) for number in range(streams)]
        slowest_s = await _change(stage, changes, Random(seed))
        ended = seen.ended
        gone_s = time.monotonic()
        longest_s = 0.0
        while time.monotonic() < gone_s + 1.5 * HANG_S:
            await asyncio.sleep(0.05)
            now_s = time.monotonic()
            longest_s = max(longest_s, *(now_s - max(gone_s, seen.heard_s.get(one, gone_s)) for one in range(streams)))
        counts = (await asyncio.to_thread(stage.counts))["openai"]
        over.set()
        await asyncio.wait(clients, timeout=10)
        hit = sum(counts.by_fault.values())
        print(f"{changes} changes with {streams} streams open, {ended} streams ended meanwhile, {hit} answers touched")
        print(
            f"the slowest change took {slowest_s:.3f} s, and with no fault in force the longest silence {longest_s:.3f} s"
        )
        wrong += [f"a change took {slowest_s:.1f} s"] if slowest_s > HANG_S else []
        wrong += [f"a stream was silent for {longest_s:.1f} s"] if longest_s > HANG_S else []
        wrong += [f"left in force: {', '.join(counts.in_force)}"] if counts.in_force else []
        wrong += (
            [f"clients that never ended: {len(left)}"] if (left := [one for one in clients if not one.done()]) else []
        )
        wrong += ["nothing was touched"] if not hit else []
        await asyncio.sleep(0.2)
    late_s = time.monotonic() + 5
    while seen.open_at_provider and time.monotonic() < late_s:
        await asyncio.sleep(0.05)
    wrong += [f"{seen.open_at_provider} connections left at the provider"] if seen.open_at_provider else []
    server.close()
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    wrong = asyncio.run(tried(asked.changes, asked.streams, asked.seed))
    print("\n".join(wrong) or "nothing was left, and nothing hung")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
