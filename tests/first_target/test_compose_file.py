"""What a Compose file tells of a service: its port, its health, and what its environment leads to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.first_target.compose_file import drafted
from harness.first_target.draft import Draft
from harness.first_target.text import document
from harness.problems import UsageProblems
from harness.reading.target import Ask

CHAT = Ask(protocol="openai-chat", path="/v1/chat/completions", model="our-model", stream=False)
SERVICES = ("cache", "db", "qdrant", "gateway", "mq", "redis")


def _laid(draft: Draft) -> Any:
    """What the head of a file says is to be laid over the Compose file."""
    return yaml.safe_load("services:" + "\n".join(draft.head).partition("\n  services:")[2].partition("\n\n")[0])


@pytest.fixture
def of(tmp_path: Path) -> Any:
    """The draft for the service ``app`` of a Compose file in which it is written as given."""

    def draft(**app: Any) -> Draft:
        path = tmp_path / "docker-compose.yml"
        others = {name: {"image": f"{name}:1"} for name in SERVICES}
        path.write_text(
            yaml.safe_dump(
                {"services": {"app": {"build": ".", "ports": ["80:8000"], **app}, **others}}, sort_keys=False
            )
        )
        return drafted(path, None, Path("mine.yaml"), CHAT)

    return draft


@pytest.mark.parametrize(
    ("app", "port", "ready"),
    [
        ({"ports": ["8080:8000"]}, 8000, None),
        ({"ports": ["127.0.0.1:8080:8001/tcp"]}, 8001, None),
        ({"ports": [{"target": 8002, "published": 80}]}, 8002, None),
        ({"ports": [], "expose": ["8003"]}, 8003, None),
        ({"ports": [], "environment": ["PORT=8004"]}, 8004, None),
        ({"ports": [], "command": "uvicorn app:app --host 0.0.0.0 --port 8005"}, 8005, None),
        ({"healthcheck": {"test": ["CMD", "curl", "-f", "http://localhost:9000/healthz"]}}, 9000, "/healthz"),
        ({"healthcheck": {"test": "wget -qO- http://127.0.0.1:8000/live || exit 1"}}, 8000, "/live"),
        ({"healthcheck": {"test": ["CMD", "true"]}}, 8000, None),
    ],
)
def test_where_it_answers_and_how_its_health_is_checked(
    of: Any, app: dict[str, Any], port: int, ready: str | None
) -> None:
    draft = of(**app)
    assert (draft.url, draft.ready) == (f"http://127.0.0.1:{port}", ready)


def test_what_it_listens_on_is_missed_where_nothing_says_it(of: Any) -> None:
    assert of(ports=[]).missing == (
        "entries: the Compose file does not say what the service listens on; 8000 is a guess",
    )


@pytest.mark.parametrize(
    ("environment", "name", "kind", "upstream", "told"),
    [
        ({"OPENAI_BASE_URL": "https://api.openai.com/v1"}, "openai", "provider", "https://api.openai.com",
         {"OPENAI_BASE_URL": "http://127.0.0.1:7101/v1"}),
        ({"LLM_URL": "http://gateway:4000"}, "gateway", "provider", "http://gateway:4000", {"LLM_URL": "http://127.0.0.1:7101"}),
        ({"LLM_URL": "${LLM:-http://gateway:4000}"}, "gateway", "provider", "http://gateway:4000", {"LLM_URL": "http://127.0.0.1:7101"}),
        ({"REDIS_URL": "redis://cache/0"}, "cache", "cache", "redis://cache:6379", {"REDIS_URL": "redis://127.0.0.1:7101/0"}),
        ({"DATABASE_URL": "postgresql+asyncpg://db/app"}, "db", "store", "db:5432", {"DATABASE_URL": "postgresql+asyncpg://127.0.0.1:7101/app"}),
        ({"QDRANT_HOST": "qdrant", "QDRANT_PORT": "6333"}, "qdrant", "store", "qdrant:6333",
         {"QDRANT_HOST": "127.0.0.1", "QDRANT_PORT": "7101"}),
        ({"VECTORS": "qdrant:6334"}, "qdrant", "store", "qdrant:6334", {"VECTORS": "127.0.0.1:7101"}),
    ],
)  # fmt: skip
def test_what_a_variable_leads_to_is_a_link_with_what_the_service_is_told_instead(
    of: Any, environment: dict[str, str], name: str, kind: str, upstream: str, told: dict[str, str]
) -> None:
    draft = of(environment=environment)
    (found,) = draft.dependencies
    assert (found.name, found.kind, found.upstream) == (name, kind, upstream)
    assert found.told_at(draft.listens[name]) == told
    assert document(draft, "mine.yaml").value.links[name].listen == 7101


def test_two_variables_that_lead_to_one_place_are_one_link(of: Any) -> None:
    (found,) = of(environment={"CACHE_URL": "redis://cache:6379/0", "QUEUE_URL": "redis://cache:6379/1"}).dependencies
    assert set(found.env) == {"CACHE_URL", "QUEUE_URL"}


@pytest.mark.parametrize(
    "value", ["info", "true", "8000", "http://localhost:8000", "app:1", "${KEY}", "a b", "cache", "redis"]
)
def test_a_variable_that_leads_nowhere_is_no_link(of: Any, value: str) -> None:
    assert of(environment={"SETTING": value}).dependencies == ()


def test_a_password_of_the_compose_file_does_not_come_into_the_target_file(of: Any) -> None:
    text = document(of(environment={"REDIS_URL": "redis://u:hunter2@cache:6379/0"}), "mine.yaml").text
    assert "hunter2" not in text
    assert 'REDIS_URL: "redis://***@127.0.0.1:7101/0"' in text
    asked = {"REDIS_URL": "redis://cache:6379/0?password=hunter2&db=1"}
    assert (
        'REDIS_URL: "redis://127.0.0.1:7101/0?password=***&db=1"' in document(of(environment=asked), "mine.yaml").text
    )


def test_what_it_waits_for_and_what_was_not_read_is_missed(of: Any) -> None:
    draft = of(depends_on={"mq": {}, "cache": {}}, env_file=".env", environment={"REDIS_URL": "redis://cache:6379"})
    assert [said for said in draft.missing if "mq" in said] == [
        "links: it depends on mq, and no variable that was read leads there; its address has to be told to it"
    ]
    assert "links: what stands in the env_file of the service was not read" in draft.missing
    assert not [said for said in draft.missing if "cache" in said]


def test_what_has_to_be_laid_over_the_compose_file_stands_at_the_head(of: Any) -> None:
    draft = of(environment={"REDIS_URL": "redis://cache:6379/0", "OPENAI_BASE_URL": "https://api.openai.com/v1"})
    laid = _laid(draft)["services"]
    assert laid["app"]["environment"] == {
        "REDIS_URL": "redis://127.0.0.1:7101/0",
        "OPENAI_BASE_URL": "http://127.0.0.1:7102/v1",
    }
    assert (laid["harness"]["network_mode"], laid["harness"]["depends_on"]) == ("service:app", ["app", "cache"])
    assert laid["harness"]["command"] == [
        "ask",
        "target.yaml",
        "--allow-host",
        "cache",
        "--allow-host",
        "api.openai.com",
    ]


def test_what_is_laid_over_is_what_the_page_shows_and_its_reports_belong_to_who_runs_it(of: Any) -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    shown = page.partition("### A service that lives in Compose")[2].partition("```yaml\n")[2].partition("```")[0]
    draft = of(environment={"OPENAI_BASE_URL": "https://api.openai.com/v1", "REDIS_URL": "redis://redis:6379/0"})
    laid = _laid(draft)
    assert laid == yaml.safe_load(shown.replace("my-service.yaml", "mine.yaml"))
    # A folder that is not there when it is mounted becomes root's, and nobody in the image is root.
    commands = [line.strip() for line in draft.head if line.startswith(("  mkdir ", "  export ", "  docker "))]
    assert commands == [
        "mkdir -p reports",
        'export HARNESS_USER="$(id -u):$(id -g)"',
        "docker compose -f docker-compose.yml -f compose.harness.yaml run --rm harness",
    ]
    assert "\n".join(commands) in page
    stack = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())["services"]["harness"]
    assert laid["services"]["harness"]["user"] == stack["user"]


@pytest.mark.parametrize(
    ("text", "service", "said"),
    [
        ("a: [", None, "is no YAML"),
        ("{}", None, "is no Compose file: it has no services"),
        ("- a", None, "is no Compose file"),
        ("services: {a: {build: .}, b: {build: .}}", None, "say which service is to be tested: a, b"),
        ("services: {a: {image: x}, b: {image: y}}", None, "say which service is to be tested: a, b"),
        ("services: {app: {build: .}}", "ap", "has no service 'ap'; did you mean 'app'"),
    ],
)
def test_a_compose_file_that_cannot_be_used_is_told(tmp_path: Path, text: str, service: str | None, said: str) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(text)
    with pytest.raises(UsageProblems, match=said):
        drafted(path, service, Path("mine.yaml"), CHAT)
    with pytest.raises(UsageProblems, match="cannot be read: No such file"):
        drafted(tmp_path / "none.yaml", service, Path("mine.yaml"), CHAT)


def test_anchors_and_merged_keys_are_read_as_compose_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(
        "x-common: &common {environment: {REDIS_URL: 'redis://cache:6379'}}\n"
        "services:\n  app: {<<: *common, build: ., ports: ['1:9000']}\n  cache: {image: redis}\n"
    )
    assert [one.name for one in drafted(path, None, Path("mine.yaml"), CHAT).dependencies] == ["cache"]
