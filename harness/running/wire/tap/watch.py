"""What reads along what passes on one connection, without touching it; one kind for each of what links carry."""

from __future__ import annotations

import time
from typing import Protocol


class Watch(Protocol):
    """Is told every byte that passes on one connection, once, in order."""

    @property
    def owed(self) -> bool:
        """Whether something was asked whose answer is not complete, as far as can be told."""

    @property
    def halfway(self) -> bool:
        """Whether something is being asked whose last byte has not come, and that is lost if it is not waited for."""

    @property
    def begun(self) -> bool:
        """Whether the client has asked anything yet."""

    @property
    def asks_first(self) -> bool:
        """Whether nothing is said on such a connection before its client has asked."""

    @property
    def awaits(self) -> bool:
        """Whether all that was asked is whole and waits for an answer whose end can be told; what a FIN ends is not among it."""

    @property
    def tunnelled(self) -> bool:
        """Whether both ends have agreed on another protocol, for whose ends somebody behind Toxiproxy listens."""

    @property
    def unheard_since_s(self) -> float | None:
        """Since when the client has waited without one byte of an answer; None where it has not."""

    def asked(self, data: bytes) -> None:
        """The client said *data*."""

    def answered(self, data: bytes) -> None:
        """The far side said *data*."""

    def far_ended(self, *, reset: bool) -> None:
        """The far side closed the connection, or reset it; the client is being told."""

    def client_left(self) -> None:
        """The client closed the connection, or reset it."""

    def let_go(self) -> None:
        """The connection is no more, and nothing else will be told of it."""


class Unread:
    """Watches a connection that says nothing that could be read."""

    asks_first = False
    halfway = False
    awaits = False  # who waits for the end of what is asked would wait for ever
    tunnelled = False

    def __init__(self) -> None:
        self.begun = False
        self.unheard_since_s: float | None = None

    @property
    def owed(self) -> bool:
        return self.unheard_since_s is not None

    def asked(self, data: bytes) -> None:
        self.begun = True
        self.unheard_since_s = time.monotonic()

    def answered(self, data: bytes) -> None:
        self.unheard_since_s = None

    def far_ended(self, *, reset: bool) -> None: ...

    def client_left(self) -> None: ...

    def let_go(self) -> None: ...
