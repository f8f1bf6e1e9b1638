"""Access logs in lines of text: the combined format of Apache, nginx and Traefik, also with how long it took, and AWS's load balancers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isnan, nan

from harness.incidents.calls import LEFT, OK, TIMED_OUT, Broken, Call, Passed
from harness.incidents.outcomes import of_status
from harness.incidents.source import Source
from harness.incidents.stamps import began

_COMBINED = re.compile(
    r"(?:\S+ )?\S+ \S+ [^\[\"]{1,200} ?\[(?P<time>\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r"\"(?:[^\"\\]|\\.)*\" (?P<status>\d{3}) (?:\d+|-)(?P<rest>.*)$"
)
_BALANCER = re.compile(
    r"(?:http|https|h2|grpcs|ws|wss) (?P<end>\d{4}-\S+Z) (?P<name>\S+) \S+ \S+ (?P<first>-?[\d.]+) (?P<then>-?[\d.]+) (?P<last>-?[\d.]+) "
    r"(?P<status>\d{3}|-) (?P<target>\d{3}|-) \d+ \d+ \"(?P<rest>.*)$"
)
_CREATED = re.compile(r" (?:\d+|-) (\d{4}-\d\d-\d\dT[\d:.]+Z) \"")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"")
_NAMED_S = re.compile(r"\b(?:rt|request_time|req_time)[=:]\"?(\d+\.\d+)")
_SECONDS = re.compile(r"(?:^|\s)(\d+\.\d+)(?=\s|$)")
_MILLISECONDS = re.compile(r"(?:^|\s)(\d+)ms(?=\s|$)")
_CLIENT_LEFT = 460
"""What AWS's load balancers have for a client that went away."""
_LINE_MOST, _LOOKED_AT = 16_384, 50


class Access:
    """Access logs in lines: combined, with how long it took behind it, and those of AWS's load balancers."""

    def suits(self, head: bytes) -> bool:
        return any(_parted(line) for line in head.splitlines()[:_LOOKED_AT])

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        untimed = False
        for found in source.lines():
            if isinstance(found, Broken):
                yield found
                continue
            line, text = found
            try:
                call = _call(text, source)
            except (ValueError, OverflowError) as error:
                yield Broken(line, str(error))
                continue
            if not untimed and isnan(call.duration_ms) and call.came_to == OK:
                untimed = True
                source.told.append(_UNTIMED)
            yield call


_UNTIMED = (
    "Lines of an access log that do not say how long it took, or in no unit that is known, have no latency: "
    "nginx writes it with $request_time behind its combined format; of Apache's %D make a table."
)


def _parted(line: bytes) -> re.Match[str] | None:
    text = line[:_LINE_MOST].decode("utf-8", "replace").strip()
    return _COMBINED.match(text) or _BALANCER.match(text)


def _call(line: bytes, source: Source) -> Call:
    found = _parted(line)
    if found is None:
        raise ValueError("is no line of an access log in combined form or of AWS's load balancers")
    return _balanced(found, source) if found.re is _BALANCER else _combined(found, source)


def _combined(found: re.Match[str], source: Source) -> Call:
    at_s, rest = source.seconds(found["time"]), found["rest"]
    bare = _QUOTED.sub('""', rest)
    if milliseconds := _MILLISECONDS.search(bare):  # Traefik's, whose time is that of the beginning
        return Call(at_s, of_status(int(found["status"])), float(milliseconds[1]))
    took = _NAMED_S.search(rest) or _SECONDS.search(bare)
    took_s = float(took[1]) if took else nan
    return Call(began(at_s, took_s) if took else at_s, of_status(int(found["status"])), 1e3 * took_s)


def _balanced(found: re.Match[str], source: Source) -> Call:
    ended_s, created = source.seconds(found["end"]), _CREATED.search(found["rest"])
    parts = [float(found[name]) for name in ("first", "then", "last")]
    at_s = source.seconds(created[1]) if created else began(ended_s, sum(max(0.0, part) for part in parts))
    status = int(found["status"]) if found["status"] != "-" else 0
    known = (
        LEFT if status == _CLIENT_LEFT else TIMED_OUT if status == 504 and found["target"] == "-" else of_status(status)
    )
    took_s = sum(parts) if min(parts) >= 0 else ended_s - at_s if created else nan
    return Call(at_s, known, 1e3 * took_s, nan, found["name"])
