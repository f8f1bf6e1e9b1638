"""A run in Markdown, for the page of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.judging.result import Finding, Result
from harness.report import diagnoses, trust, words
from harness.report.advice import advice
from harness.report.changes import Side, changes
from harness.report.headline import beside, headline
from harness.report.plain_text import one_line
from harness.report.whereabouts import who_fared_worse

_SPECIAL = re.compile(r"(?P<within>(?<=[^\W_])_+(?=[^\W_]))|[\\`*_\[\]<>#|~$!&@]")
"""What GitHub reads as more than itself; underscores within a word it does not (CommonMark, 6.2)."""
_STATES = {"yes": "yes", "no": "**no**", "open": "?"}


def summary(result: Result, baseline: Result | None = None) -> str:
    """Verdict, findings, what changed since the *baseline* run, what speaks against the numbers, and how to repeat the run."""
    changed = _changes(result, baseline) if baseline is not None else ()
    return (
        "\n".join(
            [
                *_head(result),
                *_findings(result),
                *_fidelity(result),
                *_diagnoses(result),
                *changed,
                *_quality(result),
                *_again(result),
            ]
        )
        + "\n"
    )


def escaped(text: str, most: int = 300) -> str:
    """*text* as Markdown that reads as it stands, in a table too, and before it is rendered no worse than it has to."""
    return _SPECIAL.sub(lambda found: found["within"] or f"\\{found[0]}", one_line(text, most))


def code(text: str, most: int = 200) -> str:
    """*text* between backticks; a bar has to be escaped even there, where it stands in a table."""
    return f"`{one_line(text, most).replace('`', chr(0x2019)).replace('|', chr(92) + '|')}`"


def _head(result: Result) -> Iterator[str]:
    yield f"## {result.verdict.upper()}: {escaped(result.scenario.name, 60)} on {escaped(result.target.name, 60)}"
    yield ""
    yield escaped(headline(result), 600)
    yield ""
    yield from [escaped(second, 400), ""] if (second := beside(result)) else []
    told = who_fared_worse(result)
    yield from (f"- {escaped(line)}" for line in told)
    yield from [""] if told else []
    if result.verdict not in words.TRUSTED:
        yield f"{words.VERDICTS[result.verdict]}"
        yield from (escaped(line, 400) for line in advice(result))
        yield ""


def _findings(result: Result) -> Iterator[str]:
    if not result.findings:
        return
    yield "| expectation | measured | 95 % interval | verdict |"
    yield "|:--|--:|:--|:--|"
    for finding in result.findings:
        value, interval = escaped(words.value_of(result, finding)), escaped(words.interval_of(result, finding) or "–")
        yield f"| {code(finding.expectation)} | {value} | {interval} | {_verdict(result, finding)} |"
    yield ""
    yield words.OF_THIS_RUN
    yield ""
    remarks = [finding for finding in result.findings if finding.remark]
    yield from (f"- {code(finding.expectation)}: {escaped(finding.remark)}" for finding in remarks)
    yield from [""] if remarks else []


def _fidelity(result: Result) -> Iterator[str]:
    yield from [escaped(result.fidelity.said, 400), ""] if result.fidelity else []


def _diagnoses(result: Result) -> Iterator[str]:
    if not result.diagnoses:
        return
    yield "**What is behind it, and what to change**"
    yield ""
    for found in result.diagnoses:
        yield f"- **{escaped(found.title)}.** {escaped(found.change, 400)}"
        yield from (f"  - {escaped(line, 400)}" for line in (*found.evidence, *diagnoses.foretold(result, found)))
    yield ""


def _verdict(result: Result, finding: Finding) -> str:
    if result.verdict not in words.TRUSTED:
        return "not counted"
    return finding.verdict if finding.verdict == "pass" else f"**{finding.verdict}**"


def _changes(result: Result, baseline: Result) -> Iterator[str]:
    found = changes(result, baseline)
    yield f"**Since the baseline run {code(baseline.run_id)}**"
    yield ""
    yield escaped(found.headline)
    yield ""
    for note in found.notes:
        yield f"- {escaped(note)}"
    if found.notes:
        yield ""
    changed = [row for row in found.rows if row.changed]
    whole = [row for row in changed if row.better is not None or row.what[1] is None]
    if whole:
        yield "| changed | this run | baseline run | |"
        yield "|:--|--:|--:|:--|"
    for row in whole:
        yield f"| {escaped(f'{row.name} {row.where}'.strip())} | {_side(row.now)} | {_side(row.then)} | {row.said} |"
    if whole:
        yield ""
    if len(changed) > len(whole):
        yield f"{len(changed) - len(whole)} more in single phases; the report shows all numbers of both runs."
        yield ""


def _side(side: Side) -> str:
    return escaped(f"{side.value}{f' ({side.interval})' if side.interval else ''}")


def _quality(result: Result) -> Iterator[str]:
    yield "**Can these numbers be trusted?**"
    yield ""
    for check in trust.checks(result):
        yield f"- {escaped(check.question)} {_STATES[check.state]}: {escaped(check.detail, 600)}"
    places = ", ".join(
        f"{words.count(count.n)} {count.place}" for count in trust.counts(result.quality) if count.n is not None
    )
    yield f"- Attempts along the wire: {escaped(places)}"
    for note in trust.notes(result):
        yield f"- {escaped(note, 500)}"
    yield ""


def _again(result: Result) -> Iterator[str]:
    replay = one_line(result.replay, 2000)
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", replay)), default=0))
    yield f"Run it again (seed {result.seed}):"
    yield ""
    yield f"{fence}sh"
    yield replay
    yield fence
