"""What to do about a run that says nothing of the service: a sentence for each reason that is known."""

from __future__ import annotations

import re

from harness.judging.result import Result

_LOGS = "what the service itself said of it stands in logs/, beside this page"
_KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"question before the load was not answered",
        f"Ask the target alone until it answers: harness ask TARGET. It takes seconds; {_LOGS}.",
    ),
    (
        r"could be joined|carried the nonce",
        "Have the service pass on the mark that it gets: say under ask.nonce where it travels (prompt, header or field).",
    ),
    (
        r"did not take hold",
        "See that what the fault breaks is in use and reached through its link, and that the fault lasts long enough to be seen.",
    ),
    (
        r"did not stand|somebody else was at",
        "Let nobody else change or reset that Toxiproxy while a run goes on, or leave out --toxiproxy-url: each run then has its own.",
    ),
    (
        r"\blate\b|the harness was stopped|took the faults back|suspended",
        "Run again on a machine that is neither stopped nor suspended meanwhile.",
    ),
    (
        r"came to it",
        "Let the fault last longer, or send more load: too few attempts came to it to hit the share that was asked.",
    ),
    (
        r"broke what is not used",
        "Give the service the link's address (env: of the link), or aim the fault at a link that it uses; "
        "one that is rightly quiet says idle: true.",
    ),
    (
        r"load fell behind|generator did not make",
        "Lower load.rate_per_s, or run on a machine with more processors to spare.",
    ),
    (r"other processes took", "End what else runs on this machine, or run on one of its own, and run again."),
    (r"times that cannot be", "Run again: the clock of this machine jumped, or somebody changed the rows."),
    (
        r"baseline was not steady",
        "See why the service fails with nothing broken; lengthen phases.warmup and phases.baseline, or lower good.ratio to what it has.",
    ),
    (r"in the baseline", "Lengthen phases.baseline, so that something is asked in it."),
    (
        r"the same text|depended on who asked",
        "See in requests.parquet what the service answered, and that body carries {question}.",
    ),
    (
        r"(Toxiproxy|the wire) no longer answered|could not be put back",
        "Run harness heal, which removes what may be left in force, and run again.",
    ),
    (
        r"was not ready within|cannot be started|ended with status|ended by signal",
        f"Mend how the service starts; {_LOGS}.",
    ),
)


_ENDED_BY_OTHERS = "stopped by|frozen by|says no|counts as no|was lost"


def advice(result: Result) -> list[str]:
    """What to do so that the next run says something, each thing once; of a run that has a verdict of the service nothing."""
    if result.verdict in ("pass", "fail", "inconclusive"):
        return []
    if result.verdict == "interrupted":
        return ["Nothing was left in force; the command below makes the same run again."]
    if result.verdict == "aborted" and re.search(_ENDED_BY_OTHERS, result.reason):
        return ["Nothing was left in force; ask whoever ended it, and make the same run again with the command below."]
    if result.verdict == "aborted":
        return [
            "See below where the service fared worst; where that was to be expected, loosen abort: in the scenario."
        ]
    found = [what for pattern, what in _KNOWN if re.search(pattern, result.reason)]
    return found or [f"Mend what the sentence above names and run again; {_LOGS}."]
