"""What the stretches of a fault are called that comes and goes, or reaches one link after the other."""

from __future__ import annotations


def stretch_of(fault: str, number: int) -> str:
    """The id of stretch *number*, from 1, of the *fault* of this name, in which there is no point."""
    return f"{fault}.{number}"


def fault_of(stretch: str) -> str:
    """The name of the fault that the one with this id is a *stretch* of, or that it is itself."""
    return stretch.partition(".")[0]
