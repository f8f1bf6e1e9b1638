"""The house rules, held by a machine: each rule finds nothing in the project, and finds what is planted for it."""

from __future__ import annotations

import ast
import gc
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

import pytest
from module_list import PAGE, renewed

from harness.faults import faults
from harness.interfaces.cli import app
from harness.judging.metrics import SHIPPED, metrics

ROOT = Path(__file__).resolve().parents[1]
LINES_MAX = 60
LINES_MEDIAN_MAX = 6

STAGES = ["reading", "planning", "running", "record", "judging", "report", "interfaces"]
"""README's arrow: what is done, in order; each stands on those before it, and the record on none that makes or reads it."""
STANDS_ON = {
    "interval": set(),
    "http1": set(),
    "problems": set(),
    "registry": {"problems"},
    "dialects": {"registry", "problems"},
    "faults": {"reading", "dialects", "registry", "problems"},
    "reading": {"faults", "dialects", "interval", "registry", "problems"},
    "protocols": {"reading", "registry", "problems"},
    "planning": {"reading", "faults", "protocols", "interval", "registry", "problems"},
    "incidents": {"reading", "record", "problems", "registry"},
    "record": {"reading", "faults", "planning", "problems"},
    "running": {"reading", "faults", "dialects", "protocols", "planning", "record", "http1", "problems", "registry",
                "settings"},
    "judging": {"reading", "faults", "protocols", "planning", "record", "interval", "problems", "registry"},
    "report": {"reading", "faults", "planning", "record", "judging", "interval", "problems", "registry"},
    "checks": {"reading", "faults", "protocols", "planning", "judging", "interval", "problems", "registry"},
}  # fmt: skip
"""What each part may import beside itself; the rest of the top level, and `interfaces`, may import everything."""
TOP_MODULES_MAX = 12
COMMANDS_MAX = 15
CORE = {
    "interval", "problems", "registry", "faults", "reading", "protocols", "planning", "judging", "report", "incidents",
    "record.history", "record.rows", "record.tables", "running.loop", "running.ports",
}  # fmt: skip
"""Parts and single modules that are given all that they need of the machine."""
# Time, chance and the machine: the core is given what it needs of them.
OF_THE_MACHINE = {
    "asyncio", "concurrent", "ctypes", "fcntl", "http", "logging", "multiprocessing", "os", "platform", "random",
    "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver", "ssl", "subprocess", "tempfile",
    "threading", "time", "urllib", "uuid",
}  # fmt: skip
# What the core may have from others: they compute, check and render.
LIBRARIES = {
    "annotated_types", "cryptography", "jinja2", "jsonschema", "markupsafe", "msgspec", "numpy", "pandas", "pydantic", "pydantic_core",
    "referencing", "regex", "rich", "yaml",
}  # fmt: skip
SEEDED = {("harness/planning/schedule.py", "random")}
"""Where a generator is made of the run's seed, and of nothing else."""
PATCHES_SOCKETS = {"locust", "gevent", "geventhttpclient"}
LOAD_CHILD = {
    "admission.py", "away.py", "connections.py", "exchange.py", "job.py", "lateness.py", "leader.py", "locustfile.py",
    "sending.py", "webhooks.py", "users/__main__.py", "users/reach.py", "users/recorder.py", "users/shared.py",
    "harness/locust/open_user.py",
}  # fmt: skip
READS_ENVIRONMENT = {
    "harness/settings.py",
    "harness/running/load/users/__main__.py",  # likewise
    "harness/running/load/__main__.py",  # sets up the environment of the load child, in the child itself
    "harness/running/load/locustfile.py",  # Locust imports it, so nothing else can tell it which plan is its own
}
NAMED_BY_OTHERS = {
    "get_cache_key",
    "get_event",
    "get_extra_info",
    "get_write_buffer_size",
}  # of Jinja's caches, PyYAML's parser, and asyncio's transports
PLANS = ("harness.interfaces.cli", "harness.suites.asking")
"""What is loaded for `harness plan`."""
NOT_FOR_A_PLAN = {
    "asyncio", "httpx", "jinja2", "numpy", "pandas", "pyarrow", "rich", "harness.gameday.files", "harness.judging.evidence",
    "harness.judging.result", "harness.judging.verdict", "harness.record.history", "harness.running", "harness.stored",
}  # fmt: skip
"""What computes, carries out or renders; beside it no metric that ships, which is loaded when somebody asks for it."""
ADAPTERS = {"keeper", "load", "state", "toxiproxy", "wire"}
"""Parts of `running` that make one thing of the world true each; `world` puts them together."""


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


def core_knows_nothing_of_the_machine(source: Source) -> Iterator[str]:
    if source.parts[0] != "harness" or not CORE & {".".join(source.parts[1:n]) for n in (2, 3)}:
        return
    for name in source.imports:
        top = name.split(".")[0]
        if (source.path, name) in SEEDED or name == "urllib.parse":
            continue
        if top in OF_THE_MACHINE or (top not in sys.stdlib_module_names | LIBRARIES | {"harness"}):
            yield f"the core imports {name}; it has to be given what it needs of the machine"


def arrows_point_one_way(source: Source) -> Iterator[str]:
    part = source.parts[1] if source.parts[0] == "harness" and len(source.parts) > 1 else ""
    if part not in STANDS_ON:
        return
    for name in source.imports:
        top, *rest = name.split(".")
        if top == "harness" and rest and rest[0] not in {part, "__version__"} | STANDS_ON[part]:
            yield f"{part} imports {name}, which does not stand before it"


def adapters_know_one_another_not(source: Source) -> Iterator[str]:
    if source.parts[:2] != ("harness", "running") or source.parts[2] not in ADAPTERS:
        return
    for name in source.imports:
        parts = name.split(".")
        if parts[:2] == ["harness", "running"] and parts[2:3] not in ([source.parts[2]], ["ports"], ["free_port"]):
            yield f"adapter {source.parts[2]} imports {name}"


def only_the_load_child_imports_locust(source: Source) -> Iterator[str]:
    is_child = source.path.removeprefix("harness/running/load/") in LOAD_CHILD
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


_PASSED_OVER = re.compile(r"#\s*(?:type:\s*ignore(?:\[[^]]*\])?|noqa:\s*E402)\s*$")
"""What is ignored with nothing said of why: a type, or an import that stands below other things."""


def what_is_passed_over_has_a_reason(source: Source) -> Iterator[str]:
    lines = source.text.splitlines()
    for number, line in enumerate(lines, start=1):
        told = number > 1 and re.match(r"\s*#\s*\S.{10,}", lines[number - 2])
        if _PASSED_OVER.search(line) and not told:
            yield f"line {number}: what is wrong is passed over without a reason beside it, or in a line above"
    for node in source.nodes:
        if not isinstance(node, ast.ExceptHandler) or source.parts[0] != "harness":
            continue
        everything = node.type is None or (
            isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
        )
        raises = any(isinstance(inner, ast.Raise) for inner in node.body)
        reason = re.search(r"#\s*(noqa: \S+ - )?\S.{10,}", lines[node.lineno - 1])
        if everything and not raises and not reason:
            yield f"line {node.lineno}: everything is caught without a reason beside it"


def metrics_are_told_of_where_they_live(source: Source) -> Iterator[str]:
    if source.parts[0] != "harness" or source.parts[:3] == ("harness", "judging", "metrics"):
        return
    columns = {id(node.slice) for node in source.nodes if isinstance(node, ast.Subscript)}
    columns |= {id(name) for node in source.nodes for name in _columns_read(node)}
    for node in source.nodes:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in columns:
            continue
        if node.value.partition(".")[0] in metrics:
            yield f"line {node.lineno}: {node.value!r}; ask the metric, so that one more is one file and one line"


def what_meets_has_two_names(source: Source) -> Iterator[str]:
    if source.parts[0] != "harness":
        return
    for node in source.nodes:
        if not isinstance(node, ast.ImportFrom) or not str(node.module).startswith("harness"):
            continue
        for name in node.names:
            of_a_type = name.name[:1].isupper() and not name.name.isupper()
            if of_a_type and name.asname not in (None, name.name):
                yield f"line {node.lineno}: {name.name} as {name.asname}; where two types of one name meet, call one of them otherwise"


def _columns_read(node: ast.AST) -> list[ast.expr]:
    """What stands in the parentheses of ``.column("requests", "latency_ms")`` and ``.numbers("latency_ms")``."""
    reads = (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("column", "numbers")
    )
    return node.args if isinstance(node, ast.Call) and reads else []


RULES: list[Rule] = [
    core_knows_nothing_of_the_machine, arrows_point_one_way, adapters_know_one_another_not, only_the_load_child_imports_locust,
    only_settings_read_the_environment, nobody_knows_the_reference_system, functions_fit_a_screen,
    names_say_what_a_thing_is, modules_say_what_they_are_for, nothing_listens_on_all_interfaces,
    what_is_passed_over_has_a_reason, metrics_are_told_of_where_they_live, what_meets_has_two_names,
]  # fmt: skip


@pytest.fixture(scope="module")
def sources() -> Iterator[list[Source]]:
    paths = sorted([*ROOT.glob("harness/**/*.py"), *ROOT.glob("tests/**/*.py")])
    found = [Source(path.relative_to(ROOT).as_posix(), path.read_text()) for path in paths]
    # None of half a million nodes is garbage; to look for some among them takes three times as long as to read all files.
    gc.disable()
    for source in found:
        source.nodes  # noqa: B018 - read now
    gc.freeze()
    gc.enable()
    yield found
    gc.unfreeze()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_is_kept(sources: list[Source], rule: Rule) -> None:
    assert len(sources) > 100
    assert [f"{source.path}: {said}" for source in sources for said in rule(source)] == []


LONG = "def long():\n" + "    pass\n" * LINES_MAX
PLANTED: list[tuple[Rule, str, str]] = [
    (core_knows_nothing_of_the_machine, "harness/planning/plan.py", "import time"),
    (core_knows_nothing_of_the_machine, "harness/judging/scoring/recovery.py", "from random import Random"),
    (core_knows_nothing_of_the_machine, "harness/report/page.py", "def f():\n    import requests"),
    (core_knows_nothing_of_the_machine, "harness/judging/metrics/x.py", "import os.path"),
    (core_knows_nothing_of_the_machine, "harness/running/loop.py", "import signal"),
    (arrows_point_one_way, "harness/judging/verdict.py", "from harness.running.world import real"),
    (arrows_point_one_way, "harness/planning/plan.py", "def f():\n    from harness.judging import result"),
    (arrows_point_one_way, "harness/faults/x.py", "from harness import conduct"),
    (arrows_point_one_way, "harness/checks.py", "from harness.running.wire import client"),
    (arrows_point_one_way, "harness/running/world/x.py", "from harness.interfaces.live import Live"),
    (adapters_know_one_another_not, "harness/running/wire/x.py", "from harness.running.load import plan"),
    (adapters_know_one_another_not, "harness/running/load/x.py", "from harness.running import loop"),
    (adapters_know_one_another_not, "harness/running/wire/x.py", "import harness.running.world.real"),
    (only_the_load_child_imports_locust, "harness/running/load/child.py", "from gevent import socket"),
    (only_the_load_child_imports_locust, "harness/interfaces/live.py", "def f():\n    import locust.runners"),
    (only_the_load_child_imports_locust, "harness/running/load/__main__.py", "import locust.main"),
    (only_the_load_child_imports_locust, "harness/running/load/users/plan.py", "import locust"),
    (only_settings_read_the_environment, "harness/api.py", "import os\nHOME = os.environ['HOME']"),
    (only_settings_read_the_environment, "harness/running/world/real.py", "from os import path\nimport os\nos.getenv('A')"),
    (nobody_knows_the_reference_system, "harness/interfaces/cli.py", "from harness.reference import corpus"),
    (nobody_knows_the_reference_system, "harness/running/world/x.py", "argv = ['-m', 'harness.reference.fragile']"),
    (functions_fit_a_screen, "harness/x.py", LONG),
    (names_say_what_a_thing_is, "harness/utils.py", ""),
    (names_say_what_a_thing_is, "tests/helpers.py", ""),
    (names_say_what_a_thing_is, "harness/x.py", "class A:\n    async def _get_it(self): ..."),
    (names_say_what_a_thing_is, "harness/x.py", "def handle_request(): ..."),
    (names_say_what_a_thing_is, "harness/x.py", "class FaultManager: ..."),
    (modules_say_what_they_are_for, "harness/x.py", "import re"),
    (modules_say_what_they_are_for, "harness/x.py", '"""Things"""'),
    (nothing_listens_on_all_interfaces, "harness/x.py", "HOST = '0.0.0.0'"),
    (metrics_are_told_of_where_they_live, "harness/report/x.py", "TITLES = {'good_ratio': 'Good'}"),
    (metrics_are_told_of_where_they_live, "harness/judging/x.py", "if name == 'latency_ms.p95': pass"),
    (what_meets_has_two_names, "harness/protocols/x.py", "def f():\n    from harness.reading.target import Ask as TargetAsk"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "x = 1  # type: ignore[misc]"),
    (what_is_passed_over_has_a_reason, "tests/x.py", "x = 1\ny = 1  # type: ignore[misc, arg-type]"),
    (what_is_passed_over_has_a_reason, "tests/benchmarks/x.py", "import x  # noqa: E402"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "try:\n    x\nexcept Exception:\n    pass"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "try:\n    x\nexcept:\n    pass"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_what_breaks_a_rule_is_found(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


ALLOWED: list[tuple[Rule, str, str]] = [
    (core_knows_nothing_of_the_machine, "harness/planning/plan.py", "import re\nimport numpy"),
    (core_knows_nothing_of_the_machine, "harness/record/run_folder.py", "import os"),
    (
        arrows_point_one_way,
        "harness/judging/verdict.py",
        "from harness.judging import result\nfrom harness.record import history",
    ),
    (arrows_point_one_way, "harness/conduct.py", "from harness.running import loop"),
    (adapters_know_one_another_not, "harness/running/wire/x.py", "from harness.running.wire.edge import edge"),
    (only_the_load_child_imports_locust, "harness/running/load/exchange.py", "from gevent import socket"),
    (only_settings_read_the_environment, "harness/settings.py", "import os\nos.environ"),
    (nobody_knows_the_reference_system, "harness/reference/x.py", "from harness.reference import corpus"),
    (
        what_meets_has_two_names,
        "harness/x.py",
        "from harness.dialects import Answer as Answer\nfrom locust import User as Theirs",
    ),
    (functions_fit_a_screen, "harness/x.py", LONG.replace("    pass\n", "", 1)),
    (names_say_what_a_thing_is, "harness/x.py", "def gets_there(): ..."),
    (metrics_are_told_of_where_they_live, "harness/judging/metrics/x.py", "name = 'good_ratio'"),
    (metrics_are_told_of_where_they_live, "harness/report/x.py", "slow = rows['latency_ms']"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "x = 1  # type: ignore[misc]  # Locust has no types"),
    (what_is_passed_over_has_a_reason, "tests/x.py", "# Locust has no types.\nx = 1  # type: ignore[misc]"),
    (what_is_passed_over_has_a_reason, "tests/x.py", "import x  # noqa: E402 - found by the line above"),
    (what_is_passed_over_has_a_reason, "tests/x.py", "try:\n    x\nexcept Exception:\n    pass"),
    (what_is_passed_over_has_a_reason, "harness/x.py", "try:\n    x\nexcept BaseException:\n    y()\n    raise"),
]


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_what_keeps_a_rule_is_not(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text))) == []


def _circles(sources: list[Source]) -> list[str]:
    """Each circle of imports among *sources*, as its modules in order; imports for types alone count too: they are read as one."""
    modules = {".".join(source.parts).removesuffix(".__init__"): source for source in sources}

    def imported(source: Source) -> Iterator[str]:
        for node in source.nodes:
            if isinstance(node, ast.Import):
                yield from (name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = str(node.module)
                yield from (f"{base}.{name.name}" if f"{base}.{name.name}" in modules else base for name in node.names)

    onward = {
        name: sorted({to for to in imported(source) if to in modules} - {name}) for name, source in modules.items()
    }
    return [" -> ".join([*circle, circle[0]]) for circle in _knots(onward)]


def _knots(onward: dict[str, list[str]]) -> list[list[str]]:
    """One circle in each strongly connected part of the graph *onward*."""

    def reach(start: str) -> dict[str, str]:
        came_from: dict[str, str] = {}
        waiting = [start]
        while waiting:
            here = waiting.pop(0)
            for to in onward[here]:
                if to not in came_from:
                    came_from[to] = here
                    waiting.append(to)
        return came_from

    found: list[list[str]] = []
    for name in sorted(onward):
        came_from = reach(name)
        if name in came_from and not any(name in circle for circle in found):
            circle = [name]
            while (before := came_from[circle[0]]) != name:
                circle.insert(0, before)
            found.append([name, *circle[:-1]])
    return found


def _loaded(sources: list[Source], starts: Sequence[str]) -> dict[str, str]:
    """Every module that is loaded with those of *starts*, ours and others', and the module that imports it."""
    modules = {".".join(source.parts).removesuffix(".__init__"): source for source in sources}
    found, waiting = dict.fromkeys(starts, ""), [*starts]
    while waiting:
        here = waiting.pop()
        for name in _at_once(modules[here].tree.body, modules) if here in modules else ():
            for whole in (name[:end] for end in (*(at for at, sign in enumerate(name) if sign == "."), len(name))):
                if whole not in found:
                    found[whole] = here
                    waiting.append(whole)
    return found


def _at_once(body: Iterable[ast.stmt], modules: Collection[str]) -> Iterator[str]:
    """The modules that statements of a module import when it is loaded itself: not those for types, and none of a function."""
    for node in body:
        match node:
            case ast.Import():
                yield from (name.name for name in node.names)
            case ast.ImportFrom():
                base = str(node.module)
                yield from (f"{base}.{name.name}" if f"{base}.{name.name}" in modules else base for name in node.names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from _at_once(node.orelse, modules)
            case ast.If() | ast.Try():
                yield from _at_once([*node.body, *node.orelse], modules)
            case ast.ClassDef() | ast.With():
                yield from _at_once(node.body, modules)


def _too_much(sources: list[Source]) -> list[str]:
    loaded = _loaded(sources, PLANS)
    unwanted = NOT_FOR_A_PLAN | {f"harness.judging.metrics.{where.partition('.')[0]}" for where in SHIPPED.values()}
    return [f"{by} imports {name}" for name, by in loaded.items() if name in unwanted]


def test_a_plan_loads_nothing_that_computes_scores(sources: list[Source]) -> None:
    assert len(_loaded(sources, PLANS)) > 100
    assert _too_much(sources) == []


def test_what_a_plan_has_no_use_for_is_found_by_whichever_way_it_comes() -> None:
    start = "from harness.x import y"
    for planted in ("import pandas as pd", "from harness.judging.metrics.good_ratio import GoodRatio"):
        made = [Source("harness/suites/asking.py", start), Source("harness/x.py", ""), Source("harness/y.py", planted)]
        assert _too_much(made) == []
        assert _too_much([made[0], Source("harness/x.py", "from harness import y"), made[2]]) != []
        late = ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    " + planted, f"def f():\n    {planted}")
        assert [_too_much([Source("harness/suites/asking.py", text)]) for text in late] == [[], []]


def test_no_imports_go_in_a_circle(sources: list[Source]) -> None:
    assert _circles([source for source in sources if source.parts[0] == "harness"]) == []


def test_a_circle_of_imports_is_found_however_it_is_written() -> None:
    planted = [
        Source("harness/a.py", "from harness import b"),
        Source("harness/b.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from harness.c.d import X"),
        Source("harness/c/d.py", "def f():\n    import harness.a"),
        Source("harness/e.py", "from harness import a"),
    ]
    assert _circles(planted) == ["harness.a -> harness.b -> harness.c.d -> harness.a"]


def test_imports_that_meet_again_are_no_circle() -> None:
    assert (
        _circles(
            [
                Source("harness/a.py", "from harness import b, c"),
                Source("harness/b.py", "from harness import c"),
                Source("harness/c.py", ""),
            ]
        )
        == []
    )


def test_every_part_has_its_place() -> None:
    there = {path.stem for path in ROOT.glob("harness/*") if path.is_dir() or path.suffix == ".py"} - {"__pycache__"}
    modules = {path.stem for path in ROOT.glob("harness/*.py")}
    assert len(modules) <= TOP_MODULES_MAX
    assert there >= {name.split(".")[0] for name in CORE} | set(STANDS_ON) | set(STAGES)
    assert {path.name for path in ROOT.glob("harness/running/*/")} - {"__pycache__", "world"} == ADAPTERS


def test_the_command_line_can_be_read_at_a_glance() -> None:
    assert (
        0 < len([one for one in (*app.registered_commands, *app.registered_groups) if not one.hidden]) <= COMMANDS_MAX
    )


@pytest.mark.parametrize("registered", [faults, metrics], ids=lambda registry: registry.noun)
def test_every_kind_is_documented_by_its_first_line(registered: object) -> None:
    for name, kind in registered.items():
        first = (kind.__doc__ or "").splitlines()[:1]
        assert first, name
        assert re.fullmatch(r"[A-Z].{20,160}[.;]?", first[0]), (name, first)


def unnamed(folders: Iterable[str], layout: str) -> list[str]:
    """Those of *folders* whose own name *layout* does not say."""
    return [folder for folder in folders if not re.search(rf"[`/ (]{re.escape(Path(folder).name)}[`/ )]", layout)]


def test_the_layout_in_the_readme_names_every_folder() -> None:
    layout = (ROOT / "README.md").read_text().split("## How it is laid out")[1]
    ours = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "harness").rglob("*.py")} - {"harness"}
    assert ours > {"harness/judging/trials", "harness/running/wire/tap"}
    assert unnamed(sorted(ours), layout) == []
    assert unnamed(["harness/judging/oracle", "harness/record"], layout) == ["harness/judging/oracle"]


def test_the_page_of_modules_has_a_line_for_each_that_says_what_the_module_says() -> None:
    page = PAGE.read_text()
    assert page == renewed(page), "write it anew: python tests/module_list.py"


def test_a_module_that_is_new_and_a_sentence_that_has_changed_are_not_on_the_page() -> None:
    page = PAGE.read_text()
    lines = [line for line in page.splitlines(keepends=True) if line.startswith("- ")]
    assert lines[-1] in renewed(page.replace(lines[-1], ""))
    assert renewed(page.replace(lines[0], lines[0].replace(": ", ": another thing than "))) == page


def test_functions_are_short(sources: list[Source]) -> None:
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for source in sources
        if source.parts[0] == "harness"
        for node in source.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert median(lengths) <= LINES_MEDIAN_MAX


def test_the_readme_opens_with_a_name_and_what_it_is() -> None:
    title, *rest = (ROOT / "README.md").read_text().splitlines()
    assert re.fullmatch(r"# \S.*", title)
    assert next(line for line in rest if line.strip())
