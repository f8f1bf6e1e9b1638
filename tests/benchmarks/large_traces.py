"""How long it takes to read a trace and to plan with it: ``python tests/benchmarks/large_traces.py [ROWS]``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from time import process_time

import msgspec
import numpy as np
import pandas as pd

from harness.planning.plan import laid_out
from harness.planning.recorded import Recorded
from harness.planning.replay import recorded
from harness.reading.scenario import Scenario
from harness.reading.traces import read


def frames(rows: int) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(1)
    at_s = np.sort(rng.uniform(0, 3600, rows)).round(6)
    tokens_in, tokens_out = rng.integers(1, 9000, rows), rng.integers(1, 900, rows)
    stamps = pd.Series(pd.Timestamp("2023-11-16 18:00:00") + pd.to_timedelta(at_s, unit="s")).astype(str)
    return {
        "ours.csv": pd.DataFrame({"due_s": at_s, "tokens_in": tokens_in, "conversation": rng.integers(0, 9999, rows)}),
        "azure.csv": pd.DataFrame({"TIMESTAMP": stamps, "ContextTokens": tokens_in, "GeneratedTokens": tokens_out}),
        "mooncake.jsonl": pd.DataFrame(
            {"timestamp": (1000 * at_s).astype(int), "input_length": tokens_in, "output_length": tokens_out}
        ),
        "ours.parquet": pd.DataFrame({"due_s": at_s, "tokens_in": tokens_in}),
    }


def main(rows: int, only: str) -> None:
    written = {"questions": "q.yaml", "shape": {"trace": {"file": "t", "sizes": True}}}
    phases = {"warmup": "10s", "baseline": "10min", "recovery": "49min"}
    scenario = Scenario.model_validate(
        {
            "schema": "harness.scenario/1",
            "name": "t",
            "load": written,
            "phases": phases,
            "expect": ["good_ratio >= 0.5"],
        }
    )
    pd.to_datetime(pd.Series(["2023-11-16"]))  # imports what reading needs
    for name, frame in frames(rows).items():
        if only and name != only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            if name.endswith("parquet"):
                frame.to_parquet(path)
            elif name.endswith("csv"):
                frame.to_csv(path, index=False)
            else:
                frame.to_json(path, orient="records", lines=True)
            began_s = process_time()
            trace = read(path)
            read_s = process_time()
            made, problems = recorded(trace, scenario.load, laid_out(scenario), ())
            made_s = process_time()
            assert not problems
            assert made.due_between(0, 1e9) == made.requests > 0.9 * rows
            assert msgspec.json.decode(msgspec.json.encode(made), type=Recorded) == made
            there_s = process_time()
        said = {"read_s": read_s - began_s, "planned_s": made_s - read_s, "there_and_back_s": there_s - made_s}
        print(json.dumps({"trace": name, "rows": rows} | {what: round(took, 2) for what, took in said.items()}))


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["1000000"])[0]), (sys.argv[2:] or [""])[0])
