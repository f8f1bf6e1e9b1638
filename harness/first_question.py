"""One question to a target, with nothing broken: the first thing to do with a service of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree

from harness.checks import foreign_hosts, load_target, missing_commands, target_problems
from harness.judging.preflight import answered, failed, shortcomings, unanswered
from harness.problems import HarnessError, UsageProblems
from harness.reading.placeholders import told_secrets
from harness.reading.questions import ANY
from harness.record import run_folder
from harness.record.history import Preflight
from harness.record.masking import Mask
from harness.record.quoting import masked
from harness.running import systems
from harness.settings import Settings

QUESTION = ANY
WITHIN_S = 30.0


EXIT_STATUS = {True: 0, False: 4}
"""Of the command, by whether every entry answered; an unanswered question would make a run invalid."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How each entry of a target answered, and *missing*: what a run would not see. *logs* is there when one did not answer well."""

    target: str
    entries: tuple[Preflight, ...]
    missing: tuple[str, ...]
    logs: Path | None

    @property
    def answered(self) -> bool:
        """Whether every entry did, with a whole and valid answer."""
        return not any(map(failed, self.entries))


def ask(
    path: Path,
    question: str,
    environment: Settings,
    out: Path,
    *,
    within_s: float = WITHIN_S,
    allowed_hosts: Sequence[str] = (),
    toxiproxy_url: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Reply:
    """Start the target in the file at *path*, ask each entry *question* through all its links, and put everything away.

    Raises UsageProblems before anything is touched where the file is wrong, and HarnessError where the target does not come to serve.
    """
    systems.here()
    from harness.running.world.interruptions import Interruptions
    from harness.running.world.readiness import NotReadyError
    from harness.running.world.real import asked_once, find_proxy

    target = load_target(path)
    mask = Mask(told_secrets(target.value, environment.environment))
    if problems := [
        *target_problems(target, environment.environment),
        *missing_commands(target),
        *foreign_hosts(target, tuple(allowed_hosts)),
    ]:
        raise UsageProblems(*problems)
    proxy = find_proxy(environment, toxiproxy_url, say)
    folder = run_folder.create(out, "ask", run_folder.new_id(target.value.name, datetime.now(UTC)))
    signals = Interruptions()
    try:
        with (
            signals.installed(),
            asked_once(target.value, question, within_s, folder, environment, proxy, signals, say) as entries,
        ):
            entries = [masked(entry, mask) for entry in entries]
    except HarnessError as error:
        error = error.placed(target) if isinstance(error, NotReadyError) else error
        raise HarnessError(f"{mask.text(str(error))}\nits logs are in {folder.logs}") from None
    except KeyboardInterrupt:
        rmtree(folder.path, ignore_errors=True)
        raise
    missing = tuple(dict.fromkeys(said for entry in entries for said in shortcomings(target.value, entry)))
    well = not any(map(failed, entries))
    if well and not folder.undo.exists():
        rmtree(folder.path, ignore_errors=True)
    return Reply(target.value.name, tuple(entries), missing, None if well else folder.logs)


def told(reply: Reply) -> Iterator[str]:
    """For people, line by line: what was asked, what came back and when, what each link saw, and what is missing."""
    for entry in reply.entries:
        yield f"asked     {entry.request_line}  {entry.question!r}"
        if failed(entry):
            yield f"answered  no: {unanswered(entry)}"
        else:
            streamed = entry.streamed and entry.first_token_s is not None
            token = f", streamed, first token after {entry.first_token_s:.2f} s" if streamed else ""
            yield f"answered  {entry.status} in {entry.took_s:.2f} s{token}"
            yield f"said      {entry.answer!r}"
        if entry.health is not None:
            yield f"health    {entry.health or 'no answer in time'}"
        for link in entry.links:
            joined = f", {link.joined} of {link.attempts} with the nonce" if link.attempts else ""
            yield f"link      {answered(link)}{joined}"
    for said in reply.missing:
        yield f"missing   {said}"
    if reply.logs:
        yield f"logs      {reply.logs}"
