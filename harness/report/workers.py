"""The workers that shared a load, as a reader is told of them: where they were, what each sent, and how its clock stood."""

from __future__ import annotations

from typing import NamedTuple

from harness.judging.result import LoadWorker, Quality
from harness.report import words
from harness.report.plain_text import one_line

_NAMED_MOST = 8
"""So many are told one by one in a sentence; a table has them all."""


class Row(NamedTuple):
    """One worker in a table."""

    called: str
    rows: str
    clock: str
    known_to: str
    amiss: str


def told(quality: Quality) -> str:
    """Who shared the load, in one line; empty where one process sent it all."""
    if not quality.workers:
        return ""
    hosts = list(dict.fromkeys(one_line(worker.host, 40) for worker in quality.workers))
    where = f"{words.counted(len(quality.workers), 'worker')} on {words.counted(len(hosts), 'host')}"
    each = [f"{worker.number} on {one_line(worker.host, 40)} {_rows(worker)}" for worker in quality.workers]
    named = each[:_NAMED_MOST] + ([f"{len(each) - _NAMED_MOST} more"] if len(each) > _NAMED_MOST else [])
    did = "sent" if len(quality.workers) == 1 else "shared"
    return "; ".join([f"{where} {did} the load, rows of each: {', '.join(named)}", _clocks(quality)])


def each(quality: Quality) -> list[Row]:
    """All workers, in the order of their numbers."""
    return [
        Row(
            f"worker {worker.number} (pid {worker.pid} on {one_line(worker.host, 80)})",
            _rows(worker),
            _clock(worker),
            f"\u00b1 {1000 * worker.uncertainty_s:.3f} ms" if worker.another_clock else "",
            one_line(f"lost: it {worker.lost}" if worker.lost else worker.torn, 200),
        )
        for worker in quality.workers
    ]


def _rows(worker: LoadWorker) -> str:
    return f"{words.count(worker.rows)} of {words.count(worker.requests)}"


def _clock(worker: LoadWorker) -> str:
    if not worker.another_clock:
        return "the run's"
    return f"{worker.offset_s:+.6f} s when the load began, {worker.drift_ppm:+.1f} ppm"


def _clocks(quality: Quality) -> str:
    """What the clocks add to what is counted between them."""
    others = sum(worker.another_clock for worker in quality.workers)
    if not others:
        return "all on the run's clock"
    return (
        f"{others} had {'a clock' if others == 1 else 'clocks'} of {'its' if others == 1 else 'their'} own, which adds "
        f"{1000 * quality.clocks_add_s:.3f} ms to both ends of times from a fault to an answer"
    )
