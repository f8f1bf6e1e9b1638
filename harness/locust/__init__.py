"""What a locustfile can have of the harness: a mark for its prompts, and a user class that waits for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.locust.open_user import OpenUser

__all__ = ["OpenUser", "mark"]


def mark() -> str:
    """``[n-…]``, to be written into the prompt of the next request of the user who asks for it; empty where no run goes on.

    It is for services that pass a prompt on and no header, and for clients of a locustfile's own that do not send by http.client or httpx.
    """
    # Only now: who imports Locust has the sockets of the process patched.
    from harness.running.load.users.recorder import nonce_of_next

    nonce = nonce_of_next()
    return f"[{nonce}]" if nonce else ""


def __getattr__(name: str) -> object:
    if name == "OpenUser":
        from harness.locust.open_user import OpenUser

        return OpenUser
    raise AttributeError(name)
