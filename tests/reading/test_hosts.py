"""An address says one thing to all who read it, or is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.reading.hosts import address, host_of, on_this_machine


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.0.1:5432", ("", "", "10.0.0.1", "5432", "")),
        ("{db.host}:{db.port}", ("", "", "{db.host}", "{db.port}", "")),
        ("redis://user:p%23s%40@cache_1.example/0", ("redis", "user:p%23s%40", "cache_1.example", "", "/0")),
        ("http://[::1]:80/v1", ("http", "", "[::1]", "80", "/v1")),
        ("https://example.com.:{a.port}/%C3%A9", ("https", "", "example.com.", "{a.port}", "/%C3%A9")),
        ("https://API.example.com", ("https", "", "API.example.com", "", "")),
    ],
)
def test_an_address_is_its_parts(text: str, parts: tuple[str, ...]) -> None:
    assert address(text) == parts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("redis://:pa#ss@prod-redis.example:6379", "has a # in it; one that is part of a name or a password is written %23"),
        ("redis://127.0.0.1?@prod:6379", r"has a \? in it"),
        ("http://127.0.0.1\\@prod", r"has a \\ in it"),
        ("redis://u:p@x@prod:6379", "more than one @"),
        ("redis://u:p/x@prod:6379", "%2F for a /"),
        ("redis://@prod:6379", "has an @ with nothing before it"),
        ("http://prod /x", "has ' ' in it; an address has neither blanks nor control characters"),
        ("http://prod\t:80", r"has '\\t' in it"),
        ("http://prod\x1b[31m", r"has '\\x1b' in it"),
        ("http://a\u202eb", r"has '\\u202e' in it"),
        ("http://:80", "has no host"),
        ("redis://:6379", "has no host"),
        (":5432", "has no host"),
        ("", "has no host"),
        ("http://prod:", "has '' for a port"),
        ("http://prod:0", "has '0' for a port; write a number from 1 to 65535"),
        ("http://prod:99999", "has '99999' for a port"),
        ("HTTPS://prod", "begins with HTTPS://; write https://"),
        ("http://prüd", "has a host that is no name and no IP address; as the DNS has it, it is written xn--prd-ioa"),
        ("http://prüd:80/x", "written xn--prd-ioa$"),
        ("http://a..b", "has a host with nothing before or behind one of its dots"),
        ("http://.b", "has a host with nothing before or behind one of its dots"),
        ("http://127.0.0.1:８０", "has '８０' for a port"),
        ("http://127.0.0.1/é", "has a é in its path; write it as it is sent, %C3%A9"),
        ("http://[::1", "has a host that is no name and no IP address"),
        ("http://]@1", r"has a \] before the @; in a name or a password write %5D"),
        ("redis://:a[b@store", r"has a \[ before the @; in a name or a password write %5B"),
        ("http://é@store", "has a é before the @; in a name or a password write %C3%A9"),
        ("http://[1]", r"has \[1\] for a host; an IPv6 address stands in brackets, and nothing else"),
        ("http://[127.0.0.1]:80", r"has \[127.0.0.1\] for a host"),
        ("http://[::1::]", r"has \[::1::\] for a host"),
        ("http://" + 64 * "a", "a name has at most 63 characters between its dots"),
    ],
)  # fmt: skip
def test_what_two_readers_could_read_in_two_ways_is_no_address(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        address(text)
    # Should anybody ask all the same, it is none of this machine's.
    host = host_of(text)
    assert host is not None
    assert not on_this_machine(host)


@given(st.text("ht:p/@#?\\[]{}.%1a \t\x00-é", max_size=24).map(lambda text: f"http://{text}"))
@example("http://127.0.0.1:1@a")
@example("http://a:1/@127.0.0.1")
@example("http://[1]")
@example("http://]@1")
def test_what_is_taken_leads_where_others_see_it_lead(text: str) -> None:
    try:
        found = address(text)
    except ValueError:
        return
    if "{" in text:
        return  # a template is filled in before anybody connects
    seen = urlsplit(text)
    assert (seen.hostname, str(seen.port or "")) == (found.host.lower().strip("[]"), found.port.lstrip("0"))
    assert seen.netloc.rpartition("@")[2] == found.host + (f":{found.port}" if found.port else "")
    assert host_of(text) == found.host.strip("[]")


@pytest.mark.parametrize("own", ["http://{openai.url}/v1", "http://{openai.host}:{openai.port}", "{openai.host}:80"])
def test_a_link_is_on_this_machine(own: str) -> None:
    assert host_of(own) is None


@pytest.mark.parametrize("others", ["http://{openai.host}.example.com", "http://{openai.host}@prod", "{seed}:80"])
def test_a_placeholder_hides_no_other_host(others: str) -> None:
    host = host_of(others)
    assert host is not None
    assert not on_this_machine(host)
