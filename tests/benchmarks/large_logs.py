"""How long it takes to import large logs, and how much memory: ``python tests/benchmarks/large_logs.py [SPANS]``.

Each form is written for a minute-long outage within an hour and read by a process of its own, whose greatest memory is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

START_S = 1_772_546_400
IN_A_LINE = 500
_MEASURED = """
import json, resource, sys, time
from harness.interfaces.cli import main
began = time.monotonic()
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {"took_s": time.monotonic() - began, "processor_s": used.ru_utime + used.ru_stime, "memory_mb": used.ru_maxrss / 1024}
    print(json.dumps({what: round(value, 1) for what, value in took.items()}))
"""


def calls(count: int) -> Iterator[tuple[int, float, float, int]]:
    """The place of each call, when it began, how many ms it took, and its status."""
    rng = np.random.default_rng(1)
    at_s = np.sort(rng.uniform(0, 3600, count))
    took_ms = 600 * np.exp(0.3 * rng.standard_normal(count))
    bad = (at_s > 1800) & (at_s < 1860) & (rng.random(count) < 0.4)
    yield from zip(range(count), at_s, took_ms, np.where(bad, 503, 200), strict=True)


def spans(count: int) -> Iterator[str]:
    """OTLP in lines, as the collector's file exporter writes it."""
    held: list[dict[str, object]] = []
    for number, at_s, took_ms, status in calls(count):
        start_ns = int((START_S + at_s) * 1e9)
        said: dict[str, object] = {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "server.address": "api.openai.com",
            "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.conversation.id": f"conv-{number // 7:x}", "gen_ai.response.id": f"chatcmpl-{number:024x}",
        }  # fmt: skip
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]
        attributes += [
            {"key": f"gen_ai.usage.{what}_tokens", "value": {"intValue": "210"}} for what in ("input", "output")
        ]
        attributes += [{"key": "error.type", "value": {"stringValue": "503"}}] if status == 503 else []
        held.append(
            {
                "traceId": f"{number:032x}", "spanId": f"{number + 1:016x}", "parentSpanId": f"{number + (1 << 40):016x}",
                "name": "chat gpt-4o", "kind": 3, "startTimeUnixNano": str(start_ns),
                "endTimeUnixNano": str(start_ns + int(took_ms * 1e6)), "attributes": attributes,
                "status": {"code": 2} if status == 503 else {},
            }
        )  # fmt: skip
        if len(held) == IN_A_LINE:
            yield _line(held)
            held = []
    if held:
        yield _line(held)


def _line(held: list[dict[str, object]]) -> str:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "assistant"}}]}
    return json.dumps(
        {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "x"}, "spans": held}]}]}
    )


def table(count: int) -> Iterator[str]:
    yield "start,duration_ms,status,link,model"
    for _, at_s, took_ms, status in calls(count):
        yield f"{START_S + at_s:.6f},{took_ms:.1f},{status},api.openai.com,gpt-4o"


FORMS: dict[str, Callable[[int], Iterator[str]]] = {"otlp": spans, "csv": table}


def main(count: int) -> None:
    for name, lines in FORMS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"log.{name}"
            with path.open("w") as stream:
                stream.writelines(f"{line}\n" for line in lines(count))
            asked = ["import", str(path), "--out", str(Path(folder) / "incident.yaml")]
            done = subprocess.run([sys.executable, "-c", _MEASURED, *asked], capture_output=True, text=True, check=True)
            took = json.loads(done.stdout.splitlines()[-1])
            print(json.dumps({"form": name, "rows": count, "mb": path.stat().st_size >> 20, **took}), flush=True)


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["1000000"])[0]))
