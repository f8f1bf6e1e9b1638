"""How long many questions take to read, to plan with and to pass on: ``python tests/benchmarks/many_questions.py [COUNT]``."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from time import process_time

import msgspec

from harness.planning.curve import Linear
from harness.planning.schedule import Schedule, turns
from harness.prepare import Asked, prepare
from harness.protocols.asking import ResolvedAsk
from harness.running.load.plan import LoadPlan, planned

ROOT = Path(__file__).resolve().parents[2]


def written(name: str, count: int) -> str:
    rows = [{"id": f"q{number}", "text": f"What is known of case {number}, in a sentence?"} for number in range(count)]
    if name.endswith("jsonl"):
        return "".join(json.dumps(row | {"turns": ["And why?"]}) + "\n" for row in rows)
    return "id,text\n" + "".join(f'{row["id"]},"{row["text"]}"\n' for row in rows)


def main(count: int) -> None:
    for name in ("many.csv", "many.jsonl"):
        with tempfile.TemporaryDirectory() as folder:
            scenarios = Path(shutil.copytree(ROOT / "scenarios", Path(folder) / "scenarios"))
            path = scenarios / "region-loss.yaml"
            path.write_text(path.read_text().replace("questions/facts.yaml", name))
            (scenarios / name).write_text(written(name, count))
            began_s = process_time()
            prepared = prepare(path, None, Asked(), None)
            prepared_s = process_time()
            load = LoadPlan(
                run_id="r",
                schedule=Schedule("constant", (Linear(50, 1_000, 1_000),), 0.2, 5.0, 1),
                entries={"east": "http://127.0.0.1:1"},
                questions=tuple(map(planned, prepared.questions.value.questions)),
                ask=ResolvedAsk("json"),
                in_flight_max=1,
                rows_dir="/r",
                ready_path="/r",
                start_path="/s",
            )
            again = msgspec.json.decode(msgspec.json.encode(load), type=LoadPlan)
            passed_s = process_time()
            sent = sum(1 for _ in turns(again))
            sent_s = process_time()
        said = {
            "prepared_s": round(prepared_s - began_s, 2),
            "passed_on_s": round(passed_s - prepared_s, 2),
            "us_a_request": round(1e6 * (sent_s - passed_s) / sent, 1),
        }
        print(json.dumps({"questions": name, "count": count} | said))


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["100000"])[0]))
