"""What an edge can do to what passes, each kind one small file; `base.py` says what a rule promises."""

from __future__ import annotations

from harness.registry import load_third_parties
from harness.running.wire.edge.rules.base import edge_rules
from harness.running.wire.edge.rules.delay import Delayed
from harness.running.wire.edge.rules.fail import Failed
from harness.running.wire.edge.rules.hang_up import HungUp
from harness.running.wire.edge.rules.throttle import Throttled

edge_rules.add("throttle", Throttled)
edge_rules.add("fail", Failed)
edge_rules.add("hang_up", HungUp)
edge_rules.add("delay", Delayed)

load_third_parties("edge_rules")

__all__ = ["edge_rules"]
