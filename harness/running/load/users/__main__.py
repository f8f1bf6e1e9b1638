"""Runs Locust on somebody's locustfile, deaf to its settings: ``python -m harness.running.load.users PLAN [OPTION OF LOCUST'S]...``."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from traceback import extract_tb, print_exc
from typing import NamedTuple, NoReturn, TextIO
from uuid import UUID

import msgspec

from harness.running.load import child, handshake
from harness.running.load.door import AWAITED, Awaited, Door
from harness.running.load.telling import say
from harness.running.load.users import elsewhere, reception
from harness.running.load.users import plan as users_plan
from harness.running.load.users.plan import UsersPlan
from harness.running.load.word import WORD

_NO_MASTER = "Failed to connect to the Locust master"
_COME_WITHIN_S = 60.0
"""So long may a worker of another machine load its locustfile, until it comes to Locust."""


def main(path: Path, more: Sequence[str] = ()) -> None:
    """Run the plan in the file at *path*; where the locustfile cannot be loaded, say so in the file that was to say ready.

    *more* says of one of several workers, or of their master, that it is one, and where the two meet.
    """
    try:
        part = _part(path, more)
    except reception.GoneError as error:
        say(str(error))
        raise SystemExit(1) from None
    plan = part.plan
    os.chdir(Path(plan.locustfile).parent)
    # The load is the instrument: where it is allowed to, it goes before what it measures on a busy machine.
    with suppress(OSError):
        os.nice(-10)
    # Only now: to import Locust patches the sockets of this process.
    import locust.main
    from locust import argument_parser

    from harness.running.load.users import recorder, shared
    from harness.running.load.users.reach import telemetry

    _meet(part)
    # A "master = true" in one of Locust's own files or variables would have us wait for ever; those of the locustfile's own
    # arguments stay.
    argument_parser.get_parser.__defaults__ = ([],)
    argument_parser.get_empty_argument_parser.__defaults__ = (True, [])
    known = {getattr(action, "env_var", None) for action in argument_parser.get_parser()._actions}
    for name in [name for name in os.environ if name in known]:
        del os.environ[name]
    alone = plan.workers == 1 and WORD not in os.environ
    away = shared.is_away(path.parent, os.environ) if part.client else None
    course = recorder.Course(plan) if alone else shared.course(plan, part.number, part.door, away)
    course.reach.allow(
        *(telemetry(os.environ) if plan.otel else ()),
        *([_master_of(more)] if part.client else ()),  # who ends early says why
    )
    recorder.install(course)
    words = LastWords()
    logging.getLogger().addHandler(words)
    sys.argv = ["locust", *arguments(plan), *more]
    try:
        locust.main.main()  # type: ignore[no-untyped-call]  # Locust's own
    except (Exception, SystemExit) as error:  # whatever the locustfile raises, it is told with its line
        if course.is_ready:
            raise
        print_exc()
        refusal = refused(error, plan.locustfile, words.error)
        if part.client:
            _leave(part.client, more, refusal, words.error)
        handshake.say_ready(Path(plan.ready_path), handshake.Ready(os.getpid(), 0, refusal))


def _leave(client: str, more: Sequence[str], refusal: str, told: str) -> NoReturn:
    """End as a worker of another machine that cannot go on, and say why there and to its master, where that was to be had."""
    if told.startswith(_NO_MASTER):
        say("this worker heard nothing of the run any more; no more is sent")
    else:
        say(f"the locustfile cannot be loaded: {refusal}")
        reception.tell(*_master_of(more), os.environ[WORD], client, f"its locustfile cannot be loaded: {refusal}")
    raise SystemExit(1) from None


class _Part(NamedTuple):
    """What this process is of a load of *plan*: the worker of this *number*, which on another machine is this *client*; or the master.

    That has no number, and a *door* where some come from other machines.
    """

    plan: UsersPlan
    number: int | None = None
    door: Door | None = None
    client: str = ""


def _part(path: Path, more: Sequence[str]) -> _Part:
    """Raises GoneError where a worker of another machine is not to go on."""
    if awaited := os.environ.get(AWAITED):
        waits = msgspec.json.decode(Path(awaited).read_bytes(), type=Awaited)
        door = reception.receive(waits, path, *_master_of(more), os.environ[WORD])
        return _Part(users_plan.read(path), None, door)
    if drawn := os.environ.get(child.CLIENT):
        client = child.client_id(drawn)
        number, told = reception.arrive(*_master_of(more), os.environ[WORD], client)
        locustfile = os.environ[child.LOCUSTFILE_THERE]
        return _Part(elsewhere.unpacked(told, locustfile, os.environ, path.parent), number, None, client)
    said = os.environ.get(child.NUMBER)
    return _Part(users_plan.read(path), int(said) if said is not None else None)


def _master_of(more: Sequence[str]) -> tuple[str, int]:
    """Where the master is, as the options of Locust's say to it or to its worker."""
    of = dict(pairwise(more))
    bound = "--master-bind-port" in of
    return of["--master-bind-host" if bound else "--master-host"], int(
        of["--master-bind-port" if bound else "--master-port"]
    )


def _meet(part: _Part) -> None:
    """Have Locust's master and its workers be known to each other where some are on other machines."""
    if not (word := os.environ.get(WORD)):
        return
    from harness.running.load import admission

    admission.lock(word)
    if part.door is not None:
        admission.keep(part.door, _COME_WITHIN_S)
    elif part.client:
        admission.be_called(UUID(hex=os.environ[child.CLIENT]))
        admission.heed_refusal()
    elif part.number is not None:
        admission.be_called(UUID(int=part.number))


_FRAME = re.compile(r'^ *File "(.+)", line (\d+)', re.MULTILINE)
"""A line of a traceback that says where its program was."""


class LastWords(logging.StreamHandler[TextIO]):
    """Prints what Locust warns of, as it would itself, and keeps the last error that it told."""

    error = ""

    def __init__(self) -> None:
        super().__init__()
        self.setLevel(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        if record.levelno >= logging.ERROR:
            self.error = record.getMessage()


def arguments(plan: UsersPlan) -> list[str]:
    """What Locust is told on its command line: what of it the harness decides, and nothing that the locustfile says itself."""
    page = ["--autostart", "--web-host", "127.0.0.1", "--web-port", str(plan.web_port)]
    words = ["-f", plan.locustfile, *(["--headless"] if plan.web_port is None else page)]
    words += ["--users", str(plan.users), "--spawn-rate", f"{plan.spawn_rate:g}"]
    words += ["--host", next(iter(plan.hosts.values())).rstrip("/")]
    # Nothing printed while all goes well, and a failed request is no failure of this process.
    words += ["--only-summary", "--skip-log-setup", "--exit-code-on-error", "0"]
    words += ["--tags", *plan.tags] if plan.tags else []
    words += ["--exclude-tags", *plan.exclude_tags] if plan.exclude_tags else []
    return [*words, *(["--otel"] if plan.otel else [])]


def refused(error: Exception | SystemExit, locustfile: str, told: str) -> str:
    """What is wrong with *locustfile*, and on which line of it; *told* is what Locust said before it ended by itself."""
    if isinstance(error, SystemExit):
        frames = _FRAME.findall(told)
        if frames:  # what a listener of the file's raised, as Locust tells it
            at = next((at for at in reversed(frames) if Path(locustfile).parent in Path(at[0]).parents), frames[-1])
            return f"{at[0]}:{at[1]}: {told.strip().splitlines()[-1]}"
        said = " ".join(told.split()) or f"Locust ended with {error.code} before its users could begin; see load.log"
        return f"{locustfile}: {said}"
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {said}"
    folder = Path(locustfile).parent
    mine = [frame for frame in extract_tb(error.__traceback__) if folder in Path(frame.filename).parents]
    return f"{mine[-1].filename}:{mine[-1].lineno}: {said}" if mine else said


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
