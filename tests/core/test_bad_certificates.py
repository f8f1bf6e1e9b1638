"""Links that are reached by TLS, and a fault that shows a bad certificate there: what a file may say, what is counted, and what is told."""

from __future__ import annotations

from typing import Any

import pytest
import trustme
from written_faults import written_fault

from harness.checks import target_problems
from harness.faults.base import Looked
from harness.faults.effects import TapCertificate
from harness.judging.metrics import metrics
from harness.judging.preflight import answered
from harness.judging.sample import Selection, pick
from harness.problems import UsageProblems
from harness.reading import expectation
from harness.reading.placeholders import unknown_placeholders, untold_authorities
from harness.reading.target import Link, Target, Tls
from harness.reading.yaml import load
from harness.record.history import LinkSeen
from harness.record.rows import Traffic
from harness.record.tables import table
from harness.running.world.processes import link_address

BAD = {"kind": "bad_certificate", "on": {"kind": "provider", "region": "east"}, "flaw": "expired", "at": "fault"}
PLAIN = Link(kind="provider", upstream="http://127.0.0.1:9")
TARGET = """schema: harness.target/1
name: one
start: {{command: [serve, "{{port}}"], env: {{{env}}}, ready: {{get: /healthz}}}}
entries: [{{url: "{entry}"}}]
ask: {{protocol: json, path: /ask, body: {{q: "{{question}}"}}, reply: {{answer: /answer}}}}
links: {{openai: {{kind: provider, upstream: "http://127.0.0.1:9", tls: {tls}, env: {{URL: "{{url}}"}}}}}}
"""


@pytest.fixture
def by_tls(target: Target) -> Target:
    links = {name: link.model_copy(update={"tls": Tls()}) for name, link in target.links.items()}
    return target.model_copy(update={"links": links})


@pytest.fixture
def written(tmp_path):
    def read(tls: str = "true", env: str = 'SSL_CERT_FILE: "{ca_file}"', entry: str = "http://127.0.0.1:{port}"):
        path = tmp_path / "target.yaml"
        path.write_text(TARGET.format(tls=tls, env=env, entry=entry))
        return load(path, Target)

    return read


def test_a_link_by_tls_is_told_of_as_https(written) -> None:
    found = written()
    assert unknown_placeholders(found) == untold_authorities(found) == []
    assert link_address(found.value.links["openai"], "127.0.0.1", 7)["url"] == "https://127.0.0.1:7"
    store = Link(kind="store", upstream="redis://127.0.0.1:1", tls=True)
    assert link_address(store, "127.0.0.1", 7)["url"] == "rediss://127.0.0.1:7"


def test_a_process_that_is_not_told_whom_to_trust_is_told_of(written) -> None:
    (said,) = untold_authorities(written(env="X: y"))
    assert (said.path, 'SSL_CERT_FILE: "{ca_file}"' in said.what) == ("links.openai.tls", True)
    assert untold_authorities(written(env="X: y", tls="{ca: a.pem, ca_key: k.pem}")) == []
    assert untold_authorities(written(env="X: y", tls="false")) == []


def test_where_nothing_is_reached_by_tls_there_is_no_authority(written) -> None:
    (said,) = unknown_placeholders(written(tls="false"))
    assert "unknown placeholder {ca_file}" in said.what


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"tls": "{ca: a.pem}"}, "ca and ca_key belong together"),
        ({"entry": "{openai.url}"}, "is reached by TLS"),
        ({"tls": "{names: ['a b']}"}, "names"),
    ],
)
def test_what_cannot_be_is_refused(written, keys: dict[str, str], said: str) -> None:
    with pytest.raises(UsageProblems, match=said):
        written(**keys)


def test_the_fault_is_for_links_by_tls_alone(by_tls: Target) -> None:
    fault = written_fault(
        {key: BAD[key] for key in ("kind", "on", "flaw")} | {"open_connections": "close", "share": 0.5}
    )
    assert fault.misfit(PLAIN) == "is not reached by TLS, so no certificate is shown there; say tls: true on it"
    link = PLAIN.model_copy(update={"tls": Tls()})
    assert fault.misfit(link) == ""
    assert fault.effects({"east": link}) == (TapCertificate("east", "expired", closes_open=True, share_ratio=0.5),)
    assert (fault.took_hold(Looked()), fault.took_hold(Looked(answered=1))) == (False, True)


def test_amplification_cannot_be_expected_while_handshakes_are_refused(make_plan, by_tls: Target) -> None:
    made = make_plan(of=by_tls, faults=[BAD])
    asked = expectation.parse("retry_amplification <= 3 in fault")
    assert metrics["retry_amplification"].unsettled(made, asked) is not None


@pytest.mark.parametrize(("accepted", "verdict"), [(0, "pass"), (1, "fail")])
def test_who_goes_on_after_a_bad_certificate_is_counted(
    make_plan, make_evidence, by_tls: Target, accepted: int, verdict: str
) -> None:
    made = make_plan(of=by_tls, faults=[BAD], expect=["bad_certificates_accepted <= 0"])
    at_s = made.phase("fault").start_s
    shown = [
        Traffic("provider-east", at_s, connections=3, bad_certificates=3, handshakes_refused=3 - accepted),
        Traffic("provider-east", at_s + 1, bad_certificates_accepted=accepted),
    ]
    evidence = make_evidence(made, traffic=table(shown, Traffic, 0.0))
    (expected,) = made.expectations
    found: Any = metrics["bad_certificates_accepted"].measure(pick(evidence, Selection("fault")))
    assert (found.value, found.n, expected.judge(found)) == (accepted, 3, verdict)
    nothing = make_evidence(made, traffic=table([Traffic("provider-east", at_s, connections=1)], Traffic, 0.0))
    assert metrics["bad_certificates_accepted"].measure(pick(nothing, Selection("fault"))).value is None


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ({"unknown_ca": 2}, "does the process that asks trust {ca_file}"),
        ({"http_request": 1}, "is the service given {url}"),
    ],
)
def test_a_handshake_that_came_to_nothing_before_the_load_says_what_to_look_at(
    refused: dict[str, int], said: str
) -> None:
    assert said in answered(LinkSeen("openai", 0, 0, 0, {}, refused=refused))


@pytest.fixture
def authorities(tmp_path, monkeypatch) -> None:
    """PEM files where the harness is started: of two authorities, one of which is `ours`, and of a certificate that may not vouch."""
    monkeypatch.chdir(tmp_path)
    for name in ("ours", "other"):
        made = trustme.CA()
        made.cert_pem.write_to_path(f"{name}.pem")
        made.private_key_pem.write_to_path(f"{name}-key.pem")
        leaf = made.issue_cert("api.internal")
        leaf.cert_chain_pems[0].write_to_path(f"{name}-leaf.pem")
        leaf.private_key_pem.write_to_path(f"{name}-leaf-key.pem")


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("{ca: ours.pem, ca_key: ours-key.pem}", ""),
        ("{ca: ours.pem, ca_key: other-key.pem}", "'other-key.pem' is not the key of 'ours.pem'"),
        ("{ca: ours.pem, ca_key: ours.pem}", "'ours.pem' holds no key without a passphrase"),
        ("{ca: ours-leaf.pem, ca_key: ours-leaf-key.pem}", "is no authority's"),
        ("{ca: ours.pem, ca_key: gone.pem}", "'gone.pem' is no file in"),
    ],
)
def test_an_authority_that_cannot_vouch_is_told_before_anything_is_started(
    written, authorities, tls: str, said: str
) -> None:
    found = [problem for problem in target_problems(written(tls), {}) if problem.path == "links.openai.tls"]
    assert [said in problem.what for problem in found] == ([True] if said else [])
