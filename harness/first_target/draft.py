"""What is known of a service that has no target file yet, and what is still missing of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.reading.target import Ask

LISTEN_FROM = 7101
"""The first of the ports at which a service that runs already reaches its dependencies, when nobody says another."""

MODEL = "default"
"""What a model is called that nobody knows the name of; many services take any."""


def is_read(asking: Ask) -> bool:
    """Whether it is known where in a reply to what is asked so the answer stands."""
    return asking.protocol != "json" or asking.reply.answer is not None


def with_reply(asking: Ask, **pointers: str | None) -> Ask:
    """*asking* with these JSON Pointers into the reply."""
    return asking.model_copy(update={"reply": asking.reply.model_copy(update=pointers)})


@dataclass(frozen=True, slots=True)
class Dependency:
    """One thing that the service depends on; *upstream* None is a simulated provider.

    *env* is what tells a service where it is, each text with ``{url}``, ``{host}`` or ``{port}`` in it.
    """

    name: str
    kind: str
    upstream: str | None
    env: dict[str, str]

    def told_at(self, port: int) -> dict[str, str]:
        """What a service is told that reaches it at *port* of its own loopback."""
        carried = "redis" if (self.upstream or "").startswith("redis://") else "http"
        bare = self.upstream is not None and "://" not in self.upstream
        here = f"127.0.0.1:{port}"
        values = {"url": here if bare else f"{carried}://{here}", "host": "127.0.0.1", "port": str(port)}
        return {name: _filled(text, values) for name, text in self.env.items()}


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@dataclass(frozen=True, slots=True)
class Draft:
    """A target file to be; *url* is where a service answers that runs already, and *command* starts one that does not.

    *asking* is how one question is put, but for the *headers*.
    *found* are sentences about what was seen, *missing* about what nobody could tell; *head* stands at the top of the file.
    """

    name: str
    asking: Ask
    url: str | None = None
    command: tuple[str, ...] = ()
    ready: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    dependencies: tuple[Dependency, ...] = ()
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    head: tuple[str, ...] = ()

    @property
    def listens(self) -> dict[str, int]:
        """At which port of its loopback a service that runs already is to reach each dependency; none for one that is started."""
        if self.command:
            return {}
        return {dependency.name: LISTEN_FROM + n for n, dependency in enumerate(self.dependencies)}

    def document(self) -> dict[str, object]:
        """The target file as plain values, without what has its default there."""
        start: dict[str, object] = {}
        if self.command:
            told = {} if any("{port}" in word for word in self.command) else {"env": {"PORT": "{port}"}}
            start = {"start": {"command": list(self.command), **told, "ready": self._readiness()}}
        links = {dependency.name: self._link(dependency) for dependency in self.dependencies}
        return {
            "schema": "harness.target/1",
            "name": self.name,
            **start,
            "entries": [{"url": self.url or "http://127.0.0.1:{port}"}],
            **({"ready": self._readiness()} if self.ready and not self.command else {}),
            "ask": self._ask(),
            **({"links": links} if links else {}),
        }

    def _readiness(self) -> dict[str, object]:
        return {"get": self.ready} if self.ready else {"tcp": True}

    def _ask(self) -> dict[str, object]:
        asking = self.asking
        said: dict[str, object] = {"protocol": asking.protocol, "path": asking.path}
        if asking.protocol == "openai-chat":
            said |= {"model": asking.model, "stream": asking.stream}
        if asking.body:
            said["body"] = asking.body
        if self.headers:
            said["headers"] = self.headers
        pointers = {
            "answer": asking.reply.answer,
            "snapshot_version": asking.reply.snapshot_version,
            "conversation": asking.reply.conversation,
        }
        reply = {name: pointer for name, pointer in pointers.items() if pointer is not None}
        return said | ({"reply": reply} if reply else {})

    def _link(self, dependency: Dependency) -> dict[str, object]:
        here = self.listens.get(dependency.name)
        return {
            "kind": dependency.kind,
            "upstream": {"simulated": {}} if dependency.upstream is None else dependency.upstream,
            **({"listen": here} if here else {"env": dependency.env}),
        }
