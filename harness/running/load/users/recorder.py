"""Looks on at Locust while it runs somebody's users: marks their requests, and hears what became of them.

Nothing of their file is changed. Locust's two HTTP sessions send through here, and its request event tells of everything else, such as a
client of the file's own. Only the load child imports this.
"""

from __future__ import annotations

import os
import signal
import weakref
from collections.abc import Callable, Collection, Iterator
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import locust.log
import locust.main
from gevent.event import Event
from locust import User, events
from locust.clients import HttpSession
from locust.clients import ResponseContextManager as HttpResponse
from locust.contrib.fasthttp import ErrorResponse, FastHttpSession, FastResponse
from locust.contrib.fasthttp import ResponseContextManager as CaughtResponse
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser
from locust.user.task import LOCUST_STATE_WAITING
from requests.exceptions import ConnectionError as NotSentError

from harness.planning.schedule import ALL, Share
from harness.record.masking import Mask
from harness.record.rowfile import RowFile
from harness.running.load import handshake
from harness.running.load.lateness import count_lateness
from harness.running.load.users import own_clients
from harness.running.load.users.outcomes import CutError, UnsentError, elsewhere
from harness.running.load.users.plan import UsersPlan
from harness.running.load.users.reach import Reach, keep, places
from harness.running.load.users.recording import Asked, Recording

LOOK_S = 0.005
_GOES_ELSEWHERE = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser)
_ASKED = "_harness_asked"
_NUMBER = "_harness_user"
_DUE = "_harness_due_s"
_ENDED = "_harness_ended"
_IN_SESSION = "_harness_in_session"
OF_USER = "_harness_of_user"
"""Where a greenlet that a user has begun says whose it is."""

current: list[Course] = []
"""The load of this process; empty where Locust is run by somebody else."""

# Any: what Locust passes around has no public types.
Send = Callable[..., Any]


class _NotSentError(UnsentError, NotSentError):
    """As both of Locust's sessions know a request that could not be sent."""


def install(course: Course) -> None:
    """Have Locust, which is to load the locustfile of *course* next, tell of all that its users do; and begin and end when it is to."""
    current.append(course)
    keep(course.reach)
    if course.recording is not None:
        _look_on(course.plan, course.recording, course.share)
    events.quitting.add_listener(course.end)  # type: ignore[no-untyped-call]  # Locust's own
    # What the locustfile does in its own listeners is done by then: this one comes after them.
    create = locust.main.create_environment

    def await_start(**told: Any) -> None:
        # Locust ends where one of those has raised by now.
        if not locust.log.unhandled_greenlet_exception:
            course.await_start(**told)

    def created(*args: Any, **kwargs: Any) -> Any:
        environment = create(*args, **kwargs)  # type: ignore[no-untyped-call]  # Locust's own
        environment.stop_timeout = course.plan.drain_s
        events.init.add_listener(await_start)  # type: ignore[no-untyped-call]  # Locust's own
        return environment

    locust.main.create_environment = created


def _look_on(plan: UsersPlan, recording: Recording, share: Share) -> None:
    """Have Locust's two sessions, and its request event, tell the *recording* of a *share* of the users."""
    _give_hosts(plan, share)
    User.stop = _ended(User.stop)  # type: ignore[method-assign]  # to look on
    HttpSession._send_request_safe_mode = _sent_by_requests(HttpSession._send_request_safe_mode, recording)  # type: ignore[method-assign]  # to look on
    FastHttpSession._send_request_safe_mode = _sent_fast(FastHttpSession._send_request_safe_mode, recording)  # type: ignore[method-assign]  # to look on
    for response in (HttpResponse, FastResponse):
        response.iter_content = _pieces(response.iter_content, recording)  # type: ignore[method-assign]  # to look on
    for caught in (HttpResponse, CaughtResponse):
        caught.__exit__ = _left(caught.__exit__, recording)  # type: ignore[method-assign]  # to look on
    own_clients.mark(_marks_of_own(recording))
    events.request.add_listener(_hearing(recording, plan))  # type: ignore[no-untyped-call]  # Locust's own


class Course:
    """When the load of *plan* begins, at *zero_s* of the monotonic clock, and ends; and what is written of a *share* of its users.

    None of them where the users are in other processes, whose master this one is.
    """

    def __init__(self, plan: UsersPlan, share: Share | None = ALL) -> None:
        self.plan, self.zero_s, self.share = plan, 0.0, share or ALL
        self.reach = Reach(places(plan.entries.values(), plan.reaches), plan.instrument_path, self._now)
        self._over = Event()
        self.recording: Recording | None = None
        if share is not None:
            folder, number = Path(plan.rows_dir), share.number
            self.rows = RowFile(folder / f"requests-{number}.rows", Mask(plan.secrets))
            self.begun = RowFile(folder / f"begun-{number}.rows")
            self.recording = Recording(plan, self.rows, monotonic, self.over, self.begun.add, share)

    @property
    def is_ready(self) -> bool:
        """Whether it was told that its users could begin, or why they never can."""
        return Path(self.plan.ready_path).exists()

    def _now(self) -> float:
        """On the clock of the run."""
        return monotonic() - (self.recording.ahead_s if self.recording is not None else 0.0)

    def over(self) -> None:
        """As many requests have begun as are allowed."""
        self._over.set()

    def await_start(self, environment: Any, runner: Any, web_ui: Any = None, **_: Any) -> None:
        """Tell the harness that the users could begin, and wait until they may."""
        self._await_start(1)
        if self.plan.instrument_path:
            gevent.spawn(count_lateness, self.plan.instrument_path)
        self._begin(environment, runner, web_ui)

    def _await_start(self, workers: int) -> None:
        plan = self.plan
        handshake.say_ready(Path(plan.ready_path), handshake.Ready(os.getpid(), workers))
        while not (start := handshake.start(Path(plan.start_path))):
            gevent.sleep(LOOK_S)
        self.zero_s = start.clock_zero_s

    def _begin(self, environment: Any, runner: Any, web_ui: Any) -> None:
        """The users begin when this returns, and end when their time is over, or when somebody asks for it."""
        gevent.sleep(max(0.0, self.zero_s - monotonic()))
        gevent.signal_handler(signal.SIGTERM, self._stop, environment, runner)
        gevent.spawn(self.reach.go_on)
        gevent.spawn(self._finish, self.zero_s + self.plan.total_s, runner, web_ui)

    def _stop(self, environment: Any, runner: Any) -> None:
        """Somebody asked this process to end. Locust would hear of it too late where a LoadTestShape goes on."""
        self.end(environment)
        _quit(runner)

    def _finish(self, at_s: float, runner: Any, web_ui: Any) -> None:
        """End the load *at_s*, or when it is full; users finish what they are at for as long as the plan lets them."""
        self._over.wait(timeout=max(0.0, at_s - monotonic()))
        _quit(runner)
        if web_ui is not None:
            web_ui.stop()

    def end(self, environment: Any, **_: Any) -> None:
        """All is over, or somebody asked this process to end: what is open has its row now, whatever happens from here on."""
        if self.recording is not None:
            self.recording.give_up()
        self.reach.tell()
        environment.stop_timeout = 0
        # What a locustfile makes of failed requests is its own matter; those are what is measured.
        environment.process_exit_code = 0


def _quit(runner: Any) -> None:
    """Have the users end; where a LoadTestShape goes on, Locust does the rest when that is over."""
    if runner.shape_greenlet is not None:
        runner.shape_greenlet.kill()
    else:
        runner.quit()


def _give_hosts(plan: UsersPlan, share: Share) -> None:
    """Each user asks the next of the entries, whatever host its class names."""
    numbers, create = count(), User.__init__

    def created(self: User, *args: Any, **kwargs: Any) -> None:
        create(self, *args, **kwargs)
        number = plan.user(next(numbers), share.number)
        setattr(self, _NUMBER, number)
        self.host = plan.hosts[plan.host_of(number)].rstrip("/")

    User.__init__ = created  # type: ignore[method-assign]  # to look on


def _ended(stop: Send) -> Send:
    """*stop* of a user, who asks nothing more where it kills them: they may wake in the same turn, and begin what they cannot wait for."""

    def stopped(self: User, force: bool = False) -> bool:
        if force or self._state in (None, LOCUST_STATE_WAITING):
            setattr(self, _ENDED, True)
            setattr(self.greenlet, OF_USER, self)  # a greenlet that is killed forgets its arguments
        return bool(stop(self, force))

    return stopped


def _begins(recording: Recording, user: Any, url: str) -> Asked:
    """What *user* asks for now."""
    _goes_on(user)
    return recording.begins(url, _number(user), due_s=_due_s(), whose=_whose(recording, user))


def _goes_on(user: Any) -> None:
    """Raises GreenletExit in the greenlet of a *user* who has been killed, and would hear of it only when they next wait."""
    if getattr(user, _ENDED, False):
        raise gevent.GreenletExit


def nonce_of_next() -> str:
    """The nonce of the next request of the user whose greenlet this is; empty where nothing is recorded."""
    recording, user = current[0].recording if current else None, _user()
    _goes_on(user)
    return recording.nonce_of_next(gevent.getcurrent(), _number(user)) if recording else ""


def due_at(due_s: float) -> None:
    """The next request of this greenlet was to be sent at *due_s* of the monotonic clock."""
    setattr(gevent.getcurrent(), _DUE, due_s)


def _due_s() -> float | None:
    due_s: float | None = vars(gevent.getcurrent()).pop(_DUE, None)
    return due_s


def _user() -> Any:
    """Whose greenlet this is; None where it is no user's."""
    here = gevent.getcurrent()
    of = (getattr(here, OF_USER, None), *getattr(here, "args", ()))
    return next((one for one in of if isinstance(one, User)), None)


def _whose(recording: Recording, user: Any) -> Any:
    """Whose mark a request of *user* has: that of this greenlet, or else of the user's own, which may have left it to this one to ask."""
    here = gevent.getcurrent()
    return here if recording.is_marked(here) else getattr(user, "greenlet", None)


def _marks_of_own(recording: Recording) -> own_clients.Marks:
    """What gives marks to what is sent by clients of the file's own, and none to what one of Locust's two sessions is at."""

    def marks(host: str, port: int, taken: Collection[str]) -> dict[str, str]:
        here = gevent.getcurrent()
        if getattr(here, _IN_SESSION, False):
            return {}
        user = _user()
        _goes_on(user)
        return recording.sends(here, host, port, taken, _number(user))

    return marks


def _number(user: Any) -> int:
    return int(getattr(user or _user(), _NUMBER, 0))


def _sent_by_requests(send: Send, recording: Recording) -> Send:
    """*send* of an `HttpSession`, whose requests are marked and heard of."""

    def sent(self: HttpSession, method: str, url: str, **kwargs: Any) -> Any:
        asked = _begins(recording, self.user, url)
        if not asked.entry:
            return _told_of(asked, HttpResponse(_unsent(asked, url, recording)), recording)
        own = kwargs.get("headers") or {}
        kwargs["headers"] = {**own, **recording.marks(asked, {**self.headers, **own})}
        here = gevent.getcurrent()
        setattr(here, _IN_SESSION, True)
        try:
            response = send(self, method, url, **kwargs)
        except BaseException as error:
            recording.broke_off(asked, error)
            raise
        finally:
            setattr(here, _IN_SESSION, False)
        took_s = sum((one.elapsed.total_seconds() for one in [*response.history, response]), 0.0)
        recording.answered(asked, response.status_code, min(asked.due_s + took_s, monotonic()))
        return _told_of(asked, response, recording)

    return sent


def _sent_fast(send: Send, recording: Recording) -> Send:
    """*send* of a `FastHttpSession`, whose requests are marked and heard of."""

    def sent(self: FastHttpSession, method: str, url: str, **kwargs: Any) -> Any:
        asked = _begins(recording, self.user, url)
        if not asked.entry:
            refused = self.client._make_request(url, method=method, headers=kwargs.get("headers"))
            return _told_of(asked, ErrorResponse(refused, _unsent(asked, url, recording)), recording)
        own = kwargs.get("headers") or {}
        kwargs["headers"] = {**own, **recording.marks(asked, own)}
        try:
            response = send(self, method, url, **kwargs)
        except BaseException as error:
            recording.broke_off(asked, error)
            raise
        recording.answered(asked, response.status_code, monotonic())
        return _told_of(asked, response, recording)

    return sent


def _unsent(asked: Asked, url: str, recording: Recording) -> _NotSentError:
    """Why nothing was sent to *url*.

    Who asks again at once would let nobody else of this process go on, as whoever ends the load, so that takes as long as to be refused.
    """
    why = _NotSentError(str(elsewhere("/".join(url.split("/", 3)[:3]))))
    try:
        gevent.sleep(LOOK_S)
    except BaseException:
        recording.broke_off(asked, why)
        raise
    return why


def _told_of(asked: Asked, response: Any, recording: Recording) -> Any:
    """*response*, by which Locust's event will know the request that was *asked*; what of it is still to come is waited for."""
    setattr(response, _ASKED, asked)
    if not _has_come(response):
        recording.streams(asked)
        # Nobody reads any more of what is gone.
        weakref.finalize(response, recording.is_read, asked)
    return response


def _has_come(response: Any) -> bool:
    """Whether all of an answer has come, or never will."""
    if not response.status_code:
        return True
    return bool(response._response.message_complete) if hasattr(response, "_response") else response._content_consumed


def _pieces(read: Send, recording: Recording) -> Send:
    """*read* of a response's pieces, whose end decides what became of a request that Locust was told of at its head."""

    def pieces(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        asked = getattr(self, _ASKED, None)
        if not isinstance(asked, Asked):
            yield from read(self, *args, **kwargs)
            return
        try:
            for piece in read(self, *args, **kwargs):
                recording.piece(asked, len(piece))
                yield piece
        except Exception as error:
            recording.is_read(asked, error)
            raise
        # A fast session takes a connection that closed for an end.
        recording.is_read(asked, None if _has_come(self) else CutError("the connection closed before the end"))

    return pieces


def _left(leave: Send, recording: Recording) -> Send:
    """*leave* of a with-block, behind which Locust tells nothing of a request where its task failed."""

    def left(self: Any, kind: Any, failure: BaseException | None, traceback: Any) -> Any:
        told = leave(self, kind, failure, traceback)
        if failure is not None and (asked := getattr(self, _ASKED, None)) is not None:
            # A task that goes on elsewhere says nothing against the answer that it got.
            fine = isinstance(failure, _GOES_ELSEWHERE) and self.ok
            recording.broke_off(asked, None if fine else failure, str(self.request_meta["name"]))
        return told

    return left


def _hearing(recording: Recording, plan: UsersPlan) -> Callable[..., None]:
    """What hears Locust's request event."""
    first = next(iter(plan.hosts.values()))

    def hears(
        name: str,
        response_time: float | None,
        response_length: int | None,
        response: Any = None,
        exception: Any = None,
        **_: Any,
    ) -> None:
        asked, size = getattr(response, _ASKED, None), int(response_length or 0)
        if isinstance(asked, Asked):
            if _has_come(response):
                recording.is_read(asked)
            recording.is_judged(asked, str(name), size, exception)
            return
        user = _user()
        host = str(getattr(user, "host", None) or first)
        took_s, whose = (response_time or 0.0) / 1000, _whose(recording, user)
        answer = getattr(exception, "response", None) if response is None else response
        status = getattr(answer, "status_code", 0)
        status = status if isinstance(status, int) else 0
        recording.told(str(name), took_s, size, exception, _number(user), host, whose, status)

    return hears
