"""A service that hides a fault from its users, or from the harness, does not pass; one that copes with it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from real_runs import TOO_BUSY, came_to

pytestmark = pytest.mark.whole_run
HERE = Path(__file__).parent
PHASES = {"warmup": "0.25s", "baseline": "1.5s", "fault": "2.5s", "recovery": "0.25s"}
# Long enough for users to come back with another question.
RETURNING = {"baseline": "2.5s", "fault": "3.5s"}
QUICK = {"simulated": {"capacity": 64, "first_token": "40ms", "sigma": 0.1, "tokens": 5, "token_gap": "1ms"}}

LATE = {"kind": "latency", "on": {"region": "near"}, "base": "2s"}
LIMITED = {"kind": "rate_limit", "on": {"region": "near"}, "requests_per_min": 660}
FAILING = {"kind": "http_error", "on": {"region": "near"}, "status": 503, "share": 0.7}
EXPIRED = {"kind": "bad_certificate", "on": {"region": "near"}, "flaw": "expired", "open_connections": "close"}
UNKNOWN = {"kind": "bad_lookup", "on": {"region": "near"}, "answer": "no_such_name"}
LOST = {"kind": "regional_loss", "region": "near", "mode": "blackhole"}
SLOWED = {"kind": "resource_limit", "on": {"process": "target"}, "cpu": 0.03}
CRAMPED = {"kind": "resource_limit", "on": {"process": "target"}, "memory": "250MB"}
BEHIND = {"kind": "cache_divergence", "region": "west", "publish_after": "0.5s"}

ANSWERED = "good_ratio >= 0.8 in fault"
CONSISTENT = "answer_consistency >= 0.9 in fault"
FORWARD = "monotonic_violations <= 0"
NOBODY_ELSE = "bad_certificates_accepted <= 0"
ASKED_ONCE = "retry_amplification <= 1.5 in fault"


def case(target: dict[str, Any], faults: dict[str, Any] | list[dict[str, Any]], *expect: str, **phases: str) -> Any:
    """The test's own run: *faults* on *target*."""
    scenario = {
        "schema": "harness.scenario/1",
        "name": "hidden",
        "load": {"rate_per_s": 22, "questions": "questions.yaml", "deadline": "5s"},
        "phases": PHASES | phases,
        "faults": faults if isinstance(faults, list) else [faults],
        "good": {"within": "4s"},
        "expect": expect,
    }
    return pytest.mark.parametrize("run", [json.dumps([scenario, target])], indirect=True, ids=[target["name"]])


def asks(way: str, *links: str, spare: str = "near", nonce: str = "prompt") -> dict[str, Any]:
    """A target: `hiding.py` in one of its ways, asking over *links* to simulated providers; it is told of a link *spare*, too."""
    command = ["{python}", str(HERE / "hiding.py"), "--port", "{port}", "--way", way, "--providers"]
    provider = {"kind": "provider", "api": "openai", "upstream": QUICK}
    return {
        "schema": "harness.target/1",
        "name": way,
        "start": {"command": [*command, *(f"{{{link}.url}}" for link in links)], "ready": {"get": "/healthz"}},
        "entries": [{"url": "http://127.0.0.1:{port}"}],
        "ask": {
            "protocol": "json",
            "path": "/ask",
            "body": {"question": "{question}"},
            "reply": {"answer": "/answer"},
            "nonce": {"in": nonce} | ({"name": "x-request-nonce"} if nonce == "header" else {}),
        },
        "links": {
            name: provider | {"region": name, "env": {name.upper(): "{url}"}} for name in dict.fromkeys([*links, spare])
        },
    }


def asks_by_tls(way: str, *links: str) -> dict[str, Any]:
    """As `asks`, of a service that reaches its providers by TLS."""
    target = asks(way, *links)
    target["start"]["env"] = {"TRUSTED": "{ca_file}"}
    target["links"] = {name: link | {"tls": True} for name, link in target["links"].items()}
    return target


def asks_by_name(way: str) -> dict[str, Any]:
    """As `asks`, of a service that looks up its provider."""
    target = asks(way, "near")
    target["start"]["env"] = {"RESOLVER": "{resolver}"}
    target["links"]["near"] = target["links"]["near"] | {"dns": {"name": "api.provider.example", "ttl": "0s"}}
    return target


def follows(way: str) -> dict[str, Any]:
    """A target: `replicating.py` with a replica in the west, whose replication is a link."""

    def follower(replica: str) -> dict[str, Any]:
        addresses = ["--replica", replica, "--primary", "127.0.0.1:{primary.port}"]
        return {"command": [*command, way, *addresses], "ready": {"get": "/healthz"}}

    command = ["{python}", str(HERE / "replicating.py"), "--port", "{port}"]
    regions = {"east": "127.0.0.1:{primary.port}", "west": "{replication.host}:{replication.port}"}
    return {
        "schema": "harness.target/1",
        "name": way,
        "services": {
            "primary": {"command": [*command, "primary"], "ready": {"tcp": True}},
            **{region: follower(replica) for region, replica in regions.items()},
        },
        "entries": [{"name": r, "url": f"http://127.0.0.1:{{{r}.port}}", "region": r} for r in regions],
        "ask": {
            "protocol": "json",
            "path": "/ask",
            "body": {"question": "{question}"},
            "reply": {"answer": "/answer", "snapshot_version": "/version"},
            "nonce": {"in": "header", "name": "x-request-nonce"},
        },
        # Told to be Redis, so that a probe says something: whether anything comes back is what shows the fault.
        "links": {
            "replication": {
                "kind": "replication",
                "region": "west",
                "upstream": "redis://127.0.0.1:{primary.port}",
                "idle": True,  # nothing is said on it before something is published
            }
        },
        "publish": {"post": "http://127.0.0.1:{primary.port}/publish"},
    }


def found(run: Any, verdict: str, **findings: str) -> bool:
    """Whether a run says anything: its *verdict*, and its *findings* by metric. One for which the machine was too busy has to say that."""
    reason = run.result.reason
    assert came_to(verdict, run.result.model_dump()), reason
    if run.verdict == "invalid" and TOO_BUSY.search(reason):
        return False
    assert {finding.metric: finding.verdict for finding in run.result.findings} == findings, reason
    return True


@case(asks("apologising", "near"), LATE, ANSWERED, CONSISTENT)
def test_a_kind_word_in_place_of_a_late_answer_is_found(run: Any) -> None:
    found(run, "fail", good_ratio="pass", answer_consistency="fail")


@case(asks("silent", "near"), LATE, ANSWERED)
def test_a_status_200_without_an_answer_is_no_answer(run: Any) -> None:
    if found(run, "fail", good_ratio="fail"):
        assert set(run.requests.query("not good")["outcome"]) == {"empty"}


@case(asks("insisting", "near"), LIMITED, ANSWERED, ASKED_ONCE)
def test_retries_that_hide_a_rate_limit_from_users_are_found(run: Any) -> None:
    found(run, "fail", good_ratio="pass", retry_amplification="fail")


@case(asks("anonymous", "near"), LIMITED, ANSWERED, ASKED_ONCE)
def test_retries_that_drop_the_mark_of_their_request_do_not_pass_as_none(run: Any) -> None:
    # How often it asks again hangs on the machine's pace; that most of it is joined would be another thing.
    if found(run, "invalid", good_ratio="pass", retry_amplification="inconclusive"):
        assert run.result.quality.join_ratio < 0.9
    assert run.result.exit_status == 4


@case(asks("nested", "near"), FAILING, ANSWERED, ASKED_ONCE, fault="5s")
def test_retries_inside_retries_are_told_apart_by_layer(run: Any) -> None:
    if found(run, "fail", good_ratio="pass", retry_amplification="fail"):
        by_layer = run.result.metrics["retry_amplification"].by.layer
        assert by_layer["sdk"].value > by_layer["repeat"].value > 0
        assert by_layer["failover"].value == 0


@case(asks("misremembering", "near"), LOST, ANSWERED, CONSISTENT)
def test_an_answer_to_another_question_in_place_of_a_lost_one_is_found(run: Any) -> None:
    found(run, "fail", good_ratio="pass", answer_consistency="fail")


@case(follows("pretending"), BEHIND, ANSWERED, CONSISTENT, FORWARD, **RETURNING)
def test_an_old_answer_under_the_newest_version_is_found(run: Any) -> None:
    found(run, "fail", good_ratio="pass", answer_consistency="fail", monotonic_violations="pass")


@case(follows("checking"), BEHIND, ANSWERED, CONSISTENT, FORWARD, **RETURNING)
def test_a_service_that_does_not_trust_its_replica_passes_where_that_is_behind(run: Any) -> None:
    assert came_to("pass", run.result.model_dump()), run.result.reason


@case(
    asks("elsewhere", "near", "far"),
    [
        fault | {"at": f"fault + {1.5 * place}s", "for": "1.1s"}
        for place, fault in enumerate((LATE | {"base": "800ms"}, LIMITED | {"requests_per_min": 60}, FAILING, LOST))
    ],
    ANSWERED,
    CONSISTENT,
    ASKED_ONCE,
    fault="6s",
)
def test_a_service_that_turns_elsewhere_in_time_passes_whatever_befalls_one_provider(run: Any) -> None:
    # A fault of a second may be over before a busy machine has asked anything under it.
    assert came_to("pass", run.result.model_dump(), {"not_in_force"}), run.result.reason
    assert run.verdict != "pass" or all(fault.attempts_affected for fault in run.result.faults)


@case(
    asks("trusting", "near", spare="far"), LIMITED | {"on": {"region": "far"}}, "good_ratio >= 0.6 in fault", fault="2s"
)
def test_a_limit_on_a_provider_that_nobody_asks_is_no_test_of_the_service(run: Any) -> None:
    found(run, "invalid", good_ratio="pass")
    assert run.result.exit_status == 4


@case(asks("hoarding", "near", nonce="header"), LATE, "good_ratio >= 0.6 in fault", ASKED_ONCE)
def test_a_service_that_never_asks_its_provider_does_not_pass_for_one_that_asks_once(run: Any) -> None:
    found(run, "invalid", good_ratio="pass", retry_amplification="inconclusive")
    assert run.result.exit_status == 4


@case(asks("computing", "near"), SLOWED, ANSWERED, fault="8s")
def test_a_service_that_needs_more_of_the_processors_than_it_is_left_with_is_found(run: Any) -> None:
    assert came_to("fail", run.result.model_dump()), run.result.reason


@case(asks("spacious", "near"), CRAMPED, ANSWERED)
def test_a_service_that_needs_more_memory_than_it_is_left_with_is_found(run: Any) -> None:
    assert came_to("fail", run.result.model_dump()), run.result.reason


@case(asks("trusting", "near"), {**CRAMPED, "cpu": 0.8}, ANSWERED)
def test_a_service_that_needs_less_than_it_is_left_with_passes(run: Any) -> None:
    assert came_to("pass", run.result.model_dump()), run.result.reason


@case(asks_by_name("excusing"), UNKNOWN, ANSWERED, CONSISTENT)
def test_a_kind_word_in_place_of_an_answer_from_a_provider_that_cannot_be_looked_up_is_found(run: Any) -> None:
    found(run, "fail", good_ratio="pass", answer_consistency="fail")


@case(asks_by_name("remembering"), UNKNOWN, ANSWERED, CONSISTENT)
def test_a_service_that_goes_on_where_its_provider_was_passes(run: Any) -> None:
    if found(run, "pass", good_ratio="pass", answer_consistency="pass"):
        (fault,) = run.result.faults
        assert "lookups met it at the resolver" in fault.evidence


@case(asks_by_name("pinning"), UNKNOWN, ANSWERED)
def test_a_service_that_never_looks_up_its_provider_again_is_not_tested_by_names(run: Any) -> None:
    if found(run, "invalid", good_ratio="pass"):
        assert "nobody looked up the name of near" in run.result.reason


@case(asks_by_tls("careless", "near"), EXPIRED, ANSWERED, NOBODY_ELSE, fault="5s")
def test_a_service_that_takes_whoever_answers_for_its_provider_is_found(run: Any) -> None:
    found(run, "fail", good_ratio="pass", bad_certificates_accepted="fail")


@case(asks_by_tls("trusting", "near"), EXPIRED, ANSWERED, NOBODY_ELSE, fault="5s")
def test_a_service_that_refuses_a_bad_certificate_and_has_nobody_else_is_found(run: Any) -> None:
    found(run, "fail", good_ratio="fail", bad_certificates_accepted="pass")


@case(asks_by_tls("elsewhere", "near", "far"), EXPIRED, ANSWERED, NOBODY_ELSE, fault="5s")
def test_a_service_that_refuses_a_bad_certificate_and_turns_elsewhere_passes(run: Any) -> None:
    found(run, "pass", good_ratio="pass", bad_certificates_accepted="pass")
