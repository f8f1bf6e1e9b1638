"""Two runs with one seed, on the real wire: the same requests are hit, although no nonce of one is a nonce of the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.protocols.nonce import lot

pytestmark = pytest.mark.whole_run
SHARE = 0.4
FAULT = {"kind": "http_error", "on": {"kind": "provider"}, "status": 503, "share": SHARE, "at": "fault"}
PHASES = {"warmup": "250ms", "baseline": "1s", "fault": "4s", "recovery": "250ms"}
# Whether a request at the edge of the fault meets it hangs on how fast its attempt comes.
INSIDE_S = (2.25, 4.25)


def drawn(folder: Path) -> dict[str, bool]:
    """Whether each request that lay well inside the fault was hit, by what chance hangs on."""
    rows = pd.read_parquet(folder / "requests.parquet")
    inside = rows[rows["due_s"].between(*INSIDE_S) & (rows["attempts"] > 0)]
    arrivals = pd.read_parquet(folder / "arrivals.parquet")
    hit = set(arrivals.loc[arrivals["fault"] != "", "nonce"])
    return {lot(nonce): nonce in hit for nonce in inside["nonce"]}


def test_equal_seeds_hit_the_same_requests_in_two_real_runs(small: Any) -> None:
    small.write("scenario", small.scenario | {"faults": [FAULT], "phases": PHASES})
    outs = [small.folder / name for name in ("first", "again")]
    for process in [small.begin("--seed", "5", "--out", str(out), HARNESS_STATE=f"{out}-state") for out in outs]:
        small.end(process)
    folders = [folder for out in outs for folder in out.glob("*/*")]
    first, again = map(drawn, folders)

    both = first.keys() & again.keys()
    assert len(both) >= 20
    assert {key: first[key] for key in both} == {key: again[key] for key in both}
    assert 0 < sum(first.values()) < len(first)
    nonces = [set(pd.read_parquet(folder / "requests.parquet")["nonce"]) for folder in folders]
    assert nonces[0].isdisjoint(nonces[1])
