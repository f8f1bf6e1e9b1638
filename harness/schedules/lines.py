"""What other systems are told so that they begin a file on its schedule: systemd, cron, GitHub Actions, and Kubernetes.

Each of them calls ``harness schedule --once FILE`` at least as often as the schedule comes. That looks by itself whether anything is due:
so blackouts, holidays, a freeze, `late` and what was begun already hold there too, and whoever calls too often or twice begins nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice, pairwise
from pathlib import Path
from shlex import quote

from harness.problems import Problem, UsageProblems
from harness.schedules.cron import instant, odd_times, shows
from harness.schedules.fields import calendar_events, fields
from harness.schedules.scheduled import NOTHING, Passed, Scheduled

_UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0"
_CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
_GITHUB_LEAST = timedelta(minutes=5)
_LOOKED_AT = 100
_CRON_MOST = 999
"""A command in a crontab is cut off after so many characters."""
_NAME_MOST = 52
"""So long may the name of a CronJob be, as Kubernetes makes longer ones of it."""
_ODD_WITHIN = timedelta(days=731)


@dataclass(frozen=True, slots=True)
class Call:
    """How `harness` is called: its *program*, from which *folder*, where state is kept, if that is said, and what is *passed* on.

    *path* is where programs are looked for: whoever calls by the clock has hardly any of it.
    """

    program: str
    folder: Path
    state: str | None = None
    passed: Passed = NOTHING
    path: str = ""

    def words(self, one: Scheduled) -> list[str]:
        return [self.program, "schedule", "--once", str(one.file), *self.passed.words()]


def printed(one: Scheduled, system: str, call: Call, now: datetime) -> list[str]:
    """The lines for *system*, one of `SYSTEMS`, with what is to be known of them as comments; raises UsageProblems where there are none."""
    for text in (*call.words(one), str(call.folder), call.state or "", call.path, one.title):
        if any(not letter.isprintable() for letter in text):
            raise UsageProblems(
                Problem(
                    f"{text!r} holds a letter that cannot be shown, and {system} could not be told of it", str(one.file)
                )
            )
    return list(SYSTEMS[system](one, call, now))


def _systemd(one: Scheduled, call: Call, now: datetime) -> Iterator[str]:
    events = calendar_events(one.hours.cron, one.hours.zone.key)
    unit = f"harness-{one.name}"
    state = f"Environment={_unit_word(f'HARNESS_STATE={call.state}')}" if call.state else ""
    yield f"# ~/.config/systemd/user/{unit}.service"
    yield "[Unit]"
    yield f"Description={_unit_text(one.title)}"
    yield ""
    yield "[Service]"
    yield "Type=oneshot"
    yield f"WorkingDirectory={_unit_text(str(call.folder))}"
    yield from [state] if state else []
    yield from [f"Environment={_unit_word(f'PATH={call.path}')}"] if call.path else []
    yield "# EnvironmentFile= a file with the secrets that the target needs"
    yield from _way_in(one, f"is printed into the journal: journalctl --user -u {unit}")
    yield f"ExecStart={' '.join(map(_exec_word, call.words(one)))}"
    yield "# It is told to end first, and puts back what it broke, before anything of it is killed."
    yield "KillMode=mixed"
    yield ""
    yield f"# ~/.config/systemd/user/{unit}.timer"
    yield from _notes(one, "systemd", any(wider for _, wider in events), now)
    yield "[Unit]"
    yield f"Description={_unit_text(one.title)}"
    yield ""
    yield "[Timer]"
    yield from (f"OnCalendar={event}" for event, _ in events)
    yield "AccuracySec=1s"
    yield "Persistent=true"
    yield ""
    yield "[Install]"
    yield "WantedBy=timers.target"
    yield ""
    yield f"# systemctl --user daemon-reload && systemctl --user enable --now {unit}.timer"
    yield "# loginctl enable-linger, so that it also comes while nobody is logged in"


def _cron(one: Scheduled, call: Call, now: datetime) -> Iterator[str]:
    read = fields(one.hours.cron)
    state = f"HARNESS_STATE={quote(call.state)} " if call.state else ""
    command = _cron_text(f"cd {quote(str(call.folder))} && {state}{' '.join(map(quote, call.words(one)))}")
    if len(command) > _CRON_MOST:
        raise UsageProblems(
            Problem(
                f"takes a command of {len(command)} letters, and cron cuts off what is longer than {_CRON_MOST}",
                str(one.file),
            )
        )
    yield from _notes(one, "cron", read.wider, now)
    yield "# cronie knows CRON_TZ. Debian's cron goes by the machine's clock: where that is in another zone, it comes when nothing is due."
    yield from _way_in(
        one, "is printed, and so in the mail that cron sends at its end; lead the output into a file to have it before"
    )
    yield f"CRON_TZ={one.hours.zone.key}"
    yield from [f"PATH={call.path}"] if call.path else []
    yield f"{read.line} {command}"


def _github(one: Scheduled, call: Call, now: datetime) -> Iterator[str]:
    times = list(islice(one.hours.moments(now), _LOOKED_AT))
    if any(later - earlier < _GITHUB_LEAST for earlier, later in pairwise(times)):
        raise UsageProblems(
            Problem(
                f"comes more often than every 5 minutes ({one.hours.cron}), and GitHub begins nothing that does",
                str(one.file),
            )
        )
    file = _in_repository(one.file, call.folder)
    called = " ".join(map(quote, ["harness", "schedule", "--once", file, *call.passed.words()]))
    if "${{" in called:
        raise UsageProblems(Problem(f"{called!r} holds ${{{{, which GitHub takes for an expression", str(one.file)))
    read = fields(one.hours.cron)
    yield f"# .github/workflows/{one.name}.yml"
    yield from _notes(one, "GitHub", read.wider or read.steps, now)
    yield f"# GitHub knows `timezone` since 2026; a server that does not goes by UTC, and begins nothing then: {_offsets(one, now)}."
    yield "# It begins late when it is busy; `late:` in the file says how late is still right."
    yield "# The runner forgets what was begun, so a workflow that is run again while it is due begins it again."
    yield from _unagreed(one, call)
    yield from _way_in(one, "is one of the runner, which nobody can reach on GitHub's own: let it run on one of yours")
    yield f"name: {json.dumps(one.title, ensure_ascii=False)}"
    yield "on:"
    yield "  schedule:"
    yield f"    - cron: {json.dumps(read.line)}"
    yield f"      timezone: {json.dumps(one.hours.zone.key)}"
    yield "permissions:"
    yield "  contents: read"
    yield "concurrency:"
    yield f"  group: harness-{one.name}"
    yield "jobs:"
    yield "  due:"
    yield "    runs-on: ubuntu-latest"
    yield "    timeout-minutes: 360"
    yield "    steps:"
    yield f"      - uses: {_CHECKOUT}"
    yield "        with:"
    yield "          persist-credentials: false"
    yield "      - name: Install the harness"
    yield "        run: pip install --quiet resilience-harness"
    yield "      - name: Begin what is due"
    yield f"        run: {json.dumps(called, ensure_ascii=False)}"
    yield "      - name: Keep what came of it"
    yield "        if: always()"
    yield f"        uses: {_UPLOAD}"
    yield "        with:"
    yield f"          name: harness-{one.name}"
    yield f"          path: {json.dumps(str(call.passed.out or 'reports'), ensure_ascii=False)}"
    yield "          if-no-files-found: ignore"


def _kubernetes(one: Scheduled, call: Call, now: datetime) -> Iterator[str]:
    read = fields(one.hours.cron)
    words = [_kube_word(word) for word in call.words(one)[1:]]
    yield from _notes(one, "Kubernetes", read.wider or read.steps, now)
    yield "# The image, and where the file is in it, are yours to say. What was begun is kept in the folder HARNESS_STATE:"
    yield "# mount a volume there, or else each pod knows of nothing that another one began; and one where --out says, for what came of it."
    yield from _unagreed(one, call)
    yield from _way_in(one, "is in kubectl logs of the pod, and is reached through kubectl port-forward to its port")
    yield "apiVersion: batch/v1"
    yield "kind: CronJob"
    yield "metadata:"
    yield f"  name: {_kube_name(one.name)}"
    yield "spec:"
    yield f"  schedule: {json.dumps(read.line)}"
    yield f"  timeZone: {json.dumps(one.hours.zone.key)}"
    yield "  concurrencyPolicy: Forbid"
    yield f"  startingDeadlineSeconds: {max(10, int(one.hours.late.total_seconds()))}"
    yield "  jobTemplate:"
    yield "    spec:"
    yield "      backoffLimit: 0"
    yield "      template:"
    yield "        spec:"
    yield "          restartPolicy: Never"
    yield "          containers:"
    yield "            - name: harness"
    yield "              image: resilience-harness"
    yield f"              args: {json.dumps(words, ensure_ascii=False)}"
    if call.state:
        yield "              env:"
        yield "                - name: HARNESS_STATE"
        yield f"                  value: {json.dumps(_kube_word(call.state), ensure_ascii=False)}"


SYSTEMS: dict[str, Callable[[Scheduled, Call, datetime], Iterator[str]]] = {
    "systemd": _systemd,
    "cron": _cron,
    "github": _github,
    "kubernetes": _kubernetes,
}


def _notes(one: Scheduled, system: str, wider: bool, now: datetime) -> Iterator[str]:
    """What is to be known of how *system* keeps to the schedule, as comments."""
    hours = one.hours
    yield f"# {hours.cron} {hours.zone.key}"
    if wider:
        yield f"# {system} cannot say that, and comes more often; harness schedule --once begins what is due, and nothing else."
    odd = next(odd_times(hours.cron, hours.zone, now, now + _ODD_WITHIN), None)
    if odd is not None:
        written, twice = odd
        due = "the first time" if twice else f"at {shows(instant(written, hours.zone), hours.zone):%H:%M}"
        what = f"comes twice in {hours.zone.key}" if twice else f"does not exist in {hours.zone.key}"
        yield f"# {written:%Y-%m-%d %H:%M} {what}, and it is due {due}; when {system} comes that day is its own."


def _way_in(one: Scheduled, where: str) -> Iterator[str]:
    """Where people come to a game day that waits for them."""
    if one.waits:
        yield f"# It waits for people on its page, whose address {where}."


def _unagreed(one: Scheduled, call: Call) -> Iterator[str]:
    """That nobody there can have agreed to what a game day has run."""
    if one.commands and not call.passed.yes:
        yield "# It has commands run, to which nobody has agreed there: look at them (harness gameday plan), and print this with --yes."


def _offsets(one: Scheduled, now: datetime) -> str:
    """Where the zone lies from UTC, now and after it changes next."""
    zone, at = one.hours.zone, now
    first = shows(now, zone) - now.replace(tzinfo=None)
    for _ in range(366):
        at += timedelta(days=1)
        if (then := shows(at, zone) - at.replace(tzinfo=None)) != first:
            return f"{zone.key} is {_offset(first)}, and {_offset(then)} from {shows(at, zone):%Y-%m-%d} on"
    return f"{zone.key} is {_offset(first)}"


def _offset(much: timedelta) -> str:
    minutes = round(abs(much) / timedelta(minutes=1))
    return f"UTC{'-' if much < timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _in_repository(file: Path, folder: Path) -> str:
    """Where *file* is from the folder that is checked out: that with ``.git``, or else *folder*, or its own."""
    known = folder if folder in file.parents else file.parent
    root = next((above for above in file.parents if (above / ".git").exists()), known)
    return file.relative_to(root).as_posix()


def _unit_text(text: str) -> str:
    """A value in a unit file that is taken as it stands, but for specifiers (systemd.unit(5))."""
    return text.replace("%", "%%")


def _unit_word(word: str) -> str:
    """One word of a value that is split into words."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return _unit_text(f'"{escaped}"')


def _exec_word(word: str) -> str:
    """One word of a command line, in which ``$`` stands for a variable (systemd.service(5))."""
    return _unit_word(word).replace("$", "$$")


def _cron_text(command: str) -> str:
    """A command in a crontab, where ``%`` ends a line; a backslash before it, or before another one, is taken away."""
    return command.replace("\\", "\\\\").replace("%", "\\%")


def _kube_word(word: str) -> str:
    """A word in which ``$(NAME)`` stands for a variable."""
    return word.replace("$(", "$$(")


def _kube_name(name: str) -> str:
    long = f"harness-{name}"
    if len(long) > _NAME_MOST:
        long = f"{long[: _NAME_MOST - 9]}-{sha256(name.encode()).hexdigest()[:8]}"
    return long.rstrip("-")
