"""Whatever a client does by itself stands in the scenario reference, with the number that is in force."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.reading.scenario import Scenario
from harness.running.load.plan import Limits
from harness.running.world.load import DRAIN_S, LATE_S_MAX, client_limits

ROOT = Path(__file__).resolve().parents[3]
# Locust's side of these patches sockets on import, so another process is asked.
OF_THE_CHILD = (
    "from harness.running.load import connections, exchange; print(connections.IDLE_S_MAX, exchange.LINGER_S)"
)


def documented() -> dict[str, str]:
    text = (ROOT / "docs" / "scenario.md").read_text()
    table = text.partition("| limit of a client | is |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", table.partition("| --- |")[2], re.MULTILINE))


def test_every_limit_of_a_client_stands_in_the_scenario_reference_with_its_number():
    idle_s, linger_s = subprocess.run(
        [sys.executable, "-c", OF_THE_CHILD], capture_output=True, text=True, check=True
    ).stdout.split()
    limits = Limits()
    assert documented() == {
        "opening a connection": f"{limits.connect_s:g} s",
        "size of an answer's body": f"{limits.body_bytes_max:,} bytes",
        "text of an answer that is kept": f"{limits.answer_chars_max:,} characters",
        "a connection that is not used": f"{float(idle_s):g} s",
        "the end of an HTTP message behind the end of its answer": f"{float(linger_s):g} s",
        "being late to send": f"{LATE_S_MAX:g} s",
        "open requests behind the last deadline": f"{DRAIN_S:g} s",
    }
    # The deadline and the stall are the scenario's; a limit that is new has to be written down.
    told = {"connect_s", "body_bytes_max", "answer_chars_max", "stall_s", "deadline_s"}
    assert set(Limits.__struct_fields__) == told


@pytest.mark.parametrize(
    ("load", "stall_s"),
    [({}, 10), ({"deadline": "30s"}, 30), ({"stall": "5s"}, 5), ({"stall": "20s"}, 10), ({"deadline": "2s"}, 2)],
)
def test_only_the_deadline_ends_an_answer_unless_the_scenario_says_how_long_it_may_be_silent(load, stall_s):
    scenario = Scenario.model_validate(
        {
            "schema": "harness.scenario/1",
            "name": "a",
            "load": {"questions": "q.yaml"} | load,
            "phases": {"baseline": "1s", "fault": "1s", "recovery": "1s"},
            "expect": ["good_ratio >= 0.9"],
        }
    )
    limits = client_limits(scenario.load.deadline, scenario.load.stall)
    assert (limits.stall_s, limits.deadline_s) == (stall_s, scenario.load.deadline)
    assert msgspec.structs.replace(limits, stall_s=0, deadline_s=0) == Limits(stall_s=0, deadline_s=0)


def test_a_stall_of_nothing_is_refused():
    with pytest.raises(ValueError, match="greater than 0"):
        Scenario.model_validate({"load": {"questions": "q", "stall": "0s"}})
