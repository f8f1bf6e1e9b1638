"""Access logs in lines: when a call began, how long it took and what it came to, as each server writes it; no line is lost silently."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import pytest
from incidents.synthetic import START_S
from incidents.test_formats import KEY, log

from harness.incidents.calls import LEFT, OK, TIMED_OUT

HEAD = f'10.0.0.1 - - [03/Mar/2026:14:00:01 +0000] "POST /v1?key={KEY} HTTP/1.1" 503 512'
AGENT = '"-" "Mozilla/5.0 (X11) (KHTML, like Gecko) \\"x\\" 9.9"'


@pytest.mark.parametrize(
    ("line", "began_s", "took_ms"),
    [(f"{HEAD} {AGENT} 0.250", 0.75, 250), (f"{HEAD} {AGENT} 0.250 0.240 .", 0.75, 250), (f'{HEAD} {AGENT} rt=0.250 urt="0.9"', 0.75, 250),
     (f'{HEAD} {AGENT} "-" "rt=0.250 uct=0.001"', 0.75, 250), (f'{HEAD} {AGENT} 17 "r@docker" "http://1.2.3.4:80" 250ms', 1.0, 250),
     (f"{HEAD} {AGENT}", 1.0, None), (f"{HEAD} {AGENT} 250000", 1.0, None), (HEAD, 1.0, None), (f"a.example.com {HEAD} 0.250", 0.75, 250)],
    ids=["nginx", "two times", "named", "named in quotes", "traefik", "combined", "apache's %D", "common", "with a host"],
)  # fmt: skip
def test_a_line_in_combined_form_says_when_it_began_and_how_long_it_took_where_that_is_known(
    tmp_path: Path, line: str, began_s: float, took_ms: float | None
) -> None:
    found = log(tmp_path, f"{line}\n{line.replace(' 503 ', ' 200 ')}\n{line.replace(' 503 ', ' 499 ')}\n")
    assert (found.forms, found.calls.came_to.tolist()) == ({str(tmp_path / "log"): "access"}, [503, OK, LEFT])
    assert found.calls.at_s.tolist() == pytest.approx([START_S + began_s] * 3)
    assert all(isnan(ms) if took_ms is None else ms == pytest.approx(took_ms) for ms in found.calls.duration_ms)
    assert (len(found.told) == 1) == (took_ms is None)


def balanced(status: str, target: str, times: str, created: str = "2026-03-03T14:00:00.000000Z") -> str:
    return (
        f"https 2026-03-03T14:00:00.250000Z app/lb/5 1.2.3.4:28 10.0.0.1:80 {times} {status} {target} 34 366 "
        f'"POST https://x:443/v1?key={KEY} HTTP/1.1" "curl/7.46.0" ECDHE TLSv1.2 arn:x "Root=1-5" "x" "arn" 0 {created} '
        '"forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1'
    )


def test_lines_of_awss_load_balancers_say_what_their_targets_did(tmp_path: Path) -> None:
    rows = [
        balanced("200", "200", "0.001 0.248 0.001"),
        balanced("504", "-", "-1 -1 -1"),
        balanced("504", "504", "0.001 0.248 0.001"),
        balanced("460", "-", "-1 -1 -1"),
        balanced("503", "-", "-1 -1 -1", created="x"),
    ]
    calls = log(tmp_path, "\n".join(rows)).calls
    assert sorted(calls.came_to.tolist()) == sorted([OK, TIMED_OUT, 504, LEFT, 503])
    assert calls.at_s.tolist() == pytest.approx([START_S] * 4 + [START_S + 0.25])
    assert calls.duration_ms[:4].tolist() == pytest.approx([250] * 4)
    assert {calls.links[link] for link in calls.link} == {"app/lb/5"}


def test_what_else_stands_in_a_log_of_access_is_counted_and_not_quoted(tmp_path: Path) -> None:
    odd = [f"2026/03/03 14:00:00 [error] 7#7: {KEY}", HEAD.replace("03/Mar", "99/Mar"), HEAD.replace(" 503 ", " - ")]
    found = log(tmp_path, "\n".join([odd[0], HEAD, *odd[1:], f"{HEAD} {'x' * 20_000}"]))
    assert (found.calls.size, found.broken_rows, [one.line for one in found.broken]) == (2, 3, [1, 3, 4])
    assert KEY not in "".join(map(str, found.broken))


def test_a_line_that_was_made_to_be_read_for_long_is_read_at_once(tmp_path: Path) -> None:
    hostile = [
        "- " * 8_000,
        HEAD.partition('"')[0] + '"' + '\\"' * 8_000,
        f"{HEAD} " + '"' * 16_000,
        "1." * 8_000,
        f"{HEAD} " + "1. " * 5_000,
    ]
    found = log(tmp_path, "\n".join([HEAD, *hostile]))
    assert found.calls.size + found.broken_rows == 6


def test_a_line_whose_beginning_nobody_can_know_is_counted(tmp_path: Path) -> None:
    long = balanced("200", "200", "1e14 0.1 0.1".replace("1e14", "1" + "0" * 14), created="x")
    found = log(tmp_path, "\n".join([HEAD, f"{HEAD} {AGENT} 99999999999.5", long]))
    assert (found.calls.size, [one.line for one in found.broken]) == (1, [2, 3])
    assert "between 0 and a week" in str(found.broken[0])
