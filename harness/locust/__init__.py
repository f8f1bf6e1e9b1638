"""For locustfiles: the mark by which what a service does for a request is joined to it. With no run going on it does nothing."""

from __future__ import annotations


def mark() -> str:
    """``[n-…]``, to be written into the prompt of the next request of the user who asks for it; empty where no run goes on.

    It is for services that pass a prompt on and no header, and for clients of a locustfile's own, whose requests nobody else can mark.
    """
    # Only now: who imports Locust has the sockets of the process patched.
    from harness.running.load.users.recorder import nonce_of_next

    nonce = nonce_of_next()
    return f"[{nonce}]" if nonce else ""
