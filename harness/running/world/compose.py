"""The services of a Compose file that a run brings up, as a project of its own, with the addresses of the links; and takes down after it.

::

    the run's network:  service ──▶ tap (at the network's address of this machine) ──▶ Toxiproxy ──▶ ...
    127.0.0.1:PORT  ──▶ service, at the port that the target file says

The file is read by Compose itself, with all that it includes; what that makes of it is laid out anew for the run: no fixed names and no
published ports, in which two runs would meet.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from secrets import token_hex
from shutil import which
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import yaml

from harness.problems import HarnessError
from harness.reading import compose_file
from harness.reading.placeholders import CA_FILE
from harness.reading.target import Compose, Container, Link, Target
from harness.reading.templates import fill, secrets
from harness.record.own_file import write_new
from harness.registry import suggestion
from harness.running.keeper.keeper import tail
from harness.running.keeper.means import ProjectUndo
from harness.running.keeper.undo import UndoLog
from harness.running.ports import ServiceEndedError
from harness.running.wire.sockets import bound
from harness.running.world.engine import OF_COMPOSE, TIMEOUT_S, Engine
from harness.running.world.interruptions import Interruptions
from harness.running.world.processes import Processes
from harness.running.world.readiness import NotReadyError

if TYPE_CHECKING:
    from docker.models.containers import Container as Found

UP, LOGS = "compose", "compose-logs"
LOOPBACK = "127.0.0.1"
_NETWORK = "harness-links"
_READ_WITHIN_S, _DOWN_WITHIN_S, _LOOK_EVERY_S, _WATCH_EVERY_S = 60.0, 40.0, 0.25, 1.0
_GRACE_S = "3"
_ELSEWHERE = (
    "which is not here, as where the engine is in a virtual machine; run the harness in a container (docs/settings.md), or the services "
    "with network_mode: host"
)
_UNDO = "compose"
CA_INSIDE = "/run/harness/ca.pem"
"""Where services find the file with the authorities that they are to trust."""
_SERVING = (("running", "healthy"), ("running", "none"))
_OVER = ("exited", "dead")


def program(environment: Mapping[str, str]) -> list[str]:
    """``docker compose``, or the older program of its own, which reads the same files. Raises HarnessError where neither is there."""
    path = environment.get("PATH")
    if which("docker", path=path):
        asked = ["docker", "compose", "version"]
        done = subprocess.run(asked, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode == 0:
            return asked[:2]
    if which("docker-compose", path=path):
        return ["docker-compose"]
    raise HarnessError("compose: neither docker compose nor docker-compose is here; harness doctor says how to get it")


class Project:
    """The Compose project of one run, which is there once it is `prepare`d and runs once it is `serving`.

    *processes* knows where its services are reached, and starts what brings them up.
    """

    def __init__(
        self, compose: Compose, run: str, processes: Processes, engine: Engine, undo: UndoLog, temp: Path, logs: Path
    ) -> None:
        self._compose, self._processes, self._engine, self._undo = compose, processes, engine, undo
        self._temp, self._logs = temp, logs
        self.name = f"harness-{re.sub('[^a-z0-9_-]', '-', run.lower())}-{token_hex(2)}"
        self.at = LOOPBACK
        """The address of this machine at which the services reach the links."""
        self._words: list[str] = []
        self._read: dict[str, Any] = {}
        self._looked_s, self._late_s = 0.0, float("inf")
        self._ended = ""
        # By it alone, whatever context is the current one: what is not looked at is not changed.
        self._env = {"DOCKER_HOST": engine.where}
        self._promised = self._begun = self._followed = self._served = False

    def containers(self, said: Mapping[str, Container]) -> dict[str, Container]:
        """*said*, with the services of this project found in it and in no other."""
        ours = {"project": self.name}
        return {n: one.model_copy(update=ours) if n in self._compose.services else one for n, one in said.items()}

    def prepare(self) -> None:
        """Have Compose read the file, and make the network by which its services reach the links. Raises HarnessError."""
        profiles = [word for one in self._profiles() for word in ("--profile", one)]
        self._words = [*program(self._processes.environment), "--project-name", self.name, *profiles]
        with self._engine.asked():
            self._engine.client.ping()
        self._undo.promise(_UNDO, [ProjectUndo(self._engine.socket, self.name)], lasting=True)
        self._promised = True
        self._read = self._resolved()
        for name, service in self._compose.services.items():
            if service.port and _mode(self._read, name) == "host":
                self._processes.values[f"{name}.port"] = str(service.port)  # it listens on this machine itself
        if any(not _mode(self._read, name) for name in self._compose.services):
            self.at = self._network()
            for name in ("NO_PROXY", "no_proxy"):  # the links are there for whatever else the run starts, too
                self._processes.environment[name] = f"{self._processes.environment.get(name, '')},{self.at}".lstrip(",")

    def start(self, links: Mapping[str, Link], values: Mapping[str, str]) -> None:
        """Begin to bring the services up, told where the *links* are by *values*."""
        trusted = values.get(CA_FILE, "")
        values = {**values, **({CA_FILE: CA_INSIDE} if trusted else {})}
        told = {name: self._told(name, links, values) for name in self._compose.services}
        ports = {name: int(values[f"{name}.port"]) for name, one in self._compose.services.items() if one.port}
        laid = laid_out(self._read, self._compose, told, ports, self.name, trusted)
        path = self._temp / "compose.yaml"
        write_new(path, yaml.safe_dump(laid).encode())
        self._words += ["--file", str(path), "--project-directory", str(Path(self._compose.file).parent)]
        up = [*self._words, "up", "--detach", *self._compose.services]
        self._late_s, self._begun = time.monotonic() + self._compose.within, True
        self._processes.spawn(UP, up, self._env, may_end=True)

    def serving(self) -> bool:
        """Whether all of it runs and is healthy. Raises HarnessError where something has ended badly, NotReadyError for what is late."""
        now_s = time.monotonic()
        if self._served or now_s < self._looked_s + _LOOK_EVERY_S:
            return self._served
        self._looked_s = now_s
        if self._processes.alive(UP):
            missing = ["what is still brought up"]
        else:
            self._processes.check()  # that it was not brought up is told with the end of its log
            self._follow()
            missing = list(self._missing())
        if missing and now_s > self._late_s:
            raise self._late(missing)
        self._served = not missing
        return self._served

    def watch(self, broken: Collection[str], at_end: ExitStack) -> None:
        """From now on see that no service ends; those that a fault breaks may, and `check` tells of any other one."""
        over = Event()
        thread = Thread(target=self._watch, args=(over, frozenset(broken)), name="services", daemon=True)
        at_end.callback(thread.join, TIMEOUT_S)
        at_end.callback(over.set)
        thread.start()

    def check(self) -> None:
        """Raises ServiceEndedError for a service that has ended by itself."""
        if self._ended:
            raise ServiceEndedError(self._ended)

    def close(self, signals: Interruptions, say: Callable[[str], None]) -> None:
        """Take all of it down; what is left is removed by the engine. What cannot be is still promised on the disk."""
        with signals.held():
            if self._begun:
                say("taking the services down")
                with suppress(OSError, subprocess.TimeoutExpired, HarnessError):
                    self._processes.stop(UP, 0.0)  # what it went on with would come up again
                    down = [*self._words, "down", "--rmi", "local", "--remove-orphans", "--timeout", _GRACE_S]
                    self._ask(down, _DOWN_WITHIN_S)
            if self._promised and ProjectUndo(self._engine.socket, self.name).carry_out(TIMEOUT_S)[0]:
                self._undo.kept(_UNDO)

    def _watch(self, over: Event, broken: frozenset[str]) -> None:
        while not self._ended and not over.wait(_WATCH_EVERY_S):
            with suppress(HarnessError):  # an engine that does not answer says nothing of what it runs
                self._ended = next(self._endings(self._found(), broken), "")

    def _profiles(self) -> Iterator[str]:
        """The profiles without which Compose would not know the services that are named."""
        with suppress(compose_file.NoComposeFileError):  # told by Compose, which is about to read it
            said = compose_file.services(Path(self._compose.file))
            of = (said.get(name, {}).get("profiles") for name in self._compose.services)
            yield from dict.fromkeys(str(one) for profiles in of if isinstance(profiles, list) for one in profiles)

    def _resolved(self) -> dict[str, Any]:
        """The file as Compose understands it, with what it includes, extends and fills in. Raises HarnessError."""
        file = Path(self._compose.file)
        try:
            done = self._ask([*self._words, "--file", str(file), "config"], _READ_WITHIN_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HarnessError(f"compose: {file} cannot be read: {error}") from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-1000:]
            raise HarnessError(f"compose: {file} cannot be used: {said}")
        read: dict[str, Any] = yaml.safe_load(done.stdout)
        for name in self._compose.services:
            if name not in read["services"]:
                raise HarnessError(
                    f"compose: {file} has no service {name!r}; {suggestion(name, list(read['services']))}"
                )
            if why := unreachable(_mode(read, name), self._compose, name):
                raise HarnessError(f"compose: service {name} {why}")
        return read

    def _ask(self, words: Sequence[str], within_s: float) -> subprocess.CompletedProcess[bytes]:
        """In a session of its own, so that Ctrl-C at a terminal does not end it."""
        return subprocess.run(
            words, env={**self._processes.environment, **self._env}, stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=within_s, start_new_session=True,
        )  # fmt: skip

    def _network(self) -> str:
        """This machine's address on a network that is made for the project. Raises HarnessError where it is none of this machine."""
        with self._engine.asked():
            made = self._engine.client.networks.create(
                f"{self.name}-links", driver="bridge", labels={f"{OF_COMPOSE}.project": self.name}
            )
            made.reload()
        gateways = [str(one.get("Gateway", "")) for one in made.attrs["IPAM"]["Config"] or ()]
        found = next((one.partition("/")[0] for one in gateways if "." in one), "no address")
        try:
            bound(host=found).close()
        except OSError as error:
            raise HarnessError(f"compose: containers reach this machine at {found}, {_ELSEWHERE} ({error})") from error
        return found

    def _told(self, name: str, links: Mapping[str, Link], values: Mapping[str, str]) -> dict[str, str]:
        """What service *name* is told beside what the file says."""
        own = {link: {part: values[f"{link}.{part}"] for part in ("url", "host", "port")} for link in links}
        told = {
            key: fill(text, {**values, **own[link]}) for link, one in links.items() for key, text in one.env.items()
        }
        env, own = self._compose.services[name].env, _environment(self._read["services"][name])
        told = {key: text for key, text in self._processes.default_key().items() if own.get(key) is None} | told
        return told | {key: secrets(fill(text, values), self._processes.environment) for key, text in env.items()}

    def _follow(self) -> None:
        """Have what the services print written down."""
        if not self._followed:
            self._followed = True
            self._processes.spawn(LOGS, [*self._words, "logs", "--follow", "--no-color"], self._env, may_die=True)

    def _missing(self) -> Iterator[str]:
        """What does not serve yet. Raises HarnessError for what has ended and should not have."""
        found = self._found()
        if ended := next(self._endings(found), ""):
            raise HarnessError(ended)
        states = [(_service(one), one.attrs["State"]) for one in found]
        for service, state in states:
            health = (state.get("Health") or {}).get("Status", "none")
            if state["Status"] not in _OVER and (state["Status"], health) not in _SERVING:
                yield f"{service} is {state['Status']}, its health {health}"
        yield from (f"{name} is not there" for name in self._compose.services if name not in dict(states))

    def _found(self) -> list[Found]:
        """All containers of the project, as they are now. Raises HarnessError."""
        with self._engine.asked():
            label = f"{OF_COMPOSE}.project={self.name}"
            asked = self._engine.client.containers
            found: list[Found] = asked.list(all=True, filters={"label": label}, ignore_removed=True)
        return found

    def _endings(self, found: Sequence[Found], broken: Collection[str] = ()) -> Iterator[str]:
        """What there is to say of each that has ended and should not have: of those that have done their work in good order, nothing."""
        for service, state in ((_service(one), one.attrs["State"]) for one in found):
            goes_on = service in self._compose.services
            if state["Status"] in _OVER and (state["ExitCode"] or goes_on) and service not in broken:
                why = (
                    "was ended for want of memory"
                    if state.get("OOMKilled")
                    else f"ended with status {state['ExitCode']}"
                )
                yield f"service {service} of {self._compose.file} {why}; its log ends:\n{self._last(found, service)}"

    def _last(self, found: Sequence[Found], service: str) -> str:
        """The end of what *service* printed; empty where the engine does not tell."""
        with suppress(HarnessError), self._engine.asked():
            said = [one.logs(tail=20) for one in found if _service(one) == service]
            return b"".join(said).decode(errors="replace").rstrip()
        return ""

    def _late(self, missing: Sequence[str]) -> NotReadyError:
        late = f"the services of {self._compose.file} were not up within {self._compose.within:g} s"
        last = tail(self._logs / f"{LOGS}.log") or tail(self._logs / f"{UP}.log")
        return NotReadyError(late, "compose.within", f"{'; '.join(missing)}; the log ends:\n{last}")


def project(
    target: Target, run: str, processes: Processes, undo: UndoLog, temp: Path, logs: Path, at_end: ExitStack
) -> Project | None:
    """The project of *target*; None where it has none."""
    if target.compose is None:
        return None
    engine = Engine(processes.environment.get("DOCKER_HOST", ""), at_end)
    return Project(target.compose, run, processes, engine, undo, temp, logs)


def laid_out(
    read: Mapping[str, Any],
    compose: Compose,
    told: Mapping[str, Mapping[str, str]],
    ports: Mapping[str, int],
    project: str,
    trusted: str = "",
) -> dict[str, Any]:
    """What Compose made of a file, as *project* is to have it: *told*, reached at *ports*, and with nothing that two runs would share.

    *trusted* is the file with the authorities that the services find at `CA_INSIDE`; empty: none is needed.
    """
    laid = {key: value for key, value in read.items() if key != "name"}
    services = {name: _alone(service) for name, service in read["services"].items()}
    for name in compose.services:
        services[name]["environment"] = {**_environment(services[name]), **_escaped(told[name])}
        if trusted:
            bound_in = {"type": "bind", "source": trusted, "target": CA_INSIDE, "read_only": True}
            services[name]["volumes"] = [*(services[name].get("volumes") or ()), bound_in]
        if _mode(read, name):
            continue
        services[name].pop("network_mode", None)
        services[name]["networks"] = {**_networks(services[name]), _NETWORK: None}
        if name in ports:
            services[name]["ports"] = [f"{LOOPBACK}:{ports[name]}:{compose.services[name].port}"]
    for section in ("networks", "volumes"):
        laid[section] = {name: _unnamed(one) for name, one in (read.get(section) or {}).items()}
    laid["networks"][_NETWORK] = {"external": True, "name": f"{project}-links"}
    if all(_mode(read, name) for name in compose.services):
        del laid["networks"][_NETWORK]
    return laid | {"services": services}


def unreachable(mode: str, compose: Compose, name: str) -> str:
    """Why service *name*, of that network *mode*, cannot reach the links or be reached; empty where it can."""
    if mode in ("", "host"):
        return ""
    if mode == "none":
        return "is on no network, so it reaches no link; give it one"
    other = mode.removeprefix("service:")
    if other not in compose.services:
        return f"is on the network of another container ({mode}); name that one in compose.services, too"
    return f"has no port of its own on the network of {other}; say port there" if compose.services[name].port else ""


def _alone(service: Mapping[str, Any]) -> dict[str, Any]:
    """A service without a name and ports of this machine; the others find it by its name all the same."""
    alone = {key: value for key, value in service.items() if key not in ("container_name", "ports")}
    if (name := service.get("container_name")) and _mode({"services": {"": service}}, "") == "":
        networks = {key: dict(one or {}) for key, one in _networks(alone).items()}
        for one in networks.values():
            one["aliases"] = [*(one.get("aliases") or ()), name]
        alone["networks"] = networks
    return alone


def _networks(service: Mapping[str, Any]) -> dict[str, Any]:
    said = service.get("networks")
    if isinstance(said, list):
        return dict.fromkeys(said)
    return dict(said) if said else {"default": None}


def _environment(service: Mapping[str, Any]) -> dict[str, Any]:
    said = service.get("environment")
    if isinstance(said, list):
        pairs = (str(one).partition("=") for one in said)
        return {name: value if equals else None for name, equals, value in pairs}
    return dict(said or {})


def _escaped(told: Mapping[str, str]) -> dict[str, str]:
    """To Compose a $ begins a variable."""
    return {name: text.replace("$", "$$") for name, text in told.items()}


def _unnamed(one: Any) -> Any:
    """A network or a volume of the project's own; one that is there already stays what it is."""
    if not isinstance(one, dict) or one.get("external"):
        return one
    return {key: value for key, value in one.items() if key != "name"}


def _mode(read: Mapping[str, Any], name: str) -> str:
    mode = str(read["services"][name].get("network_mode") or "")
    return "" if mode in ("bridge", "default") else mode


def _service(found: Found) -> str:
    return str(found.labels.get(f"{OF_COMPOSE}.service", found.name))
