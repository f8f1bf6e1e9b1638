"""The target files that ship: what they say, and that what they start answers."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml
from incident_list import OF_A_KIND
from pydantic import BaseModel

from harness.dialects import spoken_at
from harness.prepare import Asked, prepare
from harness.protocols.asking import resolved
from harness.protocols.protocols import protocol
from harness.reading.hosts import address
from harness.reading.target import Target
from harness.reading.templates import secret_names
from harness.reference import corpus

DIRECT = {"openai-direct": "openai", "anthropic-direct": "anthropic", "azure-openai": "azure-openai"}
"""Target files of providers that are asked with nothing in between, and what each speaks."""
FORMS = ("fragile", "resilient")
TARGETS = Path(__file__).parents[2] / "scenarios" / "targets"


def document(name: str) -> dict[str, object]:
    return yaml.safe_load((TARGETS / f"{name}.yaml").read_text())


@pytest.mark.parametrize(
    "name",
    [
        "fragile",
        "resilient",
        *(f"{kind}-{form}" for kind in OF_A_KIND for form in FORMS),
        "default",
        "template",
        "used",
        *DIRECT,
    ],
)
def test_each_is_a_valid_target(name):
    Target.model_validate(document(name))


def test_fragile_and_resilient_differ_in_the_assistants_command_alone():
    fragile, resilient = document("fragile"), document("resilient")
    for target in (fragile, resilient):
        assert (target.pop("name"), bool(target.pop("about"))) in {("fragile", True), ("resilient", True)}
    assert fragile != resilient
    for service in ("assistant-east", "assistant-west"):
        command = fragile["services"][service]["command"]
        at = command.index("harness.reference.fragile")
        command[at] = "harness.reference.resilient"
    assert fragile == resilient


@pytest.mark.parametrize("kind", sorted({*OF_A_KIND} - {"tls"}))  # that is the reference system itself
def test_two_services_of_a_kind_differ_in_one_word_of_the_command_alone(kind):
    fragile, resilient = (document(f"{kind}-{form}") for form in FORMS)
    assert [target.pop("name") for target in (fragile, resilient)] == [f"{kind}-{form}" for form in FORMS]
    assert all(target.pop("about") for target in (fragile, resilient))
    assert resilient["start"]["command"].pop() == "--resilient"
    assert fragile == resilient


@pytest.mark.parametrize("name", DIRECT)
def test_a_provider_that_is_asked_directly_has_its_key_from_the_environment_and_is_reached_by_tls(name):
    target = Target.model_validate(document(name))
    ((link_name, link),) = target.links.items()
    assert [entry.url for entry in target.entries] == [f"{{{link_name}.url}}"]
    assert link.upstream.startswith("https://")
    assert (spoken_at(address(link.upstream).host), link.speaks) == (DIRECT[name], DIRECT[name])
    assert len(secret_names(str(target.ask.headers))) == 1
    assert protocol(target.ask.protocol).problems(resolved(target.ask, {})) == []


SCENARIO = """\
schema: harness.scenario/1
name: overloaded
load: {rate_per_s: 1, questions: facts.yaml}
phases: {baseline: 10s, fault: 10s, recovery: 15s}
faults: [{kind: http_error, on: {kind: provider}, code: overloaded, share: 0.5, wait: 2s}]
expect: [good_ratio >= 0.2 in fault]
"""


@pytest.mark.parametrize("name", DIRECT)
def test_a_scenario_that_names_no_api_can_be_planned_on_each_provider_that_is_asked_directly(name, tmp_path):
    (tmp_path / "overloaded.yaml").write_text(SCENARIO)
    (tmp_path / "facts.yaml").symlink_to(TARGETS.parent / "questions" / "facts.yaml")
    made = prepare(tmp_path / "overloaded.yaml", TARGETS / f"{name}.yaml", Asked(), None)
    (disturbance,) = made.plan.disturbances
    assert [effect.aim for effect in disturbance.effects] == list(made.target.value.links)


def test_default_is_resilient():
    assert document("default") == document("resilient")
    assert document("default") != document("fragile")


def keys(model: type[BaseModel]) -> set[str]:
    """All keys that a file of *model* can have, at any depth."""
    found = set()
    for name, one in model.model_fields.items():
        found.add(one.alias or name)
        for inner in re.findall(r"harness\.reading\.target\.(\w+)", str(one.annotation)):
            found |= keys(getattr(sys.modules["harness.reading.target"], inner))
    return found


def test_the_template_explains_every_key():
    text = (TARGETS / "template.yaml").read_text()
    known = keys(Target)
    assert {"simulated", "token_gap", "replica_lag", "within", "in"} <= known
    assert [key for key in sorted(known) if not re.search(rf"\b{key}:", text)] == []


class Ports(dict[str, str]):
    """What is filled in where a name stands in braces; here each link leads straight to what is behind it."""

    def __init__(self, target: Target, free_port, temp: Path) -> None:
        super().__init__(python=sys.executable, temp=str(temp), seed="1", resolver="127.0.0.1:9")
        for name in target.services:
            self[f"{name}.port"] = str(free_port())
        for name, link in target.links.items():
            port = free_port() if link.kind == "provider" else self.fill(str(link.upstream)).rsplit(":", 1)[1]
            self.update(
                {f"{name}.url": f"http://127.0.0.1:{port}", f"{name}.host": "127.0.0.1", f"{name}.port": str(port)}
            )

    def fill(self, text: str, **own: str) -> str:
        return re.sub(r"\{([^{}]+)\}", lambda match: (self | own)[match[1]], text)


def post(url: str, body: object = None) -> dict[str, object]:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_what_the_target_files_start_answers_in_both_regions_and_from_what_is_published(
    start, free_port, until, tmp_path
):
    # One assistant of each kind, as the files differ in nothing else: starting one takes a second.
    mixed = document("resilient")
    mixed["services"]["assistant-west"] = document("fragile")["services"]["assistant-west"]
    target = Target.model_validate(mixed)
    ports = Ports(target, free_port, tmp_path)
    for link_name, link in target.links.items():
        if link.kind == "provider":
            settings = link.upstream.simulated.model_dump_json(exclude={"api"})
            start("harness.simulated_provider", "--port", ports[f"{link_name}.port"], "--config", settings)
    for service_name, service in target.services.items():
        own_port = ports[f"{service_name}.port"]
        python, module, *line = (ports.fill(part, port=own_port) for part in service.command)
        assert (python, module) == (sys.executable, "-m")
        if service.after:
            primary = f"http://127.0.0.1:{ports['redis-primary.port']}"
            until(lambda url=primary: _listens(url), "the primary listens")
        start(*line)
    entries = [ports.fill(entry.url) for entry in target.entries]
    for url in (*entries, ports.fill(target.publish.post).removesuffix("/publish")):
        until(lambda url=url: urllib.request.urlopen(f"{url}/healthz", timeout=5), f"{url} is ready")

    def ask(entry: str, policy: corpus.Policy, seen_version: int | None) -> dict[str, object]:
        asked = {"question": f"{policy.question} [n-0123456789]", "conversation": "c", "seen_version": seen_version}
        return post(f"{entry}{target.ask.path}", asked)

    changed = next(policy for policy in corpus.POLICIES if corpus.facts(1)[policy.id] != corpus.facts(2)[policy.id])
    for entry, region in zip(entries, ("east", "west"), strict=True):
        answer = ask(entry, changed, None)
        assert answer["answer"].startswith(corpus.facts(1)[changed.id])
        assert (answer["region"], answer["snapshot"]["version"]) == (region, 1)
    assert post(ports.fill(target.publish.post))["version"] == 2
    for entry in entries:
        until(lambda entry=entry: ask(entry, changed, None)["snapshot"]["version"] == 2, "version 2 is answered from")
        assert ask(entry, changed, 2)["answer"].startswith(corpus.facts(2)[changed.id])


def _listens(url: str) -> bool:
    import socket

    host, port = url.removeprefix("http://").split(":")
    socket.create_connection((host, int(port)), timeout=5).close()
    return True
