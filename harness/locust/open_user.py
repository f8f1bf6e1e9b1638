"""Users whose tasks begin on a schedule, whether or not earlier ones have ended; only locustfiles import this."""

from __future__ import annotations

import random
from time import monotonic
from typing import Any, ClassVar
from zlib import crc32

import gevent
from gevent.pool import Group
from locust import HttpUser
from locust.clients import HttpSession
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING
from urllib3 import PoolManager

from harness.planning.curve import Linear
from harness.planning.schedule import Arrivals, Schedule
from harness.running.load.users import recorder

_ALONE_S = 24 * 3600.0
"""So long a schedule lasts where Locust runs without the harness, which then ends it when it likes."""
_LOOK_S = 0.1
_OPEN_AT_ONCE = 1000
"""Connections that are kept; more are opened where they are needed."""
_ENTRY = "_harness_entry"
_OVER = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser)


class OpenUser(HttpUser):
    """An `HttpUser` of which *rate_per_s* tasks begin a second, each in a greenlet of its own; one such user is all clients at once.

    Due times are those of the harness's own load: a function of the seed, the rate and *arrivals*, for which *jitter* and *cv* mean what
    they do there. Requests go to the entries in turn. A task is a method; ``wait_time`` is of no use.
    """

    abstract = True
    fixed_count = 1
    rate_per_s: ClassVar[float] = 1.0
    arrivals: ClassVar[Arrivals] = "constant"
    jitter: ClassVar[float] = 0.2
    cv: ClassVar[float] = 2.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.pool_manager = PoolManager(maxsize=_OPEN_AT_ONCE)
        self._sessions: list[HttpSession] = []
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # Locust's own
        course = recorder.current[0] if recorder.current else None
        hosts = [url.rstrip("/") for url in course.plan.hosts.values()] if course else [str(self.host)]
        self._sessions = [self._session(host) for host in hosts]
        self._zero_s = course.zero_s if course else monotonic()
        self._lasts_s, self._seed = (course.plan.total_s, course.plan.seed) if course else (_ALONE_S, 1)

    @property
    def client(self) -> HttpSession:
        """That of the entry whose turn it is."""
        return self._sessions[getattr(gevent.getcurrent(), _ENTRY, 0) % len(self._sessions)]

    @client.setter
    def client(self, session: HttpSession) -> None:
        self._sessions = [session]

    @property
    def schedule(self) -> Schedule:
        """When its tasks are due; two classes of one file have each their own chance."""
        curve = (Linear(self._lasts_s, self.rate_per_s, self.rate_per_s),)
        seed = (self._seed + crc32(type(self).__name__.encode())) % 2**63
        return Schedule(self.arrivals, curve, self.jitter, 0.0, seed, self.cv)

    def run(self) -> None:  # type: ignore[misc]  # in the place of Locust's own loop, in which a user waits for each task
        self._state = LOCUST_STATE_RUNNING
        begun = Group()
        try:
            self.on_start()
            for index, due_s in enumerate(self.schedule.due_times()):
                if not self._await(self._zero_s + due_s):
                    break
                begun.start(_arrival(self, index, self._zero_s + due_s))
            begun.join()
        except StopUser:
            pass
        finally:
            begun.kill()
            self.on_stop()  # type: ignore[no-untyped-call]  # Locust's own

    def begin(self, due_s: float) -> None:
        """One task, which was due at *due_s* of the monotonic clock."""
        recorder.due_at(due_s)
        try:
            random.choice(self.tasks)(self)  # type: ignore[operator]  # a TaskSet goes on for ever; Locust's type allows one
        except _OVER:
            pass
        except Exception as error:  # noqa: BLE001 - what a task raises is told as Locust tells it
            self.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)

    def _await(self, due_s: float) -> bool:
        """Wait until *due_s*; whether the user is to go on then."""
        while self._state != LOCUST_STATE_STOPPING and (left_s := due_s - monotonic()) > 0:
            gevent.sleep(min(left_s, _LOOK_S))
        return self._state != LOCUST_STATE_STOPPING

    def _session(self, host: str) -> HttpSession:
        session = HttpSession(host, self.environment.events.request, self, pool_manager=self.pool_manager)
        session.trust_env = False
        return session


def _arrival(user: OpenUser, index: int, due_s: float) -> gevent.Greenlet:
    """One task of *user*, not begun yet, at the entry whose turn it is."""
    greenlet = gevent.Greenlet(user.begin, due_s)
    setattr(greenlet, _ENTRY, index)
    setattr(greenlet, recorder.OF_USER, user)
    return greenlet
