"""All that makes a run what it is, but for what runs."""

from __future__ import annotations

from hashlib import sha256

from harness.prepare import Prepared

Inputs = tuple[object, ...]


def inputs_of(prepared: Prepared) -> Inputs:
    """All that makes the run what it is, but for what runs."""
    asked = prepared.asked
    files = (prepared.scenario.sha256, prepared.target.sha256, prepared.questions.sha256, prepared.trace_sha256)
    # A run that is held against nothing is what it was before there was anything to hold it against.
    held = (prepared.recorded_sha256,) if prepared.recorded_sha256 else ()
    return (*files, *held, prepared.plan.seed, asked.overrides, asked.expectations, asked.with_faults)


def checksum(every: list[Prepared]) -> str:
    """One for the inputs of several runs in this order."""
    return sha256(repr([inputs_of(prepared) for prepared in every]).encode()).hexdigest()
