"""Which proxy of the environment stands between a link and its provider."""

from __future__ import annotations

import pytest

from harness.reading.proxies import proxy_for

BOTH = {"HTTPS_PROXY": "http://proxy.example:3128", "HTTP_PROXY": "http://plain.example:8080"}


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://api.example/v1", BOTH, "http://proxy.example:3128"),
        ("http://api.example", BOTH, "http://plain.example:8080"),
        ("https://api.example", {"HTTP_PROXY": "http://plain.example:8080"}, ""),
        ("https://api.example", {"ALL_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),
        (
            "https://api.example",
            BOTH | {"https_proxy": "http://me:p%40ss@other.example"},
            "http://me:p%40ss@other.example",
        ),
        ("https://api.example", BOTH | {"https_proxy": ""}, ""),
        ("https://api.example", {}, ""),
        ("http://127.0.0.1:9000", BOTH, ""),
        ("http://localhost:9000", BOTH, ""),
        ("http://[::1]:9000", BOTH, ""),
    ],
)
def test_a_variable_of_the_scheme_names_the_proxy_and_this_machine_needs_none(url, environment, proxy) -> None:
    assert proxy_for(url, environment) == proxy


@pytest.mark.parametrize(
    "no_proxy",
    ["api.example", "other, .example", "*.example", "*", "API.EXAMPLE", "api.example:443", "x.example api.example"],
)
def test_no_proxy_excepts_a_host_a_domain_a_port_or_all(no_proxy: str) -> None:
    assert proxy_for("https://api.example", BOTH | {"NO_PROXY": no_proxy}) == ""


@pytest.mark.parametrize(
    "no_proxy", ["pi.example", "api.example:8443", "api", "", "10.0.0.0/8", ".api.example.org", ","]
)
def test_no_proxy_excepts_nothing_else(no_proxy: str) -> None:
    assert proxy_for("https://api.example", BOTH | {"NO_PROXY": no_proxy}) == BOTH["HTTPS_PROXY"]


@pytest.mark.parametrize(
    ("no_proxy", "excepted"), [("10.0.0.0/8", True), ("10.1.2.3", True), ("10.1.2.0/30", True), ("11.0.0.0/8", False)]
)
def test_no_proxy_excepts_networks(no_proxy: str, excepted: bool) -> None:
    assert (proxy_for("https://10.1.2.3:8443", BOTH | {"NO_PROXY": no_proxy}) == "") == excepted


@pytest.mark.parametrize(
    "proxy", ["socks5://me:secret@proxy.example:1080", "https://proxy.example", "http://", "http://p:0", "http://p:x"]
)
def test_a_proxy_that_cannot_be_used_is_refused_by_its_variable_and_not_quoted(proxy: str) -> None:
    with pytest.raises(
        ValueError, match=r"^HTTPS_PROXY names no HTTP proxy .* way to api\.example; write HTTPS_PROXY=http://"
    ) as told:
        proxy_for("https://api.example", {"HTTPS_PROXY": proxy})
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_the_harness_starts_is_reached_directly_though_its_port_is_not_known_yet(host: str) -> None:
    assert proxy_for(f"http://{host}:{{provider.port}}", BOTH) == ""


def test_a_port_that_is_not_known_yet_is_none_that_an_exception_names() -> None:
    assert proxy_for("http://api.example:{provider.port}", BOTH | {"NO_PROXY": "api.example:80"}) == BOTH["HTTP_PROXY"]
