"""The faults that a scenario can ask for, each one small file; `base.py` says what a fault promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["AnyFault", "Fault", "faults"]

if TYPE_CHECKING:
    from harness.faults.kinds import AnyFault, Fault, faults
else:
    # The wire takes its effects and limiters from here, and has no use for how faults are written. Type checkers do not see this: to them
    # every name would be there.
    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from harness.faults import kinds

        return getattr(kinds, name)
