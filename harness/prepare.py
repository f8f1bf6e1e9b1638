"""Files into a plan: everything is read and checked before anything is touched, and every problem is told at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness import expectation
from harness.adapters.load.plan import resolved
from harness.adapters.load.protocols import protocol
from harness.documents import Document, load
from harness.documents.fill import missing_secrets, secret_names, secrets, unknown_placeholders, untold_links
from harness.documents.kinds import load_any
from harness.metrics import metrics
from harness.plan import Plan, plan
from harness.problems import Problem, UsageProblems
from harness.questions import Questions
from harness.registry import UnknownNameError, suggestion
from harness.scenario import PHASES, Scenario
from harness.target import Target


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for beside the files."""

    seed: int | None = None
    overrides: tuple[str, ...] = ()
    expectations: tuple[str, ...] = ()
    with_faults: bool = True
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and the documents it was made from."""

    plan: Plan
    scenario: Document[Scenario]
    target: Document[Target]
    questions: Document[Questions]
    asked: Asked


def prepare(
    scenario_path: Path,
    target_path: Path | None,
    asked: Asked,
    environment: Mapping[str, str] | None,
    *,
    questions_path: Path | None = None,
) -> Prepared:
    """Raises UsageProblems with all that is wrong in the files, in what was asked, and between the two files.

    Without a *target_path* it is ``targets/default.yaml`` beside the scenario. *environment* is where ``${VAR}`` comes from; None says that
    nothing will be touched, so that neither secrets nor hosts are needed.
    """
    scenario, target = _both(scenario_path, target_path, asked)
    questions = _questions(scenario, questions_path or scenario_path.parent / scenario.value.load.questions)
    problems = [
        *_expectation_problems(scenario, asked),
        *_target_problems(target, environment),
    ]
    if environment is not None:
        problems += missing_secrets(target, environment)
        problems += [target.problem(path, what) for path, what in _foreign_hosts(target.value, asked.allowed_hosts)]
    if problems:
        raise UsageProblems(*problems)
    expectations = expectation.replace(
        tuple(map(expectation.parse, scenario.value.expect)), tuple(map(expectation.parse, asked.expectations))
    )
    made, found = plan(scenario.value, target.value, expectations, with_faults=asked.with_faults)
    problems = [scenario.problem(problem.path, problem.what) for problem in found]
    problems += _never_settled(scenario, made) if not found else []
    if problems:
        raise UsageProblems(*problems)
    return Prepared(made, scenario, target, questions, asked)


def _both(scenario_path: Path, target_path: Path | None, asked: Asked) -> tuple[Document[Scenario], Document[Target]]:
    """The two files; raises UsageProblems with what is wrong in either."""
    default = scenario_path.parent / "targets" / "default.yaml"
    problems: list[Problem] = []
    scenario, target = None, None
    try:
        scenario = load(scenario_path, Scenario, overrides=_overrides(asked))
    except UsageProblems as found:
        problems += found.problems
    try:
        if target_path is None and scenario and not default.exists():
            raise UsageProblems(Problem(f"left out, and there is no {default}; name a target file", path="--target"))
        target = load(target_path or default, Target) if target_path or scenario else None
    except UsageProblems as found:
        problems += found.problems
    if scenario is None or target is None:
        raise UsageProblems(*problems)
    return scenario, target


def _questions(scenario: Document[Scenario], path: Path) -> Document[Questions]:
    if not path.exists():
        raise UsageProblems(
            scenario.problem("load.questions", f"there is no file {path}; it is looked for beside the scenario")
        )
    return load(path, Questions)


def _overrides(asked: Asked) -> dict[str, str]:
    """``KEY=VALUE`` of the command line, and the seed, by key."""
    problems = [
        Problem(f"{written!r} is not KEY=VALUE, such as load.rate_per_s=40", path="--set")
        for written in asked.overrides
        if "=" not in written
    ]
    if problems:
        raise UsageProblems(*problems)
    overrides = dict(written.split("=", 1) for written in asked.overrides)
    return overrides | ({"seed": str(asked.seed)} if asked.seed is not None else {})


def _expectation_problems(scenario: Document[Scenario], asked: Asked) -> Iterator[Problem]:
    """All that is wrong with the expectations themselves, whatever the target."""
    for index, written in enumerate(scenario.value.expect):
        for what in _wrong(written):
            yield scenario.problem(f"expect[{index}]", what)
    for written in asked.expectations:
        for what in _wrong(written):
            yield Problem(what, path="--expect")


def _wrong(written: str) -> Iterator[str]:
    try:
        parsed = expectation.parse(written)
        metric = metrics[parsed.metric]
    except (ValueError, UnknownNameError) as error:
        yield str(error)
        return
    if parsed.phase and not metric.phased:
        yield f"{metric.name} belongs to the whole run; leave out 'in {parsed.phase}'"
    elif parsed.phase and parsed.phase not in PHASES:
        yield f"unknown phase {parsed.phase!r}; {suggestion(parsed.phase, list(PHASES))}"
    if parsed.part and parsed.part not in metric.parts:
        yield f"{metric.name} has no part {parsed.part!r}; {suggestion(parsed.part, list(metric.parts))}"
    if metric.parts and not parsed.part:
        yield f"say which part of {metric.name}: {', '.join(f'{metric.name}.{part}' for part in metric.parts)}"


def _never_settled(scenario: Document[Scenario], made: Plan) -> list[Problem]:
    written = [expectation.parse(text) for text in scenario.value.expect]
    problems = []
    for expected in made.expectations:
        why = metrics[expected.metric].unsettled(made, expected)
        if why and expected in written:
            problems.append(scenario.problem(f"expect[{written.index(expected)}]", f"{expected}: {why}"))
        elif why:
            problems.append(Problem(f"{expected}: {why}", path="--expect"))
    return problems


def _target_problems(target: Document[Target], environment: Mapping[str, str] | None) -> Iterator[Problem]:
    """All that is wrong with a target as such, whatever the scenario."""
    yield from unknown_placeholders(target)
    yield from untold_links(target)
    yield from _ask_problems(target, environment)


def _ask_problems(target: Document[Target], environment: Mapping[str, str] | None) -> Iterator[Problem]:
    """What the protocol says of the way in which the target is to be asked."""
    ask = target.value.ask
    try:
        spoken = protocol(ask.protocol)
    except UnknownNameError as error:
        yield target.problem("ask.protocol", str(error))
        return
    known = environment or {}
    headers = {name: secrets(text, known) if _all_set(text, known) else text for name, text in ask.headers.items()}
    for what in spoken.problems(resolved(ask, headers)):
        yield target.problem("ask", what)


def _all_set(text: str, environment: Mapping[str, str]) -> bool:
    return all(name in environment for name in secret_names(text))


def _foreign_hosts(target: Target, allowed: Collection[str]) -> Iterator[tuple[str, str]]:
    """Where the target file names a host off this machine that was not allowed by name."""
    urls = [(f"entries[{index}].url", entry.url) for index, entry in enumerate(target.entries)]
    urls += [
        (f"links.{name}.upstream", link.upstream)
        for name, link in target.links.items()
        if isinstance(link.upstream, str)
    ]
    urls += [("publish.post", target.publish.post)] if target.publish else []
    for path, url in urls:
        host = host_of(url)
        if host is not None and not on_this_machine(host) and host not in allowed:
            yield (
                path,
                f"{host!r} is not on this machine; if traffic may be sent there, allow it with --allow-host {host}",
            )


def host_of(url: str) -> str | None:
    """The host of a URL or of ``host:port``; None where a placeholder stands for it, which is on this machine."""
    bare = url if "://" in url else f"tcp://{url}"
    if re.match(r"^[a-z]+://\{", bare) or bare.startswith("tcp://{"):
        return None
    return urlsplit(re.sub(r"\{[^}]*\}", "0", bare)).hostname


def on_this_machine(host: str) -> bool:
    """Whether *host* is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def validate(path: Path) -> list[Problem]:
    """All that is wrong with one file, of the kind that it says it is; a scenario is also held against its default target."""
    try:
        document = load_any(path)
        if isinstance(document.value, Target):
            target = load(path, Target)
            return list(_target_problems(target, None))
        if isinstance(document.value, Scenario) and (path.parent / "targets" / "default.yaml").exists():
            prepare(path, None, Asked(), None)
    except UsageProblems as problems:
        return list(problems.problems)
    return []


def found_below(folder: Path, kind: str) -> list[tuple[str, str]]:
    """Path and ``about`` of each file below *folder* whose schema line says that it is a *kind*; hidden folders are left out."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        if any(part.startswith(".") for part in path.parts) or "reports" in path.parts:
            continue
        text = path.read_text(errors="replace")
        if re.search(rf"^schema:\s*harness\.{kind}/", text, re.MULTILINE):
            about = re.search(r"^about:\s*(.+)$", text, re.MULTILINE)
            found.append((str(path), about[1].strip("\"' ") if about else ""))
    return found
