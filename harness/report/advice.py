"""What to do about a run that says nothing of the service: a sentence for each kind of doubt, and for each alarm that is known."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.judging.result import ON_THE_SERVICE, DoubtKind, Result

_LOGS = "what the service itself said of it stands in logs/, beside this page"
_HEAL = "Run harness heal, which removes what may be left in force, and run again."
_AGAIN = "Run again on a machine that is neither stopped nor suspended meanwhile."
_NONCE = (
    "Have the service pass on the mark that it gets: say under ask.nonce where it travels (prompt, header or field)."
)
_OF_DOUBTS: Mapping[DoubtKind, str] = {
    "not_in_force": "See that what the fault breaks is in use and reached through its link, "
    "and that the fault lasts long enough to be seen.",
    "not_in_force_any_more": "Let nobody else change or reset that Toxiproxy while a run goes on, or leave out --toxiproxy-url: "
    "each run then has its own.",
    "other_share": "Let the fault last longer, or send more load: too few attempts came to it to hit the share that was asked.",
    "not_joined": _NONCE,
    "other_links": "Give links in the run's target.yaml the names that they had when it was made, and judge again: "
    "the run need not be made again.",
    "unused": "Give the service the link's address (env: of the link), or aim the fault at a link that it uses; "
    "one that is rightly quiet says idle: true.",
    "unmet": "Let the fault last longer, or ask what needs its links while it is in force; where open connections are spared (no_new), "
    "reset them too (refuse).",
    "left_in_force": _HEAL,
    "late": _AGAIN,
    "impossible_times": "Run again: the clock of this machine jumped, or somebody changed the rows.",
    "load": "Lower load.rate_per_s, or load.users of a locustfile, or run on a machine with more processors to spare.",
    "users": "Mend the locustfile where that is not what its users are to do; what its tasks and listeners raised stands in logs/load.log.",
    "worker": "See in that worker's log (logs/load-0.log, or its machine's terminal) why it ended, or who wrote in rows/, and run again.",
    "wire": f"Run again, and tell the makers of the harness what it says; {_LOGS}.",
    "one_answer": "See in requests.parquet what the service answered, and that body carries {question}.",
    "pattern": "Write a pattern that has one way through a text, and judge again: the run need not be made again.",
    "no_baseline": "Lengthen phases.baseline, so that something is asked in it.",
    "no_traffic": "Use the service while a run goes on, and give it the links' addresses (env: of the link); or have the harness send "
    "the load (load.rate_per_s and load.questions).",
    "unsteady_baseline": "See why the service fails with nothing broken; lengthen phases.warmup and phases.baseline, "
    "or lower good.ratio to what it has.",
    "busy_machine": "End what else runs on this machine, or run on one of its own, and run again.",
}
# What was said while a run went on, or kept it from beginning, is a sentence and no more.
_OF_SENTENCES: tuple[tuple[str, str], ...] = (
    (
        r"question before the load was not answered",
        f"Ask the target alone until it answers: harness ask TARGET. It takes seconds; {_LOGS}.",
    ),
    (r"carried the nonce", _NONCE),
    (r"somebody else was at", _OF_DOUBTS["not_in_force_any_more"]),
    (r"the harness was stopped|took the faults back|suspended", _AGAIN),
    (r"that share the load, was lost", _OF_DOUBTS["worker"]),
    (r"(Toxiproxy|the wire) no longer answered", _HEAL),
    (
        r"was not ready within|cannot be started|ended with status|ended by signal",
        f"Mend how the service starts; {_LOGS}.",
    ),
)


_ENDED_BY_OTHERS = "stopped by|frozen by|says no|counts as no|was lost"


def advice(result: Result) -> list[str]:
    """What to do so that the next run says something, each thing once; of a run that has a verdict of the service nothing."""
    if result.verdict in ON_THE_SERVICE:
        return []
    if result.verdict == "interrupted":
        return ["Nothing was left in force; the command below makes the same run again."]
    if result.verdict == "aborted" and re.search(_ENDED_BY_OTHERS, result.reason):
        return ["Nothing was left in force; ask whoever ended it, and make the same run again with the command below."]
    if result.verdict == "aborted":
        return [
            "See below where the service fared worst; where that was to be expected, loosen abort: in the scenario."
        ]
    # What else is missing of a run that broke down is missing since it did.
    doubts = result.doubts if result.verdict == "invalid" else []
    found = [_of_doubt(doubt.kind, doubt.said) for doubt in doubts] or [_of_sentence(result.reason)]
    return list(dict.fromkeys(filter(None, found))) or [f"Mend what the sentence above names and run again; {_LOGS}."]


def _of_doubt(kind: DoubtKind, said: str) -> str:
    return _of_sentence(said) if kind == "alarm" else _OF_DOUBTS[kind]


def _of_sentence(said: str) -> str:
    return next((what for pattern, what in _OF_SENTENCES if re.search(pattern, said)), "")
