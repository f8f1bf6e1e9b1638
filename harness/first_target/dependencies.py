"""What a dependency is, told from its name and its address: its kind, and by which variable services are told of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from harness.first_target.draft import Dependency
from harness.problems import Problem, UsageProblems

_PROVIDERS = ("openai", "anthropic", "azure", "cohere", "deepseek", "gemini", "groq", "llama", "litellm", "llm", "mistral", "ollama",
              "openrouter", "provider", "tgi", "together", "vllm")  # fmt: skip
_CACHES = ("cache", "dragonfly", "keydb", "memcached", "redis", "valkey")
_STORES = ("chroma", "cockroach", "database", "db", "elastic", "maria", "milvus", "mongo", "mysql", "neo4j", "opensearch", "pgvector",
           "postgres", "qdrant", "store", "vector", "weaviate")  # fmt: skip

_TOLD_BY = {
    "openai": ("OPENAI_BASE_URL", "{url}/v1"),
    "anthropic": ("ANTHROPIC_BASE_URL", "{url}"),
    "ollama": ("OLLAMA_HOST", "{url}"),
    "redis": ("REDIS_URL", "{url}/0"),
    "valkey": ("REDIS_URL", "{url}/0"),
}
"""By which variable well-known clients are told where a dependency is, and how it is written there."""

_SIMULATED = "simulated"


def kind_of(*names: str) -> str:
    """What a dependency is that is called by one of *names*; ``service`` where none of them tells."""
    said = " ".join(names).lower()
    for kind, known in (("provider", _PROVIDERS), ("cache", _CACHES), ("store", _STORES)):
        if any(word in said for word in known):
            return kind
    return "service"


def dependency(written: str) -> Dependency:
    """``NAME=UPSTREAM``, as on a command line; NAME may be ``NAME:KIND``. Raises UsageProblems that say what would be right."""
    said, equals, upstream = written.partition("=")
    name, _, kind = said.partition(":")
    if not equals or not name.strip() or not upstream.strip():
        what = f"{written!r} is not NAME=UPSTREAM, such as openai=https://api.openai.com, openai=simulated or redis=redis://127.0.0.1:6379"
        raise UsageProblems(Problem(what, path="--link"))
    name, upstream = name.strip(), upstream.strip()
    simulated = upstream == _SIMULATED
    address, rest = (upstream, "") if simulated else without_path(upstream)
    return Dependency(
        name=name,
        kind=kind.strip() or ("provider" if simulated else kind_of(name, upstream)),
        upstream=None if simulated else address,
        env=_told(name, address, rest),
    )


def without_path(upstream: str) -> tuple[str, str]:
    """The address of *upstream* alone, and the path behind it, which belongs to what the service is told."""
    if "://" not in upstream:
        return upstream, ""
    try:
        parts = urlsplit(upstream)
    except ValueError:  # told of where it stands
        return upstream, ""
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def _told(name: str, address: str, path: str) -> dict[str, str]:
    for known, (variable, text) in _TOLD_BY.items():
        if known in name.lower():
            return {variable: "{url}" + path if path else text}
    variable = re.sub(r"\W+", "_", name).upper()
    if address == _SIMULATED:
        return {_TOLD_BY["openai"][0]: _TOLD_BY["openai"][1]}
    if "://" not in address:
        return {f"{variable}_HOST": "{host}", f"{variable}_PORT": "{port}"}
    return {f"{variable}_URL": "{url}" + path}


def told_apart(dependencies: Sequence[Dependency]) -> tuple[Dependency, ...]:
    """*dependencies* of which no two are told of by one variable, so that none hides another. Raises UsageProblems for a name twice."""
    names = [one.name for one in dependencies]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise UsageProblems(
            *(Problem(f"{name!r} is said twice; each needs a name of its own", path="--link") for name in twice)
        )
    return tuple(_renamed(dependencies))


def _renamed(dependencies: Sequence[Dependency]) -> Iterator[Dependency]:
    taken: set[str] = set()
    for one in dependencies:
        prefix = re.sub(r"\W+", "_", one.name).upper()
        env = {
            variable if variable not in taken else f"{prefix}_{variable}": text for variable, text in one.env.items()
        }
        taken |= env.keys()
        yield replace(one, env=env)
