"""What answers have to say: as the questions file, the baseline and the publications know it, and as the scenario asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import inf
from typing import TYPE_CHECKING

from harness.judging.json_answers import of_schema
from harness.judging.patience import search_for
from harness.planning.plan import Plan
from harness.protocols.nonce import unmarked
from harness.reading.patterns import patterns
from harness.reading.questions import Expected, Question
from harness.reading.scenario import Answers

if TYPE_CHECKING:
    from harness.judging.evidence import Evidence
    from harness.judging.scoring.answers import Bools, Publication, Told
    from harness.judging.scoring.consistency import Compared
    from harness.record.columns import Table, Words


def compare(
    plan: Plan, requests: Table, publications: Sequence[Publication], asked: Mapping[str, Question]
) -> Compared:
    """The answers that completed, in the order of *requests*, held against what they should have said."""
    import numpy as np

    from harness.judging.scoring import consistency
    from harness.judging.scoring.answers import Given

    rows = requests.words("outcome") == "complete"
    places = np.flatnonzero(rows)
    # A service that repeats the question repeats its nonce, which is another one every time.
    answer = requests.words("answer")[places].map(unmarked)
    publish = plan.target.publish
    return consistency.compare(
        Given(requests, places, answer),
        publications,
        baseline=(requests.words("phase")[places] == "baseline")
        & (requests.numbers("end_s")[places] < _broken_from_s(plan)),
        replica_lag_s=publish.replica_lag if publish else 0.0,
        by=plan.target.ask.reply.compare,
        told=_told(requests.words("question")[places], answer, asked),
    )


def _broken_from_s(plan: Plan) -> float:
    """From when on something that is broken can have had a say in an answer."""
    return min((disturbance.start_s for disturbance in plan.disturbances), default=inf)


def compared(run: Evidence) -> Compared:
    """As `compare`, of all answers of the *run*, once."""
    made: Compared = run.once("answers", lambda: compare(run.plan, run.request_table, run.publications(), run.asked))
    return made


def as_asked(plan: Plan, requests: Table, publications: Sequence[Publication], asked: Mapping[str, Question]) -> Bools:
    """Whether each of *requests* has an answer that says what the scenario asks of a good one (``good.answers``)."""
    import numpy as np

    wanted = plan.scenario.good.answers
    complete: Bools = requests.words("outcome") == "complete"
    if wanted is None or not complete.any():
        return complete
    good = complete.copy()
    good[complete] = requests.words("answer")[complete].map(unmarked).each(_holds(wanted), np.bool_)
    if wanted.agrees:
        good[complete] &= compare(plan, requests, publications, asked).agrees()
    return good


def satisfies(expected: Expected, answer: str) -> bool:
    """Whether *answer* says what was *expected*: the words in their order, a match, or all of the facts."""
    if expected.matches is not None:
        return bool(search_for(expected.matches).found(answer))
    if expected.facts is not None:
        return facts_of(expected.facts) <= facts_of(answer)
    return f" {_wording(expected.text or '')} " in f" {_wording(answer)} "


# One answer is held against what is expected of many.
@lru_cache(maxsize=100_000)
def facts_of(text: str) -> frozenset[str]:
    """The numbers, dates and names with digits in *text*."""
    from harness.judging.scoring.wording import facts

    return facts(text)


def says(text: str) -> bool:
    """Whether there are words in *text*."""
    return bool(_wording(text))


@lru_cache(maxsize=100_000)
def _wording(text: str) -> str:
    from harness.judging.scoring.wording import normalised

    return normalised(text)


def _told(question: Words, answer: Words, asked: Mapping[str, Question]) -> Told | None:
    """What the questions file says of each answer: who asked, whether it is as expected, or as expected for somebody else."""
    import numpy as np

    from harness.judging.scoring.answers import Told
    from harness.record.columns import Words

    if not any(known.user or known.expected for known in asked.values()):
        return None
    met, owned = cache(satisfies), _owned(asked)

    def told(name: str, text: str) -> tuple[str, bool | None, bool]:
        known = asked.get(name)
        if known is None:
            return "", None, False
        right = None if known.expected is None else met(known.expected, text)
        another = not right and any(of.mixed_up(known) and met(of.expected, text) for of in owned)
        return known.user or "", right, another

    texts = max(1, len(answer.vocabulary))
    pairs, of_pair = np.unique(question.codes.astype(np.int64) * texts + answer.codes, return_inverse=True)
    said = [told(question.vocabulary[pair // texts], answer.vocabulary[pair % texts]) for pair in pairs.tolist()]
    return Told(
        Words.numbered(of_pair, [user for user, _, _ in said]),
        np.array([right is not None for _, right, _ in said], np.bool_)[of_pair],
        np.array([right is True for _, right, _ in said], np.bool_)[of_pair],
        np.array([another for _, _, another in said], np.bool_)[of_pair],
    )


@dataclass(frozen=True, slots=True)
class _Owned:
    """What is *expected* for these *users* and for nobody else, in answer to these *texts*."""

    expected: Expected
    users: frozenset[str]
    texts: frozenset[str]

    def mixed_up(self, question: Question) -> bool:
        """Whether an answer to *question* that says this was meant for one of the *users*.

        A cache that goes by what words mean may take a question of other words for this one. Then what is expected has to be telling:
        a "yes" that is wrong here is right for somebody.
        """
        said = self.expected.facts or self.expected.text
        return question.user not in self.users and (_asked(question) in self.texts or bool(said and facts_of(said)))


def given_up(evidence: Evidence) -> list[str]:
    """The patterns of the scenario and of the questions file that took too long on an answer of this run."""
    wanted = evidence.plan.scenario.good.answers
    of_questions = [known.expected.matches for known in evidence.asked.values() if known.expected]
    asked = [wanted.matches, wanted.not_matches, *patterns(wanted.json_schema)] if wanted else []
    named = dict.fromkeys(pattern for pattern in (*asked, *of_questions) if pattern is not None)
    return [pattern for pattern in named if search_for(pattern).given_up]


def _owned(asked: Mapping[str, Question]) -> list[_Owned]:
    found: dict[Expected, list[Question]] = {}
    for question in asked.values():
        if question.expected is not None:
            found.setdefault(question.expected, []).append(question)
    return [
        _Owned(expected, frozenset(q.user for q in questions if q.user), frozenset(map(_asked, questions)))
        for expected, questions in found.items()
        if all(question.user for question in questions)
    ]


def _asked(question: Question) -> str:
    return question.text.strip().casefold()


def asked_of_text(wanted: Answers) -> list[tuple[str, Callable[[str], bool]]]:
    """Each thing that is *wanted* of an answer's text alone, in the words of a scenario, with whether a text has it."""
    found: list[tuple[str, Callable[[str], bool]]] = []
    if (pattern := wanted.matches) is not None:
        found.append((f"matches {pattern}", lambda text: search_for(pattern).found(text) is True))
    if (other := wanted.not_matches) is not None:
        found.append((f"not_matches {other}", lambda text: search_for(other).found(text) is False))
    if wanted.json_schema is not None:
        found.append(("json_schema", of_schema(wanted.json_schema)))
    return found


def _holds(wanted: Answers) -> Callable[[str], bool]:
    """Whether an answer's text alone is as *wanted*."""
    asked = [holds for _, holds in asked_of_text(wanted)]
    return lambda text: all(holds(text) for holds in asked)
