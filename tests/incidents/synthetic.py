"""Logs of incidents whose truth is known: calls made from a timeline, as each format would have written them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

START_S = 1_772_546_400.0
"""2026-03-03 14:00:00 UTC."""


class Stretch(NamedTuple):
    """Until *end_s* so large shares of the calls come to these statuses or words, and the others take *median_ms* at the median."""

    end_s: float
    comes_to: dict[str, float] = {}  # noqa: RUF012 - never changed
    median_ms: float = 600.0


class Made(NamedTuple):
    """One call: when it began, how long it took, its status or word, and where it went."""

    at_s: float
    took_ms: float
    status: str
    link: str = "api.openai.com"
    model: str = "gpt-4o"


def made(stretches: Sequence[Stretch], rate: float, seed: int = 1, **where: str) -> list[Made]:
    """Calls of a Poisson process of *rate* a second, with log-normal latencies."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(rate * stretches[-1].end_s)
    calls = []
    for at_s in np.sort(rng.uniform(0, stretches[-1].end_s, count)):
        stretch = next(one for one in stretches if at_s < one.end_s)
        draw, status = rng.random(), "200"
        for word, share in stretch.comes_to.items():
            if 0 <= draw < share:
                status = word
            draw -= share
        took_ms = stretch.median_ms * float(np.exp(0.3 * rng.standard_normal())) if status == "200" else 40.0
        calls.append(Made(START_S + float(at_s), 10_000.0 if status == "timeout" else took_ms, status, **where))
    return calls


def stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def csv_file(path: Path, calls: Iterable[Made]) -> Path:
    rows = [f"{stamp(one.at_s)},{one.took_ms:.2f},{one.status},{one.link},{one.model}" for one in calls]
    path.write_text("\n".join(["start,duration_ms,status,link,model", *rows]) + "\n")
    return path


def attributes(said: dict[str, object]) -> list[dict[str, object]]:
    """As OTLP has them."""
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in said.items()]


def span(number: int, at_s: float, took_ms: float, said: dict[str, object], **more: Any) -> dict[str, Any]:
    start_ns = int(at_s * 1e9)
    return {
        "traceId": f"{more.pop('trace', number):032x}", "spanId": f"{number:016x}", "name": "x", "kind": 3,
        "startTimeUnixNano": str(start_ns), "endTimeUnixNano": str(start_ns + int(took_ms * 1e6)),
        "attributes": attributes(said), **more,
    }  # fmt: skip


def otlp(spans: Iterable[dict[str, Any]]) -> str:
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]})


def otlp_file(path: Path, calls: Iterable[Made], in_a_line: int = 100) -> Path:
    spans = []
    for number, one in enumerate(calls, start=1):
        said: dict[str, object] = {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "server.address": one.link, "server.port": 443,
            "gen_ai.request.model": one.model, "gen_ai.usage.input_tokens": 20, "gen_ai.usage.output_tokens": 30,
        }  # fmt: skip
        failed = one.status != "200"
        said |= {"error.type": one.status} if failed else {}
        spans.append(span(number, one.at_s, one.took_ms, said, status={"code": 2 if failed else 0}))
    lines = [otlp(spans[at : at + in_a_line]) for at in range(0, len(spans), in_a_line)]
    path.write_text("\n".join(lines) + "\n")
    return path
