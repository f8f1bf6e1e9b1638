"""The proxies of one run: each link's listening address, and the effects that are in force on it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isclose

from harness.faults.effects import Cut, Toxic
from harness.problems import HarnessError
from harness.running.free_port import free_port
from harness.running.toxiproxy.attributes import check_address, check_name, check_toxic
from harness.running.toxiproxy.client import InstalledToxic, Proxy, ToxiproxyApi
from harness.running.toxiproxy.errors import ToxiproxyError, ToxiproxyWedged

_DELETED = "its proxy is not there any more: somebody deleted it"
_PORT_TRIES = 20
_TAKE_BACK_S = 2.0
_LEAST_S = 0.05
# Safe while clients leave their streams: these drop what they hold, so nothing waits for a reader that is gone.
_DROPS_DATA = {"timeout", "limit_data", "reset_peer"}


@dataclass
class _OpenLink:
    proxy: str
    upstream: str
    host: str
    port: int
    faults: list[tuple[str, Toxic | Cut]] = field(default_factory=list)  # in force or being tried, oldest first

    @property
    def cut(self) -> bool:
        return any(isinstance(effect, Cut) for _, effect in self.faults)


class ToxiproxyStage:
    """This run's proxies on the server of *api*, named *prefix* and the link's name; those of others are never touched.

    Every call that changes the server raises ToxiproxyWedged when it hangs: then the server has to be ended. Threads may share a stage.
    """

    def __init__(self, api: ToxiproxyApi, prefix: str) -> None:
        check_name(prefix)
        self._api = api
        self._prefix = prefix
        self._links: dict[str, _OpenLink] = {}
        self._closed = False
        self._lock = threading.RLock()

    def open_link(self, link: str, upstream: str) -> tuple[str, int]:
        """The address of a new proxy for *link* that passes everything on to *upstream* (host:port).

        It is on 127.0.0.1, at a free port. Raises ToxiproxyError, and HarnessError for a link that is open already.
        """
        name = self._proxy_name(link)
        check_name(name)
        check_address(upstream)
        with self._lock:
            if link in self._links:
                raise HarnessError(f"link {link!r} is open already")
            self._api.supported_version()
            opened = self._opened(link, name, upstream)
            return opened.host, opened.port

    def undo_requests(self, link: str) -> list[dict[str, str]]:
        """HTTP requests after which nothing of *link* is left on the server; they are known before it is opened.

        One is enough whatever was injected: a proxy takes its toxics with it, also where taking off a toxic would hang.
        """
        return [{"method": "DELETE", "url": self._api.proxy_url(self._proxy_name(link))}]

    def undo_effect_requests(self, fault_id: str, effect: Toxic | Cut) -> list[dict[str, str]]:
        """HTTP requests after which *effect* is false, whoever sends them, and its link passes everything on.

        Where taking off the toxic would hang, the proxy is made anew, without anybody's toxics: whoever takes back a fault in the
        harness's place takes back all that are in force.
        """
        with self._lock:
            link = self._link(effect.aim)
            if isinstance(effect, Cut):
                return [
                    {"method": "PATCH", "url": self._api.proxy_url(link.proxy), "body": json.dumps({"enabled": True})}
                ]
            if not self._has_to_be_made_anew(effect):
                return [{"method": "DELETE", "url": self._api.toxic_url(link.proxy, _toxic_name(fault_id, effect))}]
            listen = f"{link.host}:{link.port}"
            anew = {"name": link.proxy, "upstream": link.upstream, "listen": listen, "enabled": True}
            making = {"method": "POST", "url": self._api.proxies_url, "body": json.dumps(anew)}
            return [*self.undo_requests(effect.aim), making]

    def inject(self, fault_id: str, effect: Toxic | Cut) -> None:
        """Make *effect* true. When this raises, it may be true all the same until `revert` has returned."""
        with self._lock:
            link = self._link(effect.aim)
            if isinstance(effect, Toxic):
                check_name(_toxic_name(fault_id, effect))
                check_toxic(effect.kind, effect.stream, effect.attributes)
            if (fault_id, effect) in link.faults:
                raise HarnessError(f"fault {fault_id} has this effect in force already: {effect}")
            link.faults.append((fault_id, effect))
            if isinstance(effect, Cut):
                self._api.disable(link.proxy)
            else:
                self._add(link, fault_id, effect)

    def revert(self, fault_id: str, effect: Toxic | Cut) -> None:
        """Make *effect* false; nothing happens when it is not true. Other effects on the link stay in force.

        The end of a timeout closes the link's connections. So does that of a downstream latency, bandwidth, slicer or
        slow_close on a server before 2.13: there only making the proxy anew on its port is safe while streams are open.
        """
        with self._lock:
            if self._closed:
                return
            link = self._link(effect.aim)
            remaining = [fault for fault in link.faults if fault != (fault_id, effect)]
            if len(remaining) == len(link.faults):
                return
            if isinstance(effect, Cut):
                if not any(isinstance(other, Cut) for _, other in remaining):
                    _unless_gone(lambda _: self._enable(link), link.proxy)
            elif self._has_to_be_made_anew(effect):
                self._make_anew(link, remaining)
            else:
                _unless_gone(self._api.remove_toxic, link.proxy, _toxic_name(fault_id, effect))
            # Only now: a revert that failed can be tried again.
            link.faults = remaining

    def found(self, fault_id: str, link: str) -> tuple[bool, str]:
        """What the server, asked anew, says of *link*.

        Whether all that *fault_id* has made true there is there, and in words what else is not as this run made it.
        """
        with self._lock:
            opened = self._link(link)
            try:
                proxy = self._api.proxy(opened.proxy)
            except ToxiproxyError as error:
                if error.status != 404:
                    raise
                return False, _DELETED
            wrong = _unlike(opened, proxy)
        mine = {_place(effect, fault) for fault, effect in opened.faults if fault == fault_id}
        return mine.isdisjoint(wrong), "; ".join(dict.fromkeys(wrong.values()))

    def looked_over(self, timeout_s: float = 1.0) -> str | None:
        """What of this run's proxies on which no fault is in force is not as the run made it, in words; nothing where all is.

        None when the server does not answer for one of them within *timeout_s*, as while a change hangs.
        """
        # A wedged server still tells its version; only what needs the lock of the wedged proxy hangs.
        if not self._lock.acquire(timeout=timeout_s):
            return None
        try:
            wrong = [f"{name}: {what}" for name, link in self._links.items() if (what := self._odd(link, timeout_s))]
            if not self._links:
                self._api.version()
            return "; ".join(wrong)
        except (ToxiproxyError, ToxiproxyWedged):
            return None
        finally:
            self._lock.release()

    def answers(self, within_s: float) -> bool:
        """Whether the server answers for each of this run's proxies within *within_s*, all in all; no other call is waited for."""
        late_s = time.monotonic() + within_s
        for link in list(self._links.values()):
            try:
                self._api.proxy(link.proxy, timeout_s=max(_LEAST_S, late_s - time.monotonic()))
            except ToxiproxyWedged:
                return False
            except ToxiproxyError:
                continue  # that is an answer, too
        return True

    def _odd(self, link: _OpenLink, timeout_s: float) -> str:
        try:
            proxy = self._api.proxy(link.proxy, timeout_s=timeout_s)
        except ToxiproxyError as error:
            if error.status != 404:
                raise
            return "" if link.faults else _DELETED
        # Who looks at a fault sees this too, and says of which fault it is.
        return "" if link.faults else "; ".join(dict.fromkeys(_unlike(link, proxy).values()))

    def give_up(self, why: str) -> None:
        """Every further call that needs the server fails at once: one that does not answer would be waited for at each of them."""
        self._api.give_up(why)

    def close(self) -> None:
        """Delete this run's proxies, with all effects; each is tried, and the first failure is raised at the end."""
        failures: list[HarnessError] = []
        with self._lock:
            for name, link in list(self._links.items()):
                try:
                    _unless_gone(self._api.delete_proxy, link.proxy)
                    del self._links[name]
                except (ToxiproxyError, ToxiproxyWedged) as failure:
                    failures.append(failure)
            self._closed = not failures
        if failures:
            raise failures[0]

    def _proxy_name(self, link: str) -> str:
        return f"{self._prefix}{link}"

    def _link(self, link: str) -> _OpenLink:
        if link not in self._links:
            raise HarnessError(f"link {link!r} is not open; open: {', '.join(self._links) or 'none'}")
        return self._links[link]

    def _opened(self, link: str, name: str, upstream: str) -> _OpenLink:
        for tries_left in reversed(range(_PORT_TRIES)):
            wanted = _OpenLink(name, upstream, "127.0.0.1", free_port())
            # Ours from here on: an answer that does not come does not mean that the proxy does not come.
            self._links[link] = wanted
            try:
                self._api.create_proxy(name, upstream, f"{wanted.host}:{wanted.port}")
            except ToxiproxyError as error:
                if error.status is not None:
                    # Refused, so it is not ours; one of this name may even be somebody else's.
                    del self._links[link]
                if not (tries_left and _port_is_taken(error)):
                    raise
            else:
                return wanted
        raise AssertionError("the last try returns or raises")

    def _add(self, link: _OpenLink, fault_id: str, effect: Toxic) -> None:
        self._api.add_toxic(link.proxy, _toxic_name(fault_id, effect), effect.kind, effect.stream, effect.attributes)

    def _enable(self, link: _OpenLink) -> None:
        until_s = time.monotonic() + _TAKE_BACK_S
        while True:
            try:
                self._api.enable(link.proxy)
            except ToxiproxyError as error:
                if not _port_is_taken(error) or time.monotonic() >= until_s:
                    raise
                time.sleep(0.02)
            else:
                return

    def _has_to_be_made_anew(self, effect: Toxic) -> bool:
        holds_for_a_reader = effect.stream == "downstream" and effect.kind not in _DROPS_DATA
        return holds_for_a_reader and not self._api.supported_version().lets_go_of_streams

    def _make_anew(self, link: _OpenLink, faults: list[tuple[str, Toxic | Cut]]) -> None:
        _unless_gone(self._api.delete_proxy, link.proxy)
        # It listens only when its toxics are there, so that no connection slips past them.
        self._api.create_proxy(link.proxy, link.upstream, f"{link.host}:{link.port}", enabled=False)
        for fault_id, effect in faults:
            if isinstance(effect, Toxic):
                self._add(link, fault_id, effect)
        if not any(isinstance(effect, Cut) for _, effect in faults):
            self._enable(link)


def _toxic_name(fault_id: str, effect: Toxic) -> str:
    return f"{fault_id}.{effect.kind}.{effect.stream}"


def _place(effect: Toxic | Cut, fault_id: str) -> str:
    """What of a proxy *effect* lives in: a toxic of its own, or whether the proxy listens."""
    return _toxic_name(fault_id, effect) if isinstance(effect, Toxic) else "enabled"


def _unlike(opened: _OpenLink, proxy: Proxy) -> dict[str, str]:
    """What of *proxy*, by place, is not as this run made it, in words."""
    wrong: dict[str, str] = {}
    if proxy.enabled == opened.cut:
        wrong["enabled"] = "somebody enabled its proxy" if proxy.enabled else "somebody disabled its proxy"
    if proxy.upstream != opened.upstream or proxy.listen_port != opened.port:
        wrong["address"] = f"somebody changed its proxy: it leads from port {proxy.listen_port} to {proxy.upstream}"
    laid = {_toxic_name(fault, effect): effect for fault, effect in opened.faults if isinstance(effect, Toxic)}
    there = {toxic.name: toxic for toxic in proxy.toxics}
    for name, effect in laid.items():
        if name not in there:
            wrong[name] = f"the {effect.kind} toxic is not there any more: somebody reset or changed its proxy"
        elif not _same(there[name], effect):
            wrong[name] = f"somebody changed the {effect.kind} toxic to {dict(sorted(there[name].attributes.items()))}"
    for name in there.keys() - laid.keys():
        wrong[name] = f"somebody added the {there[name].kind} toxic {name!r}"
    return wrong


def _same(toxic: InstalledToxic, effect: Toxic) -> bool:
    attributes = {name: toxic.attributes.get(name) for name in effect.attributes}
    whole = (toxic.kind, toxic.stream, attributes) == (effect.kind, effect.stream, effect.attributes)
    return whole and isclose(toxic.toxicity, 1.0, rel_tol=1e-6)


def _port_is_taken(error: ToxiproxyError) -> bool:
    return error.status == 500 and "address already in use" in str(error)


def _unless_gone(remove: Callable[..., None], *names: str) -> None:
    """Remove something; that it is gone already is as good."""
    try:
        remove(*names)
    except ToxiproxyError as error:
        if error.status != 404:
            raise
