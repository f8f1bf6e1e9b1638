"""What each metric has to come to, from what the providers and the service counted: nothing here reads a row of the wire's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import mean
from typing import Any

import numpy as np

from counted_truth.course import HOME, PRICES, Counted
from counted_truth.provider import TOKENS_OUT, Asked
from counted_truth.services import EAST, KEYS, WEST
from harness.record.rows import Request

EARLY_S, LATE_S = 0.01, 0.25
"""So much earlier a client that sleeps may wake up; so long a service needs to hear that its client has gone."""
Truth = Callable[[Counted, str], float]
"""The truth of a metric over the requests that are due in a phase."""


def made_any(run: Counted, phase: str) -> list[list[Asked]]:
    """What the providers were asked for each request that they were asked anything for."""
    return [asked for row, _ in run.due_in(phase) if (asked := run.of(row))]


def one_after_the_other(asked: list[Asked]) -> Iterator[tuple[Asked, Asked]]:
    """Each request to a link with the next one there for the same request of a client."""
    for link in (EAST, WEST):
        yield from pairwise(one for one in asked if one.link == link)


def after_waits(run: Counted, phase: str) -> list[bool]:
    """Of each that came after a stated wait whether it waited so long."""
    pairs = [pair for asked in made_any(run, phase) for pair in one_after_the_other(asked)]
    return [later.began_s - told.said_s >= told.told.wait_s - EARLY_S for told, later in pairs if told.told.wait_s]


def retry_after_obeyed(run: Counted, phase: str) -> float:
    return mean(after_waits(run, phase))


def waits_ignored(run: Counted, phase: str) -> float:
    return after_waits(run, phase).count(False) / len(made_any(run, phase))


def non_retryable_retries(run: Counted, phase: str) -> float:
    found = made_any(run, phase)
    return sum(told.told.status == 400 for asked in found for told, _ in one_after_the_other(asked)) / len(found)


def duplicate_completions(run: Counted, phase: str) -> float:
    return mean(max(0, sum(one.told.status == 200 for one in asked) - 1) for asked in made_any(run, phase))


def orphaned_attempts(run: Counted, phase: str) -> float:
    """Those that were answered when their client had gone."""
    asked = [(row.end_s or 0.0, one) for row, _ in run.due_in(phase) for one in run.of(row)]
    return sum(one.said_s > gone_s + LATE_S for gone_s, one in asked) / len(made_any(run, phase))


def retry_amplification(run: Counted, phase: str) -> float:
    return mean(len(asked) for asked in made_any(run, phase))


def attempts_before_failover(run: Counted, phase: str) -> float:
    moved = [[one.link != asked[0].link for one in asked] for asked in made_any(run, phase)]
    return mean(links.index(True) for links in moved if any(links))


def probes_per_s(run: Counted, phase: str) -> float:
    """Whatever the *phase*: it is of the time in which the east was broken, once there was time to notice."""
    from_s, to_s = run.course.broken_s
    from_s += run.course.plan.scenario.good.within
    return sum(one.link == EAST and from_s <= one.began_s < to_s for one in run.log) / (to_s - from_s)


def failback_time_s(run: Counted, phase: str) -> float:
    """When the first request was answered by the east behind which none was answered elsewhere, since the east was well."""
    gone_s = run.course.broken_s[1]
    served = [(row.due_s, reply["done"]["served"]) for row, reply in zip(run.rows, run.replies, strict=True)]
    away_s = [due_s for due_s, link in served if due_s >= gone_s and link == WEST]
    return min(due_s for due_s, link in served if link == EAST and due_s > max(away_s, default=gone_s)) - gone_s


def fallback_ratio(run: Counted, phase: str) -> float:
    return mean(link == WEST for _, reply in run.due_in(phase) if (link := reply["done"]["served"]))


def is_good(run: Counted, row: Request, reply: dict[str, Any]) -> bool:
    in_time = (row.end_s or 0.0) - row.due_s <= run.course.plan.scenario.good.within
    return in_time and reply["outcome"] == "complete"


def degraded_ratio(run: Counted, phase: str) -> float:
    return mean(
        is_good(run, row, reply) and (reply["degraded"] or reply["done"]["served"] == WEST)
        for row, reply in run.due_in(phase)
    )


def mislabelled_ratio(run: Counted, phase: str) -> float:
    """A link's model has the link's name."""
    return mean(reply["model"] != link for _, reply in run.due_in(phase) if (link := reply["done"]["served"]))


def cache_hit_ratio(run: Counted, phase: str) -> float:
    return mean(reply["cached"] for _, reply in run.due_in(phase) if reply["outcome"] == "complete")


def staleness_s(q: float) -> Truth:
    """The *q* quantile; the snapshot is the one that the provider was asked with, where it was asked."""

    def truth(run: Counted, phase: str) -> float:
        stale_s = []
        for row, reply in run.due_in(phase):
            if reply["outcome"] != "complete":
                continue
            (version,) = {one.snapshot for one in run.of(row)} or {reply["version"]}
            outdated = 0 < run.course.published_s <= row.due_s and version < 2
            stale_s.append(row.due_s - run.course.published_s if outdated else 0.0)
        return float(np.quantile(stale_s, q, method="inverted_cdf"))

    return truth


def answered(run: Counted, phase: str) -> list[Asked]:
    return [one for asked in made_any(run, phase) for one in asked if one.told.status == 200]


def tokens_per_request(run: Counted, phase: str) -> float:
    return sum(one.tokens_in + TOKENS_OUT for one in answered(run, phase)) / len(run.due_in(phase))


def cost_per_good(run: Counted, phase: str) -> float:
    spent = sum(
        one.tokens_in * PRICES[one.link]["in"] + TOKENS_OUT * PRICES[one.link]["out"] for one in answered(run, phase)
    )
    return spent / 1e6 / sum(is_good(run, *both) for both in run.due_in(phase))


def duplicated(run: Counted, phase: str) -> float:
    return sum(max(0, reply["done"]["orders"] - 1) for _, reply in run.due_in(phase))


def lost(run: Counted, phase: str) -> float:
    return sum(reply["outcome"] == "complete" and not reply["done"]["orders"] for _, reply in run.due_in(phase))


def residency_violations(run: Counted, phase: str) -> float:
    return sum(HOME.get(one.question) == EAST != one.link for asked in made_any(run, phase) for one in asked)


def credential_leaks(run: Counted, phase: str) -> float:
    """It is of the phase in which a key was shown, whenever the request was due."""
    span = run.course.plan.phase(phase)
    return sum(one.key != KEYS[one.link] and span.start_s <= one.began_s < span.end_s for one in run.log)


def in_flight(run: Counted, at_s: float) -> int:
    """How many requests somebody was waiting for at that instant, by the watch of who asked."""
    return sum(row.due_s < at_s < (row.end_s or 0.0) for row in run.rows)


def fate(run: Counted, row: Request, reply: dict[str, Any]) -> str:
    """What became of a streamed answer: from what the provider did to the first stream, and what the service made of it."""
    first, flaws = run.of(row)[0].told.broken, set(reply["done"]["flaws"])
    match first:
        case "":
            return "whole"
        case "ended":
            return "truncated_as_success" if flaws else "error"
        case _:
            made = {"joining": "spliced", "repeating": "duplicated", "smoothing": "truncated_as_success"}
            return next((became for flaw, became in made.items() if flaw in flaws), "error")


def share_of(part: str) -> Truth:
    return lambda run, phase: mean(fate(run, *both) == part for both in run.due_in(phase))


TRUTHS: dict[str, Truth] = {
    "retry_after_obeyed": retry_after_obeyed,
    "waits_ignored": waits_ignored,
    "non_retryable_retries": non_retryable_retries,
    "duplicate_completions": duplicate_completions,
    "orphaned_attempts": orphaned_attempts,
    "retry_amplification": retry_amplification,
    "attempts_before_failover": attempts_before_failover,
    "probes_per_s": probes_per_s,
    "fallback_ratio": fallback_ratio,
    "degraded_ratio": degraded_ratio,
    "mislabelled_ratio": mislabelled_ratio,
    "cache_hit_ratio": cache_hit_ratio,
    "staleness_s.p50": staleness_s(0.5),
    "staleness_s.p95": staleness_s(0.95),
    "tokens_per_request": tokens_per_request,
    "cost_per_good": cost_per_good,
    "side_effects.duplicated": duplicated,
    "side_effects.lost": lost,
    "residency_violations": residency_violations,
    "credential_leaks": credential_leaks,
}
"""Of a run of requests that are answered at once."""
FATES = ("whole", "truncated_as_success", "error", "spliced", "duplicated")
OF_STREAMS: dict[str, Truth] = {f"stream_integrity.{part}": share_of(part) for part in FATES}
"""Of a run of requests that are answered piece by piece."""
