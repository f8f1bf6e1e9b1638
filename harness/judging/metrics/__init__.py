"""The scores that can be expected of a run, each one small file; `base.py` says what a metric promises."""

from __future__ import annotations

from harness.judging.metrics.answer_consistency import AnswerConsistency, Leaks, MonotonicViolations
from harness.judging.metrics.attempts_before_failover import AttemptsBeforeFailover
from harness.judging.metrics.base import Metric, measurable, metrics, telling
from harness.judging.metrics.cache_hit_ratio import CacheHitRatio
from harness.judging.metrics.credential_leaks import CredentialLeaks
from harness.judging.metrics.degraded_ratio import DegradedRatio
from harness.judging.metrics.error_budget import BurnRate, ErrorBudgetSpent
from harness.judging.metrics.failback_time import FailbackTime
from harness.judging.metrics.failed_requests import FailedRequests
from harness.judging.metrics.fallback_ratio import FallbackRatio
from harness.judging.metrics.fidelity import Fidelity
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.metrics.health import HealthyWhileFailing, UnhealthyWhileServing
from harness.judging.metrics.jobs import Jobs, QueueTime
from harness.judging.metrics.latency import Latency, TimeToFirstToken
from harness.judging.metrics.mislabelled_ratio import MislabelledRatio
from harness.judging.metrics.on_links import (
    AttemptErrorRatio,
    AttemptLatency,
    AttemptsPerS,
    CommandsPerS,
    ConnectionsPerS,
)
from harness.judging.metrics.probes_per_s import ProbesPerS
from harness.judging.metrics.queue import QueueAge, QueueDepth
from harness.judging.metrics.recovery_and_failover import FailoverTime, RecoveryTime, Relapses
from harness.judging.metrics.residency_violations import ResidencyViolations
from harness.judging.metrics.retry_after_obeyed import RetryAfterObeyed, WaitsIgnored
from harness.judging.metrics.retry_amplification import RetryAmplification
from harness.judging.metrics.retry_burst import RetryBurst
from harness.judging.metrics.side_effects import SideEffects
from harness.judging.metrics.staleness import Staleness
from harness.judging.metrics.store_commands import StoreCommands
from harness.judging.metrics.stream_integrity import StreamIntegrity
from harness.judging.metrics.tokens_a_second import CostPerMin, TokensPerS
from harness.judging.metrics.tokens_and_cost import CostPerGood, Tokens
from harness.judging.metrics.wasted_attempts import DuplicateCompletions, NonRetryableRetries, OrphanedAttempts
from harness.registry import load_third_parties

for _metric in (
    RecoveryTime(),
    FailoverTime(),
    Relapses(),
    FailbackTime(),
    GoodRatio(),
    FailedRequests(),
    ErrorBudgetSpent(),
    BurnRate(),
    StreamIntegrity(),
    RetryAmplification(),
    RetryBurst(),
    AttemptsBeforeFailover(),
    ProbesPerS(),
    FallbackRatio(),
    DegradedRatio(),
    MislabelledRatio(),
    CacheHitRatio(),
    OrphanedAttempts(),
    DuplicateCompletions(),
    NonRetryableRetries(),
    RetryAfterObeyed(),
    WaitsIgnored(),
    StoreCommands(),
    AnswerConsistency(),
    MonotonicViolations(),
    Staleness(),
    Leaks(),
    SideEffects(),
    Jobs(),
    HealthyWhileFailing(),
    UnhealthyWhileServing(),
    ResidencyViolations(),
    CredentialLeaks(),
    Tokens(),
    CostPerGood(),
    QueueTime(),
    QueueDepth(),
    QueueAge(),
    Latency(),
    TimeToFirstToken(),
    Fidelity(),
    AttemptsPerS(),
    AttemptErrorRatio(),
    AttemptLatency(),
    TokensPerS(),
    CostPerMin(),
    CommandsPerS(),
    ConnectionsPerS(),
):
    metrics.add(_metric.name, _metric)

load_third_parties("metrics")

__all__ = ["Metric", "measurable", "metrics", "telling"]
