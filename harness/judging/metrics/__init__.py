"""The scores that can be expected of a run, each one small file; `base.py` says what a metric promises."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from harness.judging.metrics.base import Metric, metrics, telling
from harness.registry import load_third_parties

SHIPPED = {
    "recovery_time_s": "recovery_and_failover.RecoveryTime",
    "failover_time_s": "recovery_and_failover.FailoverTime",
    "relapses": "recovery_and_failover.Relapses",
    "failback_time_s": "failback_time.FailbackTime",
    "good_ratio": "good_ratio.GoodRatio",
    "failed_requests": "failed_requests.FailedRequests",
    "error_budget_spent": "error_budget.ErrorBudgetSpent",
    "burn_rate": "error_budget.BurnRate",
    "stream_integrity": "stream_integrity.StreamIntegrity",
    "retry_amplification": "retry_amplification.RetryAmplification",
    "retry_burst": "retry_burst.RetryBurst",
    "attempts_before_failover": "attempts_before_failover.AttemptsBeforeFailover",
    "probes_per_s": "probes_per_s.ProbesPerS",
    "fallback_ratio": "fallback_ratio.FallbackRatio",
    "degraded_ratio": "degraded_ratio.DegradedRatio",
    "mislabelled_ratio": "mislabelled_ratio.MislabelledRatio",
    "cache_hit_ratio": "cache_hit_ratio.CacheHitRatio",
    "orphaned_attempts": "wasted_attempts.OrphanedAttempts",
    "duplicate_completions": "wasted_attempts.DuplicateCompletions",
    "non_retryable_retries": "wasted_attempts.NonRetryableRetries",
    "retry_after_obeyed": "retry_after_obeyed.RetryAfterObeyed",
    "waits_ignored": "retry_after_obeyed.WaitsIgnored",
    "store_commands": "store_commands.StoreCommands",
    "answer_consistency": "answer_consistency.AnswerConsistency",
    "monotonic_violations": "answer_consistency.MonotonicViolations",
    "staleness_s": "staleness.Staleness",
    "leaks": "answer_consistency.Leaks",
    "side_effects": "side_effects.SideEffects",
    "jobs": "jobs.Jobs",
    "healthy_while_failing_s": "health.HealthyWhileFailing",
    "unhealthy_while_serving_s": "health.UnhealthyWhileServing",
    "residency_violations": "residency_violations.ResidencyViolations",
    "credential_leaks": "credential_leaks.CredentialLeaks",
    "bad_certificates_accepted": "bad_certificates_accepted.BadCertificatesAccepted",
    "tokens_per_request": "tokens_and_cost.Tokens",
    "cost_per_good": "tokens_and_cost.CostPerGood",
    "queue_time_ms": "jobs.QueueTime",
    "queue_depth": "queue.QueueDepth",
    "queue_age_s": "queue.QueueAge",
    "latency_ms": "latency.Latency",
    "ttft_ms": "latency.TimeToFirstToken",
    "fidelity": "fidelity.Fidelity",
    "attempts_per_s": "on_links.AttemptsPerS",
    "attempt_error_ratio": "on_links.AttemptErrorRatio",
    "attempt_latency_ms": "on_links.AttemptLatency",
    "tokens_per_s": "tokens_a_second.TokensPerS",
    "cost_per_min": "tokens_a_second.CostPerMin",
    "commands_per_s": "on_links.CommandsPerS",
    "connections_per_s": "on_links.ConnectionsPerS",
    "lookups_per_s": "on_links.LookupsPerS",
}
"""Each metric by its name: in which file here it is, and of which class. A file is imported when somebody asks for its metric."""


def _made(where: str) -> Metric:
    module, _, of = where.partition(".")
    metric: Metric = getattr(import_module(f"{__name__}.{module}"), of)()
    return metric


for _name, _where in SHIPPED.items():
    metrics.add_made(_name, partial(_made, _where))

load_third_parties("metrics")

__all__ = ["Metric", "metrics", "telling"]
