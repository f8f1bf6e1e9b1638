"""Runs every example of `docs/faults.md` with everything real: did each fault take hold, whom did it touch, and has it gone?

::

    python tests/benchmarks/fault_pages.py [--only KIND]

Each example is completed to a scenario, as the page's readers would, and run on `scenarios/targets/resilient.yaml`, or on the target that
has what it breaks; half a minute each. One that breaks a container is run where a Docker engine answers, or where one of our own can be
started, which takes root, `docker` and `dockerd`. What a run came to is a line of ``build/fault-pages.jsonl``, so the command goes on where
it was stopped; an example that reads otherwise since is run again. A fault that did not take hold, or was not taken back, ends it with 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a command, this file is where Python looks first
from containers import broken, stack

ROOT = Path(__file__).resolve().parents[2]
PAGE, STORE = ROOT / "docs" / "faults.md", ROOT / "build" / "fault-pages.jsonl"
OUT, TARGETS = ROOT / "build" / "fault-pages", ROOT / "scenarios" / "targets"
TARGET = {
    "switch": TARGETS / "release-resilient.yaml",
    "lost_messages": Path(__file__).with_name("subscriber.yaml"),
    "bad_certificate": TARGETS / "tls-resilient.yaml",
    "bad_lookup": TARGETS / "names-resilient.yaml",
    "slow_lookup": TARGETS / "names-resilient.yaml",
}
"""What an example is run on that has a fault of that kind; all others on resilient.yaml."""
MODEL = {"gpt-4o*": "simul*"}
"""What models that the page names are called there."""
WHOLE: dict[str, Any] = {
    "schema": "harness.scenario/1",
    "load": {"rate_per_s": 15, "deadline": "7s", "questions": str(ROOT / "scenarios" / "questions" / "facts.yaml")},
    "phases": {"warmup": "1s", "baseline": "5s", "fault": "13s", "recovery": "3s"},
    "good": {"within": "6s"},
}
EXPECT = ["good_ratio >= 0.1 in baseline"]
"""What was expected of it is not asked here."""
LONG = {"warmup": "1s", "baseline": "5s", "recovery": "14s"}
"""Of an example that has phases of its own, those are shorter; an aftereffect of 12 s has its time."""
Row = dict[str, Any]


class AsTheHarnessReads(yaml.SafeLoader):
    """The key ``on`` is a word."""


AsTheHarnessReads.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
AsTheHarnessReads.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), ["t", "f"])


def examples() -> list[tuple[str, dict[str, Any]]]:
    """The examples of the page, each as it is written, and as a whole scenario."""
    found = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [(text, _whole(number, yaml.load(text, AsTheHarnessReads))) for number, text in enumerate(found)]


def _whole(number: int, said: dict[str, Any]) -> dict[str, Any]:
    phases = {"phases": {**said["phases"], **LONG}} if "phases" in said else {}
    faults = [_there(fault) for fault in said["faults"]]
    return {**WHOLE, "name": f"example-{number}", "faults": faults, "expect": EXPECT, **phases}


def _there(fault: dict[str, Any]) -> dict[str, Any]:
    """*fault* with the models of the target in place of those that the page names."""
    on = fault.get("on", {})
    return {**fault, "on": {**on, "model": MODEL[on["model"]]}} if "model" in on else fault


def code() -> str:
    """A mark of what the runs hang on."""
    paths = [
        *sorted((ROOT / "harness").rglob("*.py")),
        *sorted({*TARGET.values(), target([]), Path(__file__).with_name("subscriber.py")}),
        Path(__file__),
    ]
    return hashlib.blake2b(b"".join(path.read_bytes() for path in paths), digest_size=6).hexdigest()


def target(faults: list[dict[str, Any]]) -> Path:
    """The target file on which an example with *faults* is run."""
    return next((TARGET[fault["kind"]] for fault in faults if fault["kind"] in TARGET), TARGETS / "resilient.yaml")


class Surroundings(NamedTuple):
    """On which *target* an example is run, and with which *environment*."""

    target: Path
    environment: Mapping[str, str]


@contextmanager
def with_a_container() -> Iterator[Surroundings | str]:
    """Where an example is run that breaks a container; why it cannot be, where none can be had."""
    if not stack.answers(os.environ) and (lacks := stack.lacking(as_root=os.geteuid() == 0)):
        yield lacks.said
        return
    with ExitStack() as at_end:
        folder = Path(at_end.enter_context(tempfile.TemporaryDirectory(prefix="harness-fault-pages-")))
        environment = at_end.enter_context(stack.engine(folder))
        stack.build(folder, environment)
        at_end.enter_context(broken.running(stack.IMAGE, environment))
        # Beside the file that it is made of, as what that names is.
        file = at_end.enter_context(tempfile.NamedTemporaryFile("w", dir=TARGETS, prefix="containers-", suffix=".yaml"))
        file.write(target([]).read_text() + f"containers: {{cache: {{name: {broken.NAME}}}}}\n")
        file.flush()
        yield Surroundings(Path(file.name), environment)


def breaks_a_container(scenario: dict[str, Any]) -> bool:
    return any("container" in fault.get("on", {}) for fault in scenario["faults"])


def run(text: str, scenario: dict[str, Any], mark: str, around: Surroundings | None = None) -> Row:
    """What came of one example."""
    around = around or Surroundings(target(scenario["faults"]), os.environ)
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{scenario['name']}.yaml"
    path.write_text(json.dumps(scenario))
    words = ["run", str(path), "--target", str(around.target), "--out", str(OUT)]
    command = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words]
    before = set(OUT.glob(f"{scenario['name']}/*/result.json"))
    environment = {**around.environment, "HARNESS_STATE": str(OUT / "state")}
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    made = set(OUT.glob(f"{scenario['name']}/*/result.json")) - before
    if not made:
        return {"example": text, "code": mark, "status": ended.returncode, "reason": ended.stderr[-500:], "faults": []}
    result = json.loads(made.pop().read_text())
    keys = ("kind", "summary", "confirmed", "reverted_at_s", "lost", "attempts_affected", "evidence")
    faults = [{key: fault[key] for key in keys} for fault in result["faults"]]
    return {"example": text, "code": mark, "status": ended.returncode, "reason": result["reason"], "faults": faults}


def known(mark: str) -> dict[str, Row]:
    """What an older version of the code came to is found out anew."""
    rows = map(json.loads, STORE.read_text().splitlines()) if STORE.exists() else ()
    return {row["example"]: row for row in rows if row.get("code") == mark}


def told(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        for fault in row["faults"]:
            held = "took hold" if fault["confirmed"] else "did not take hold"
            gone = "gone" if fault["reverted_at_s"] is not None else "NOT TAKEN BACK"
            touched = "" if fault["attempts_affected"] is None else f", {fault['attempts_affected']} attempts"
            yield f"{fault['summary']:<78} {held}{touched}; {gone}{fault['lost'] and ', lost: ' + fault['lost']}"
        if not row["faults"]:
            yield f"{row['example'].splitlines()[0][:78]:<78} no run: {row['reason']}"


def main(words: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--only", default="", help="run the examples alone that have this kind")
    only = options.parse_args(words).only
    mark = code()
    found, rows = known(mark), list[Row]()
    STORE.parent.mkdir(exist_ok=True)
    with ExitStack() as at_end:
        there: Surroundings | str | None = None
        for text, scenario in examples():
            if only not in ("", *(fault["kind"] for fault in scenario["faults"])):
                continue
            if breaks_a_container(scenario) and text not in found:
                there = there or at_end.enter_context(with_a_container())
            if isinstance(there, str) and breaks_a_container(scenario):
                print(f"{text.splitlines()[0][:78]:<78} no run: {there}")
                continue
            if text not in found:
                found[text] = run(
                    text,
                    scenario,
                    mark,
                    there if isinstance(there, Surroundings) and breaks_a_container(scenario) else None,
                )
                if found[text]["faults"]:
                    with STORE.open("a") as file:
                        file.write(json.dumps(found[text]) + "\n")
            rows.append(found[text])
            print("\n".join(told(rows[-1:])), flush=True)
    held = {fault["kind"]: False for row in rows for fault in row["faults"]}
    for row in rows:
        held |= {fault["kind"]: True for fault in row["faults"] if fault["confirmed"]}
    never = [kind for kind, once in held.items() if not once]
    missed = [fault["summary"] for row in rows for fault in row["faults"] if not fault["confirmed"]]
    print("".join(f"did not take hold: {summary}\n" for summary in missed), end="")
    back = all(row["faults"] for row in rows) and all(
        fault["reverted_at_s"] is not None for row in rows for fault in row["faults"]
    )
    print(f"{len(held)} kinds" + (f"; never took hold: {', '.join(never)}" if never else ", each of them took hold"))
    return int(bool(missed) or not back)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
