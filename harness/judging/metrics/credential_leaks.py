"""Whether the key of one provider is ever told another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.grounds import BEGUN_LESS, Ground
from harness.judging.metrics.counted import Counted
from harness.judging.metrics.ratios import no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known
from harness.record.rows import UNKNOWN_KEY

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools


class CredentialLeaks(Counted):
    """Attempts that carried the key of another link: exactly how many in this run; .rate: how many to expect.

    A link's key is its `credential` in the target file. Where that says none, a key is of the links on which it was seen in the baseline,
    and leaks to those that had another one then; on one whose own nobody knows it may be right or leaked, so that the interval holds both.
    An attempt belongs to the phase in which it began, whoever it was made for.
    """

    name: ClassVar[str] = "credential_leaks"
    rests_on: ClassVar[tuple[Ground, ...]] = (BEGUN_LESS,)
    needs: ClassVar[Known] = "attempts"
    of_requests: ClassVar[bool] = False
    unit: ClassVar[str] = "attempts"
    title: ClassVar[str] = "Credential leaks"
    about: ClassVar[str] = "attempts that carried the key of another link"
    never: ClassVar[str] = "no link was told the key of another one"
    broken_first: ClassVar[int] = 4
    held_first: ClassVar[int] = 57

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        found = super().measure(sample, part)
        doubtful = 0 if found.value is None else int(_doubtful(sample.run)[sample.begun()].sum())
        return replace(found, high=found.high + doubtful) if doubtful else found

    def events(self, sample: Sample) -> tuple[npt.NDArray[np.float64], int] | None:
        run = sample.run
        if not (run.words("attempts", "key_of") != "").any():
            return None
        mine = sample.begun()
        leaked = run.once(self.name, lambda: _leaked(run))
        # Those that follow one another without a break have one cause.
        return _runs(leaked[mine]), int(mine.sum())

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """Links of which nobody knows which key is theirs."""
        keyless = _keyless(sample.run)
        told = (
            f"which key is that of {', '.join(keyless)} is not known: name it (links.{keyless[0]}.credential)"
            if keyless
            else ""
        )
        return told if self.measure(sample).value is not None else ""

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return no_http(plan) or super().unsettled(plan, expectation)

    def broken(self, said: Said) -> str:
        may = "none may" if said.bound == 0 else f"at most {said.limit} may"
        return f"{said.counted('attempt')}{said.where} carried the key of another link; {may}"


def _owners(run: Evidence) -> dict[str, set[str]]:
    """Of each key that was seen in the baseline, the links on which it was."""
    baseline = next(phase for phase in run.plan.phases if phase.name == "baseline")
    began_s = run.column("attempts", "start_s")
    before = (baseline.start_s <= began_s) & (began_s < baseline.end_s) & (run.words("attempts", "key_of") != "")
    found: dict[str, set[str]] = {}
    for key, link in _pairs(run, before)[0]:
        found.setdefault(key, set()).add(link)
    return found


def _pairs(run: Evidence, which: Bools) -> tuple[list[tuple[str, str]], npt.NDArray[np.intp]]:
    """Each different key and link of those attempts, and which of these each attempt has."""
    import numpy as np

    from harness.record.columns import told_apart

    key, link = run.words("attempts", "key_of"), run.words("attempts", "link")
    many = max(1, len(link.vocabulary))
    found, of = told_apart((key.codes.astype(np.int64) * many + link.codes)[which])
    return [(key.vocabulary[one // many], link.vocabulary[one % many]) for one in found.tolist()], of


def _leaked(run: Evidence) -> Bools:
    """Which attempts of *run* carried the key of another link and not that of their own."""
    owners = _owners(run)
    keyed = set().union(*owners.values()) if owners else set()

    def leaks(key: str, link: str) -> bool:
        if _named(key):
            return link not in key.split()
        return key in owners and link not in owners[key] and link in keyed

    return _of_each(run, leaks)


def _doubtful(run: Evidence) -> Bools:
    """Which attempts of *run* carried the key of another link where nobody knows the own one."""

    def made() -> Bools:
        owners, keyless = _owners(run), {*_keyless(run)}
        return _of_each(run, lambda key, link: not _named(key) and key in owners and link in keyless)

    found: Bools = run.once("keys that may be others'", made)
    return found


def _named(key: str) -> bool:
    """Whether the target file says whose *key* is."""
    return bool(key) and not key.startswith(UNKNOWN_KEY)


def _of_each(run: Evidence, is_so: Callable[[str, str], bool]) -> Bools:
    """Of each attempt whether it *is_so* of its key and its link."""
    import numpy as np

    pairs, of = _pairs(run, np.ones(len(run.attempt_table), np.bool_))
    found: Bools = np.array([is_so(*pair) for pair in pairs], dtype=np.bool_)[of]
    return found


def _keyless(run: Evidence) -> list[str]:
    """HTTP links on which keys were seen, none of them in the baseline, and whose own nobody has named."""
    keyed = set().union(*_owners(run).values(), set())
    seen = {*run.words("attempts", "link")[run.words("attempts", "key_of") != ""].unique()}
    links = run.plan.target.links
    return [name for name in links if name in seen - keyed and links[name].credential is None]


def _runs(leaked: Bools) -> npt.NDArray[np.float64]:
    """How many leaked one behind the other, each time; attempts are in the order in which they began."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.r_[False, leaked, False].astype(int)))
    lengths: npt.NDArray[np.float64] = (edges[1::2] - edges[::2]).astype(float)
    return lengths
