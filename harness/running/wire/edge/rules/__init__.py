"""What an edge can do to what passes, each kind one small file; `base.py` says what a rule promises."""

from __future__ import annotations

from harness.registry import load_third_parties
from harness.running.wire.edge.rules.base import edge_rules
from harness.running.wire.edge.rules.fail_share import FailedShare
from harness.running.wire.edge.rules.throttle import Throttled

edge_rules.add("throttle", Throttled)
edge_rules.add("fail_share", FailedShare)

load_third_parties("edge_rules")

__all__ = ["edge_rules"]
