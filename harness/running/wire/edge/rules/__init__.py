"""What an edge can do to what passes, each kind one small file; `base.py` says what a rule promises."""

from __future__ import annotations

from harness.registry import load_third_parties
from harness.running.wire.edge.rules.base import edge_rules
from harness.running.wire.edge.rules.cut_stream import StreamCut
from harness.running.wire.edge.rules.delay import Delayed
from harness.running.wire.edge.rules.fail import Failed
from harness.running.wire.edge.rules.hang_up import HungUp
from harness.running.wire.edge.rules.slow_stream import StreamSlowed
from harness.running.wire.edge.rules.spoil_answer import AnswerSpoilt
from harness.running.wire.edge.rules.spoil_stream import StreamSpoilt
from harness.running.wire.edge.rules.stall_stream import StreamStalled
from harness.running.wire.edge.rules.throttle import Throttled

edge_rules.add("throttle", Throttled)
edge_rules.add("fail", Failed)
edge_rules.add("hang_up", HungUp)
edge_rules.add("delay", Delayed)
edge_rules.add("slow_stream", StreamSlowed)
edge_rules.add("stall_stream", StreamStalled)
edge_rules.add("cut_stream", StreamCut)
edge_rules.add("spoil_stream", StreamSpoilt)
edge_rules.add("spoil_answer", AnswerSpoilt)

load_third_parties("edge_rules")

__all__ = ["edge_rules"]
