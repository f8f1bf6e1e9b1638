"""Asks a provider behind the wire with each official SDK, under each kind of fault: ``docs/sdk-contracts.md``.

::

    python tests/benchmarks/sdk_contracts.py [--anew]

Each version of each SDK (`SDKS`) gets an environment of its own below ``.systems/``, which is made once. What a case came to is a line of
``docs/sdk-contracts.jsonl``, so the command goes on where it was stopped, and tries again what a dialect words otherwise since; ``--anew``
tries all. Under a minute for each SDK. The table is written from what is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the streams of each API
sys.path.insert(0, str(Path(__file__).parent))  # for what stands beside this

from own_wire import taps, wire
from wire_shapes.streams import CONVERSE, OWN, STREAMS, WORDS
from wire_shapes.whole_answers import CALLS

from harness.dialects import Occasion, dialects
from harness.faults import AnyFault, Fault
from harness.faults.effects import (
    CutStream,
    EdgeRule,
    Effect,
    Fail,
    HangUp,
    Rule,
    SlowStream,
    SpoilStream,
    StallStream,
    Told,
)
from harness.protocols.amazon_frames import CONTENT_TYPE
from harness.protocols.asked_for import model_in, streams_at
from harness.protocols.sketch import sketch
from harness.reading.target import Link
from harness.record.rowfile import read_rows
from harness.record.rows import Arrival
from harness.running.wire import ARRIVALS, LinkConfig, WireStage

ROOT = Path(__file__).resolve().parents[2]
PAGE, KEPT = ROOT / "docs" / "sdk-contracts.md", ROOT / "docs" / "sdk-contracts.jsonl"
SYSTEMS = ROOT / ".systems"
TIMEOUT_S = 5.0


class Sdk(NamedTuple):
    """A version of an SDK, by the name of its package, with the API that it speaks."""

    api: str
    package: str
    version: str

    @property
    def name(self) -> str:
        return f"{self.api} {self.version}" if self.api == "azure-openai" else f"{self.package} {self.version}"


SDKS = (
    Sdk("openai", "openai", "2.54.0"),
    Sdk("openai", "openai", "3.57.0"),
    Sdk("azure-openai", "openai", "3.57.0"),
    Sdk("anthropic", "anthropic", "1.17.0"),
    Sdk("anthropic", "anthropic", "2.14.0"),
    Sdk("gemini", "google-genai", "3.6.1"),
    Sdk("bedrock", "botocore", "1.44.8"),
)
WAYS = {"openai": ("stream", "responses"), "anthropic": ("stream",), "gemini": ("stream",), "bedrock": ("stream",)}
"""In which ways streams are asked for."""
MODEL, CALLING, OF_JSON = "m", "calls", "json"
"""A model that answers in words; ones that call a tool, and that answer in JSON."""


@dataclass(frozen=True)
class Case:
    """What a provider does, and in which *way* it is asked, for which *model*; *timeout_s* is the client's.

    It does what *rule* says, or *document*, a fault as a scenario has it.
    """

    does: str
    rule: Rule | None = None
    way: str = "call"
    timeout_s: float = TIMEOUT_S
    model: str = MODEL
    document: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.does if self.way == "call" else f"{self.does} ({self.way})"

    @property
    def kind(self) -> str:
        """The kind of fault that it is; empty where nothing is wrong."""
        if self.document:
            return str(self.document["kind"])
        return next((kind for rule, kind in KINDS.items() if isinstance(self.rule, rule)), "")

    def effects(self, api: str) -> tuple[Effect, ...]:
        if self.document is None:
            return (EdgeRule(api, self.rule),) if self.rule is not None else ()
        return self.fault.effects({api: Link(kind="provider", region="here", upstream="http://127.0.0.1:9", api=api)})

    @property
    def fault(self) -> Fault:
        on = {} if "region" in self.document or "on" in self.document else {"on": {"kind": "provider"}}
        made: Fault = TypeAdapter(AnyFault).validate_python({**self.document, **on})
        return made

    def worded(self, api: str) -> str:
        """A mark of what the provider does in the words of *api*, which is another one where those are."""
        said = msgspec.json.encode(self.rule if self.document is None else self.effects(api))
        if self.model != MODEL:
            said += b"".join(OWN.get(self.model, [self.model.encode()]))
        if isinstance(self.rule, Fail):
            answer = dialects[api].error(dialects[api].word(self.rule.status, self.rule.code), Occasion("r", "m", 0.0))
            said += repr((answer.status, sorted(answer.headers.items()), answer.body)).encode()
        return hashlib.blake2b(said, digest_size=6).hexdigest()


KINDS: dict[type[Rule], str] = {
    Fail: "http_error",
    HangUp: "hang_up",
    SlowStream: "slow_stream",
    StallStream: "stalled_stream",
    CutStream: "cut_stream",
    SpoilStream: "bad_stream",
}
WAITS = {
    "429, wait 2 s": Fail(429, wait_s=2.0),
    "429, retry-after 90": Fail(429, told=Told(text="90")),
    "429, retry-after 3600": Fail(429, told=Told(text="3600")),
    "429, retry-after -1": Fail(429, told=Told(text="-1")),
}
OTHERS: dict[str, Rule | None] = {
    "nothing": None,
    **{str(status): Fail(status) for status in (400, 403, 408, 409, 422, 429, 500, 502, 503, 504)},
    "503, empty": Fail(503, body="empty"),
    "503, a page": Fail(503, body="html"),
    "503, no JSON": Fail(503, body="not_json"),
    **WAITS,
    "hung up by close": HangUp("close"),
    "hung up by reset": HangUp("reset"),
}
BROKEN: dict[str, Rule] = {
    "slow": SlowStream(0.05, 0.01),
    "cut by reset": CutStream(2, "reset"),
    "cut by close": CutStream(2, "close"),
    "ended in good order after 2": CutStream(2, "end"),
    "ended in good order before the first": CutStream(0, "end"),
    "stalls": StallStream(2),
    "malformed event": SpoilStream("malformed", 2),
    "event twice": SpoilStream("duplicated", 2),
    "events out of order": SpoilStream("reordered", 2),
    "error event": SpoilStream("error", 2),
    "no finish": SpoilStream("no_finish"),
    "no usage": SpoilStream("no_usage"),
    "no end": SpoilStream("no_end"),
}
SHORT_S = 0.5
NETWORK: dict[str, dict[str, Any]] = {
    "late by 1 s": {"kind": "latency", "base": "1s", "direction": "downstream"},
    "at 200 bytes a second": {"kind": "bandwidth", "kilobytes_per_s": 0.2, "direction": "downstream"},
    "in slices of 10 bytes": {"kind": "slices", "max_bytes": 10, "gap": "1ms"},
    "closed after 20 bytes": {"kind": "cut", "after_bytes": 20},
    "closed in its body": {"kind": "cut", "after_bytes": 200},
    "reset in its body": {"kind": "cut", "after_bytes": 200, "by": "reset"},
    "its end is told late": {"kind": "slow_close", "delay": "1s"},
    "silent both ways": {"kind": "blackhole"},
    "silent to what is asked": {"kind": "blackhole", "direction": "upstream"},
    "its answer is swallowed": {"kind": "blackhole", "direction": "downstream"},
    "refuses connections": {"kind": "disconnect", "mode": "refuse"},
    "refuses new connections": {"kind": "disconnect", "mode": "no_new"},
    "resets connections": {"kind": "disconnect", "mode": "reset"},
    "its region is silent": {"kind": "regional_loss", "region": "here"},
    "its region is late and fails": {
        "kind": "regional_loss",
        "region": "here",
        "mode": "brownout",
        "late": "50ms",
        "errors": 1.0,
    },
    "over a limit of tokens": {"kind": "rate_limit", "tokens_per_min": 0.001, "tokens_burst": 1},
}  # fmt: skip
"""What befalls an answer in one piece; the client waits for half a second."""
FLAWS = {
    "empty": MODEL,
    "length": MODEL,
    "language": MODEL,
    "wrong_fact": MODEL,
    "refusal": MODEL,
    "off_schema": OF_JSON,
    "model": MODEL,
    "fingerprint": MODEL,
    "usage": MODEL,
    "tool_names": CALLING,
    "tool_arguments": CALLING,
    "tool_parallel": CALLING,
}
"""What is wrong with an answer that is good in form, and the model that gives it something to be wrong with."""
NO_CLIENTS = {
    "capacity": "of a simulated provider, which answers 503 when its queue is full",
    "cache_divergence": "of a replica",
    "store_error": "of a store",
    "lost_messages": "of a store",
    "damaged_store": "of a store",
    "kill": "of the service itself",
    "pause": "of the service itself",
    "resource_limit": "of the service itself",
    "unplug": "of a container",
    "bad_certificate": "of handshakes, tried by `tls_clients.py`",
    "bad_lookup": "of names, tried by `name_clients.py`",
    "slow_lookup": "of names, tried by `name_clients.py`",
    "switch": "of the service itself",
}
"""Kinds of fault that no client of these APIs meets as such."""


@cache
def cases(api: str) -> list[Case]:
    """All that a client of *api* is put through: each of its codes, what any API does, and broken streams where they can be."""
    made = [Case(name, rule) for name, rule in OTHERS.items()]
    made += [Case(f"code {code}", Fail(code=code)) for code in dialects[api].codes]
    if api == "gemini":
        made += [Case(str(status), Fail(status), "retry") for status in (400, 408, 429, 500, 502, 503, 504)]
    for way in WAYS.get(api, ()):
        made += [
            Case(name, rule, way, 0.5 if isinstance(rule, StallStream) else TIMEOUT_S)
            for name, rule in BROKEN.items()
            if name != "no end" or dialects[api].marks_end
        ]
    made += [Case(model.partition(" ")[2], None, "stream", model=model) for model in OWN if model.startswith(f"{api} ")]
    made += [Case(does, timeout_s=SHORT_S, document=document) for does, document in NETWORK.items()]
    return made + bad_answers(api)


def bad_answers(api: str) -> list[Case]:
    """Answers that are good in form and no good, each that *api* can have."""
    link = Link(kind="provider", upstream="http://127.0.0.1:9", api=api)
    made = [
        Case(f"bad answer: {flaw}", model=model, document={"kind": "bad_answer", "flaw": flaw})
        for flaw, model in FLAWS.items()
    ]
    return [case for case in made if not case.fault.misfit(link)]


Row = dict[str, Any]


def kept() -> dict[tuple[str, str], Row]:
    """What was found so far, by SDK and case; of two the later one."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return {(row["sdk"], row["case"]): row for row in map(json.loads, lines)}


def missing(sdk: Sdk, found: dict[tuple[str, str], Row]) -> list[Case]:
    """The cases of *sdk* that were not tried, or not as they are worded now."""
    said = {case: row["worded"] for (name, case), row in found.items() if name == sdk.name}
    return [case for case in cases(sdk.api) if said.get(case.name) != worded(sdk.api)[case.name]]


@cache
def worded(api: str) -> dict[str, str]:
    """What is said of each case in the words of *api* as they are now."""
    return {case.name: case.worded(api) for case in cases(api)}


class Provider(BaseHTTPRequestHandler):
    """A provider that is well, in whichever API it is asked."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        model = next((one for one in (CALLING, OF_JSON) if f'"{one}"'.encode() in asked), MODEL)
        if stream := streams_at(path) or b'"stream":true' in asked.replace(b" ", b""):
            body = b"".join(_streamed(path))
        else:
            body = json.dumps(_whole(path, model)).encode()
        kind = CONTENT_TYPE if path.endswith("-stream") else "text/event-stream" if stream else "application/json"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: object) -> None:
        """What is asked is counted on the wire."""


def _streamed(path: str) -> list[bytes]:
    """An answer piece by piece, in the words of the API whose *path* it is; a model that has one of its own gives that."""
    if path.endswith("/converse-stream"):
        return OWN.get(model_in(path), CONVERSE)
    if path.endswith(":streamGenerateContent"):
        return OWN.get(model_in(path), STREAMS["gemini"])
    return STREAMS[{"messages": "messages", "responses": "responses"}.get(path.rpartition("/")[2], "chat")]


def _whole(path: str, model: str) -> Row:
    """An answer of *model* in one piece, in the words of the API whose *path* it is."""
    if model == CALLING:
        return CALLS["messages" if path.endswith("/messages") else "chat"]
    text = '{"day": 30, "well": true}' if model == OF_JSON else "".join(WORDS)
    if path.endswith("/converse"):
        message = {"role": "assistant", "content": [{"text": text}]}
        usage = {"inputTokens": 7, "outputTokens": 6, "totalTokens": 13}
        return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
    if path.endswith(":generateContent"):
        content = {"role": "model", "parts": [{"text": text}]}
        return {"candidates": [{"content": content, "finishReason": "STOP"}]}
    if path.endswith("/messages"):
        usage = {"input_tokens": 7, "output_tokens": 6}
        said = {"id": "a", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
        return {**said, "content": [{"type": "text", "text": text}], "usage": usage}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


@contextmanager
def provided() -> Iterator[tuple[WireStage, dict[str, str], Path]]:
    """A wire with a link for each API, at which URL each is asked, and where the rows are of what came."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    upstream = f"http://127.0.0.1:{server.server_address[1]}"
    links = [LinkConfig(api, upstream, api=api) for api in dict.fromkeys(sdk.api for sdk in SDKS)]
    with tempfile.TemporaryDirectory() as folder, wire(links, Path(folder)) as (stage, ports):
        yield stage, taps(ports), Path(folder)
    server.shutdown()


def environment(sdk: Sdk) -> Path:
    """The Python that has *sdk* and what it stands on alone; made where there is none."""
    folder = SYSTEMS / f"sdk-{sdk.package}-{sdk.version}"
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"installing {sdk.package} {sdk.version} into {folder}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", f"{sdk.package}=={sdk.version}"], check=True)
        (folder / "installed").touch()
    return python


def tried(sdk: Sdk, wanted: list[Case], stage: WireStage, url: str, rows: Path) -> Iterator[Row]:
    """What each of the *wanted* cases came to with *sdk*: what the client told, and how often the provider was asked."""
    child = [str(environment(sdk)), str(Path(__file__).with_name("asked_by_sdk.py")), sdk.api]
    with subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        for case in wanted:
            effects = case.effects(sdk.api)
            for effect in effects:
                stage.inject("f", effect)
            before, ended = stage.counts()[sdk.api], len(_arrivals(rows, sdk.api))
            asked = {"url": url, "way": case.way, "timeout_s": case.timeout_s, "model": case.model}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            said = json.loads(process.stdout.readline())
            after = stage.counts()[sdk.api]
            arrived, attempts = after.arrivals - before.arrivals, after.attempts - before.attempts
            for effect in effects:
                stage.revert("f", effect)
            row = {"sdk": sdk.name, "case": case.name, "worded": case.worded(sdk.api), "attempts": arrived, **said}
            if case.document is not None:
                # Where nobody listens, only the client knows how often it tried.
                row |= {"attempts": attempts or len(said["slept_s"]) + 1, "arrived": arrived}
            if sdk.api in ("gemini", "bedrock") and case.way == "stream":
                row["read"] = _read(_next(rows, sdk.api, ended), said["text"])
            yield row
        process.stdin.close()


def _arrivals(rows: Path, link: str) -> list[Arrival]:
    return [row for row in read_rows(rows / ARRIVALS, Arrival) if row.link == link]


def _next(rows: Path, link: str, ended: int) -> Arrival:
    """The row behind the *ended* ones of *link*, which is written when its exchange is over."""
    late_s = time.monotonic() + 10
    while len(found := _arrivals(rows, link)) <= ended:
        assert time.monotonic() < late_s, "nobody wrote what came of it"
        time.sleep(0.02)
    return found[ended]


def _read(arrival: Arrival, text: str) -> bool:
    """Whether the wire has read that *text* out of the stream, and no other."""
    return arrival.sketch == sketch(text) or not (arrival.sketch or text)


HEAD = """# What the official SDKs make of it

Each row is what a provider does, each cell what a client of its API makes of it: the text that its caller got if any, what was raised,
with the status and the code that it has, and how often the provider was asked, where that was more than once. Made by

```sh
python tests/benchmarks/sdk_contracts.py
```

which installs each version in an environment of its own, puts the wire in front of a provider that is well, and asks with everything at the
client's defaults, but for the time-out. What it found is kept in [`sdk-contracts.jsonl`](sdk-contracts.jsonl). A client that changes what
it raises changes what a service has to catch.

Of streams of Gemini and Bedrock it is held, too, that the wire reads what the client has: {read}.

No client of these APIs meets as such: {elsewhere}.

In brackets stands how it was asked, where that was not for an answer in one piece: for a stream of chat completions or messages, for one of
OpenAI's Responses, or by Google's client told to retry (`HttpRetryOptions()`), which it does not do of its own.
"""
TITLES = {
    "openai": "OpenAI",
    "azure-openai": "Azure OpenAI",
    "anthropic": "Anthropic",
    "gemini": "Gemini",
    "bedrock": "Bedrock",
}


def written(found: dict[tuple[str, str], Row]) -> str:
    """The whole page."""
    return "".join(
        [
            HEAD.format(read=_held(found), elsewhere=_elsewhere()),
            *(part for api in TITLES for part in _section(api, found)),
        ]
    )


def _held(found: dict[tuple[str, str], Row]) -> str:
    """In how many streams of which nothing was raised the text that the wire read is the client's."""
    quiet = [row["read"] for row in found.values() if "read" in row and not row["raised"]]
    return f"it did in {sum(quiet)} of the {len(quiet)} that raised nothing"


def _elsewhere() -> str:
    said = [f"`{kind}` ({why})" for kind, why in NO_CLIENTS.items()]
    return f"{', '.join(said[:-1])} and {said[-1]}"


def _section(api: str, found: dict[tuple[str, str], Row]) -> Iterator[str]:
    sdks = [sdk.name for sdk in SDKS if sdk.api == api]
    yield f"\n## {TITLES[api]}\n\n| the provider does | {' | '.join(sdks)} |\n| :-- |{' :-- |' * len(sdks)}\n"
    for case in cases(api):
        cells = [_cell(found.get((sdk, case.name))) for sdk in sdks]
        yield f"| {case.name} | {' | '.join(cells)} |\n"


def _cell(row: Row | None) -> str:
    if row is None:
        return "not tried yet"
    said = [f"`{row['raised']}`" if row["raised"] else "no error"]
    if row["raised"] and (row["status"] or row["code"]):
        said.append(" ".join(str(word) for word in (row["status"], row["code"]) if word))
    if not row["raised"] or row["text"]:
        whole = row["text"] == "".join(WORDS)
        said.append("whole" if whole else f"“{row['text'].strip()}”" if row["text"] else "no text")
    came = row.get("arrived", row["attempts"])
    if row["attempts"] != 1 or came != 1:
        said.append(f"{row['attempts']} attempt{'s' if row['attempts'] != 1 else ''}")
    if came != row["attempts"]:
        said.append(f"{came or 'none'} of which came to the provider")
    if any(row["slept_s"]) and row["case"] in WAITS:
        said.append(f"waits {row['slept_s'][0]:g} s" if row["slept_s"][0] >= 2 else "waits as it pleases")
    return ", ".join(said)


def main(words: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--anew", action="store_true", help="try all, whatever was found before")
    anew = options.parse_args(words).anew
    found = {} if anew else kept()
    with provided() as (stage, urls, rows):
        for sdk in SDKS:
            for row in tried(sdk, missing(sdk, found), stage, urls[sdk.api], rows) if missing(sdk, found) else ():
                found[row["sdk"], row["case"]] = row
            KEPT.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _in_order(found)))
    PAGE.write_text(written(found))
    print(f"{PAGE.relative_to(ROOT)}: {len(found)} cells")
    return 0


def _in_order(found: dict[tuple[str, str], Row]) -> Iterator[Row]:
    """Those that are still cases, as they stand on the page."""
    for sdk in SDKS:
        yield from (found[sdk.name, case.name] for case in cases(sdk.api) if (sdk.name, case.name) in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
