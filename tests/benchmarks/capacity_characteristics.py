"""How often the interval that `harness capacity` tells holds the capacity of a service, how wide it is, and what it costs.

    python tests/benchmarks/capacity_characteristics.py [--seeds 100]

Each service is a queue of so many servers, first come first served, whose clients wait 10 s. Its true capacity is the rate at which, over a
minute that begins with nothing to do, 95 % of answers come within 4 s on average. The rates are tried as the command tries them, and the
time is that of the rates alone, without what a run takes to start. *Near*: held by the interval when both its ends are moved by 5 %.
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass
from random import Random

import numpy as np

from harness.judging.capacity.rate import Objective, judged
from harness.judging.capacity.search import Found, Rate, Search, found
from harness.suites.capacity import span_s

ASKED = Objective(ratio=0.95, within_s=4.0, deadline_s=10.0)
SETTLING_S = 3.0
MINUTE_S = 60.0
NEAR = 1.05


@dataclass(frozen=True)
class Service:
    """*servers* at once, each request of *mean_s* seconds with a coefficient of variation of *cv*; arrivals even or Poisson."""

    name: str
    servers: int
    mean_s: float
    cv: float
    poisson: bool
    first_per_s: float

    def answers(self, chance: Random, per_s: float, lasts_s: float) -> tuple[np.ndarray, np.ndarray]:
        """When requests are due, and how long each takes."""
        free, at_s = [0.0] * self.servers, 0.0
        due, took = [], []
        while True:
            at_s += chance.expovariate(per_s) if self.poisson else 1 / per_s
            if at_s >= lasts_s:
                return np.array(due), np.array(took)
            begins_s = max(at_s, heapq.heappop(free))
            left = begins_s - at_s > ASKED.deadline_s
            each_s = 0.0 if left else chance.gammavariate(self.cv**-2, self.mean_s * self.cv**2)
            heapq.heappush(free, begins_s + each_s)
            due.append(at_s)
            took.append(min(begins_s + each_s - at_s, ASKED.deadline_s))

    def true_per_s(self) -> float:
        """Its capacity, by halving."""
        low, high = 0.2 * self.servers / self.mean_s, 1.4 * self.servers / self.mean_s
        for _ in range(10):
            middle, chance = (low + high) / 2, Random(7)
            shares = [np.mean(self.answers(chance, middle, MINUTE_S)[1] <= ASKED.within_s) for _ in range(60)]
            low, high = (middle, high) if np.mean(shares) >= ASKED.ratio else (low, middle)
        return (low + high) / 2


SERVICES = (
    Service("48/s, even arrivals", 24, 0.5, 0.5, False, 20),
    Service("48/s, Poisson", 24, 0.5, 0.5, True, 20),
    Service("50/s, one after the other", 1, 0.02, 1.0, True, 5),
    Service("16/s, four at once", 4, 0.25, 1.0, True, 5),
    Service("4/s, slow answers", 8, 2.0, 0.3, True, 1),
    Service("333/s, a hundred at once", 100, 0.3, 1.0, True, 5),
)


def search(service: Service, seed: int) -> tuple[Found, int, float]:
    """What a search comes to, after how many rates, and how long they take together."""
    chance, rates, spent_s = Random(seed), list[Rate](), 0.0
    seeking = Search(service.first_per_s)
    while (per_s := seeking.next_per_s(rates)) is not None:
        lasts_s = span_s(per_s, sum(one.per_s == per_s for one in rates), ASKED.ratio)
        due, took = service.answers(chance, per_s, SETTLING_S + lasts_s)
        due, took = due[due >= SETTLING_S], took[due >= SETTLING_S]
        shown = judged((due, took), due, took <= ASKED.within_s, ASKED)
        rates.append(Rate(per_s, shown.came_to))
        spent_s += SETTLING_S + lasts_s
    return found(rates), len(rates), spent_s


def holds(lies: Found, per_s: float, by: float = 1.0) -> bool:
    """Whether *per_s* lies in the interval, its ends moved *by* a factor."""
    return (lies.low is None or lies.low / by <= per_s) and (lies.high is None or per_s <= lies.high * by)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    seeds: int = parser.parse_args().seeds
    print(
        f"{'':<28}{'truth':>8}{'held':>7}{'near':>7}{'low too high':>14}{'open':>7}{'width':>8}{'rates':>9}{'seconds':>9}"
    )
    for service in SERVICES:
        truth = service.true_per_s()
        every = [search(service, seed) for seed in range(seeds)]
        lies = [one for one, _, _ in every]
        both = [one.high / one.low for one in lies if one.low is not None and one.high is not None]
        above = [one.low is not None and one.low > NEAR * truth for one in lies]
        print(
            f"{service.name:<28}{truth:>8.1f}{np.mean([holds(one, truth) for one in lies]):>7.2f}"
            f"{np.mean([holds(one, truth, NEAR) for one in lies]):>7.2f}{np.mean(above):>14.2f}"
            f"{1 - len(both) / seeds:>7.2f}{np.median(both):>8.2f}{np.mean([n for _, n, _ in every]):>9.1f}"
            f"{np.mean([spent_s for _, _, spent_s in every]):>9.0f}"
        )


if __name__ == "__main__":
    main()
