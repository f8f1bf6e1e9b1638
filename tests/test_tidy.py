"""The house rules, held by a machine: each rule finds nothing in the project, and finds what is planted for it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from harness.faults import faults
from harness.metrics import metrics

ROOT = Path(__file__).resolve().parents[1]
LINES_MAX = 60

CORE = {
    "scenario", "target", "questions", "quantities", "registry", "problems", "records", "effects", "history", "plan", "outline",
    "expectation", "evidence", "tables", "loop", "ports", "verdict", "quality", "result", "faults", "metrics", "scoring", "report",
}  # fmt: skip
# Time, chance and the machine: the core is given what it needs of them.
OF_THE_MACHINE = {
    "asyncio", "concurrent", "ctypes", "fcntl", "http", "logging", "multiprocessing", "os", "platform", "random",
    "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver", "ssl", "subprocess", "tempfile",
    "threading", "time", "urllib", "uuid",
}  # fmt: skip
# What the core may have from others: they compute, check and render.
LIBRARIES = {"jinja2", "markupsafe", "msgspec", "numpy", "pandas", "pydantic", "pydantic_core", "rich"}
PATCHES_SOCKETS = {"locust", "gevent", "geventhttpclient"}
LOAD_CHILD = {"connections.py", "locustfile.py", "sse.py"}
READS_ENVIRONMENT = {
    "harness/settings.py",
    "harness/adapters/load/__main__.py",  # sets up the environment of the load child, in the child itself
    "harness/adapters/load/locustfile.py",  # Locust imports it, so nothing else can tell it which plan is its own
}
NAMED_BY_OTHERS = {"get_event"}  # of PyYAML's parser
OVER_ALL = {
    "loop",
    "verdict",
    "cli",
    "api",
    "conduct",
    "stored",
    "validation",
    "live",
    "store",
    "prepare",
    "world",
    "reference",
    "simulated_provider",
}


@dataclass(frozen=True)
class Source:
    """One Python file; *path* is relative to the project."""

    path: str
    text: str

    @property
    def parts(self) -> tuple[str, ...]:
        return Path(self.path).with_suffix("").parts

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> set[str]:
        """Every module that is imported, wherever in the file."""
        found = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {
                    f"{node.module}.{name.name}" if node.module == "harness" else str(node.module)
                    for name in node.names
                }
        return found


Rule = Callable[[Source], Iterator[str]]


def core_knows_only_core(source: Source) -> Iterator[str]:
    if source.parts[0] != "harness" or source.parts[1] not in CORE:
        return
    for name in source.imports:
        top, *rest = name.split(".")
        if top == "harness" and rest and rest[0] not in CORE:
            yield f"the core imports {name}"
        elif top in OF_THE_MACHINE or (top not in sys.stdlib_module_names | LIBRARIES | {"harness"}):
            yield f"the core imports {name}; it has to be given what it needs of the machine"


def adapters_know_the_core_and_themselves(source: Source) -> Iterator[str]:
    if source.parts[:2] != ("harness", "adapters") or len(source.parts) < 4:
        return
    for name in source.imports:
        parts = name.split(".")
        if parts[:2] == ["harness", "adapters"] and parts[2:3] != [source.parts[2]]:
            yield f"adapter {source.parts[2]} imports {name}"
        if parts[0] == "harness" and parts[1:2] and parts[1] in OVER_ALL:
            yield f"adapter {source.parts[2]} imports {name}, which stands above it"


def only_the_load_child_imports_locust(source: Source) -> Iterator[str]:
    is_child = source.parts[:3] == ("harness", "adapters", "load") and Path(source.path).name in LOAD_CHILD
    if source.parts[0] == "harness" and not is_child:
        for name in source.imports:
            if name.split(".")[0] in PATCHES_SOCKETS:
                yield f"imports {name}, which patches sockets for the whole process"


def only_settings_read_the_environment(source: Source) -> Iterator[str]:
    if source.parts[0] == "harness" and source.path not in READS_ENVIRONMENT:
        for node in source.nodes:
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb", "putenv"):
                yield f"line {node.lineno}: os.{node.attr}; take Settings"


def nobody_knows_the_reference_system(source: Source) -> Iterator[str]:
    if source.parts[0] == "harness" and source.parts[1] != "reference" and "harness.reference" in source.text:
        yield "names harness.reference; it is only a target file"


def functions_fit_a_screen(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LINES_MAX:
                yield f"line {node.lineno}: {node.name} has {lines} lines; at most {LINES_MAX} fit a screen"


def names_say_what_a_thing_is(source: Source) -> Iterator[str]:
    if set(source.parts) & {"utils", "util", "helpers", "helper", "common", "misc"}:
        yield "a module's name says what is in it"
    if source.parts[0] != "harness":
        return  # a server in a test has to answer to do_GET
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bare = node.name.lstrip("_")
            if re.match(r"get_|do_|handle_", bare) and bare not in NAMED_BY_OTHERS:
                yield f"line {node.lineno}: {node.name}; a verb that says what it does"
            if isinstance(node, ast.ClassDef) and bare.endswith(("Manager", "Helper", "Handler", "Util", "Utils")):
                yield f"line {node.lineno}: {node.name}; a noun that says what it is"


def modules_say_what_they_are_for(source: Source) -> Iterator[str]:
    said = ast.get_docstring(source.tree)
    if source.parts[0] == "harness" and not (said and said.splitlines()[0].rstrip().endswith((".", ":"))):
        yield "opens with no sentence that says what it is for"


def nothing_listens_on_all_interfaces(source: Source) -> Iterator[str]:
    if source.parts[0] == "harness":
        for node in source.nodes:
            if isinstance(node, ast.Constant) and node.value in ("0.0.0.0", "::"):
                yield f"line {node.lineno}: {node.value!r}; bind 127.0.0.1"


def what_is_passed_over_has_a_reason(source: Source) -> Iterator[str]:
    if source.parts[0] != "harness":
        return
    lines = source.text.splitlines()
    for number, line in enumerate(lines, start=1):
        if re.search(r"#\s*type:\s*ignore(\[[^]]*\])?\s*$", line):
            yield f"line {number}: a type is ignored without a reason beside it"
    for node in source.nodes:
        if not isinstance(node, ast.ExceptHandler):
            continue
        everything = node.type is None or (
            isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
        )
        raises = any(isinstance(inner, ast.Raise) for inner in node.body)
        reason = re.search(r"#\s*(noqa: \S+ - )?\S.{10,}", lines[node.lineno - 1])
        if everything and not raises and not reason:
            yield f"line {node.lineno}: everything is caught without a reason beside it"


RULES: list[Rule] = [
    core_knows_only_core, adapters_know_the_core_and_themselves, only_the_load_child_imports_locust,
    only_settings_read_the_environment, nobody_knows_the_reference_system, functions_fit_a_screen,
    names_say_what_a_thing_is, modules_say_what_they_are_for, nothing_listens_on_all_interfaces,
    what_is_passed_over_has_a_reason,
]  # fmt: skip


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    paths = sorted([*ROOT.glob("harness/**/*.py"), *ROOT.glob("tests/**/*.py")])
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text()) for path in paths]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_is_kept(sources: list[Source], rule: Rule) -> None:
    assert len(sources) > 100
    assert [f"{source.path}: {said}" for source in sources for said in rule(source)] == []


LONG = "def long():\n" + "    pass\n" * LINES_MAX
PLANTED: list[tuple[Rule, str, str]] = [
    (core_knows_only_core, "harness/plan.py", "import time"),
    (core_knows_only_core, "harness/scoring/recovery.py", "from random import Random"),
    (core_knows_only_core, "harness/report/page.py", "def f():\n    import requests"),
    (core_knows_only_core, "harness/loop.py", "from harness.adapters.toxiproxy import ToxiproxyStage"),
    (core_knows_only_core, "harness/verdict.py", "from harness import store"),
    (core_knows_only_core, "harness/metrics/x.py", "import os.path"),
    (adapters_know_the_core_and_themselves, "harness/adapters/sim/x.py", "from harness.adapters.load import plan"),
    (adapters_know_the_core_and_themselves, "harness/adapters/sim/x.py", "from harness import loop"),
    (adapters_know_the_core_and_themselves, "harness/adapters/wire/x.py", "import harness.world.real"),
    (only_the_load_child_imports_locust, "harness/adapters/load/child.py", "from gevent import socket"),
    (only_the_load_child_imports_locust, "harness/live.py", "def f():\n    import locust.runners"),
    (only_settings_read_the_environment, "harness/api.py", "import os\nHOME = os.environ['HOME']"),
    (only_settings_read_the_environment, "harness/world/real.py", "from os import path\nimport os\nos.getenv('A')"),
    (nobody_knows_the_reference_system, "harness/cli.py", "from harness.reference import corpus"),
    (nobody_knows_the_reference_system, "harness/world/x.py", "argv = ['-m', 'harness.reference.fragile']"),
    (functions_fit_a_screen, "harness/x.py", LONG),
    (names_say_what_a_thing_is, "harness/utils.py", ""),
    (names_say_what_a_thing_is, "tests/helpers.py", ""),
    (names_say_what_a_thing_is, "harness/x.py", "class A:\n    async def _get_it(self): ..."),
    (names_say_what_a_thing_is, "harness/x.py", "def handle_request(): ..."),
    (names_say_what_a_thing_is, "harness/x.py", "class FaultManager: ..."),
    (modules_say_what_they_are_for, "harness/x.py", "import re"),
    (modules_say_what_they_are_for, "harness/x.py", '"""Things"""'),
    (nothing_listens_on_all_interfaces, "harness/x.py", "HOST = '0.0.0.0'"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "x = 1  # type: ignore[misc]"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "try:\n    x\nexcept Exception:\n    pass"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "try:\n    x\nexcept:\n    pass"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_what_breaks_a_rule_is_found(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


ALLOWED: list[tuple[Rule, str, str]] = [
    (core_knows_only_core, "harness/plan.py", "import re\nimport numpy\nfrom harness import result"),
    (core_knows_only_core, "harness/store.py", "import os"),
    (
        adapters_know_the_core_and_themselves,
        "harness/adapters/sim/x.py",
        "from harness.adapters.sim.events import Events",
    ),
    (only_the_load_child_imports_locust, "harness/adapters/load/sse.py", "from gevent import socket"),
    (only_settings_read_the_environment, "harness/settings.py", "import os\nos.environ"),
    (nobody_knows_the_reference_system, "harness/reference/x.py", "from harness.reference import corpus"),
    (functions_fit_a_screen, "harness/x.py", LONG.replace("    pass\n", "", 1)),
    (names_say_what_a_thing_is, "harness/x.py", "def gets_there(): ..."),
    (what_is_passed_over_has_a_reason, "harness/x.py", "x = 1  # type: ignore[misc]  # Locust has no types"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "try:\n    x\nexcept BaseException:\n    y()\n    raise"),
]


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_what_keeps_a_rule_is_not(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text))) == []


def test_the_core_is_all_there() -> None:
    there = {path.stem for path in ROOT.glob("harness/*")}
    assert there >= CORE


@pytest.mark.parametrize("registered", [faults, metrics], ids=lambda registry: registry.noun)
def test_every_kind_is_documented_by_its_first_line(registered: object) -> None:
    for name, kind in registered.items():
        first = (kind.__doc__ or "").splitlines()[:1]
        assert first, name
        assert re.fullmatch(r"[A-Z].{20,160}[.;]?", first[0]), (name, first)


def test_the_readme_opens_with_a_name_and_what_it_is() -> None:
    title, *rest = (ROOT / "README.md").read_text().splitlines()
    assert re.fullmatch(r"# \S.*", title)
    assert next(line for line in rest if line.strip())
