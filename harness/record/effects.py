"""What a service says that it has done for the requests of a run: orders, mails, whatever has an effect outside of the answer."""

from __future__ import annotations

import msgspec


class Effects(msgspec.Struct, frozen=True):
    """How often something was done from before the load to after it: *total* in all, and *of_nonce* by the nonce of its request.

    *of_nonce* is empty where the service does not say for which request it was done, as where it gives a number alone.
    """

    total: int
    of_nonce: dict[str, int] = {}
