from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import patterns
from gateway.config.nodes import resolve
from gateway.config.problems import Unexpected
from gateway.routing.pattern import parse_pattern


@pytest.mark.parametrize(
    ("parse", "written", "value"),
    [
        (patterns.text, "a", "a"),
        (patterns.text, True, "true"),
        (patterns.text, False, "false"),
        (patterns.text, 5, "5"),
        (patterns.text, resolve("0x1F"), "0x1F"),
        (patterns.text, resolve("1.10"), "1.10"),
        (patterns.name, "user-service", "user-service"),
        (patterns.name, 7, "7"),
        (patterns.some_text, " x ", " x "),
        (patterns.host, "API.example.com", "api.example.com"),
        (patterns.host, "api.example.com.", "api.example.com"),
        (patterns.host, "*.example.com", "*.example.com"),
        (patterns.host, "localhost", "localhost"),
        (patterns.host, "127.0.0.1", "127.0.0.1"),
        (patterns.host, "[::0:1]", "[::1]"),
        (patterns.backend_url, "http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        (patterns.backend_url, "HTTPS://Example.COM/", "https://example.com"),
        (patterns.backend_url, "http://X/V2/", "http://x/V2"),
        (patterns.backend_url, "https://x:8443/a/b~c%20d/", "https://x:8443/a/b~c%20d"),
        (patterns.backend_url, "unix:/run/app.sock", "unix:/run/app.sock"),
        (patterns.backend_url, "UNIX:/run/App.sock", "unix:/run/App.sock"),
        (patterns.backend_url, "unix:///run/app.sock", "unix:/run/app.sock"),
        (patterns.backend_url, "unix:/run/a:b c.sock:/v2/", "unix:/run/a:b c.sock:/v2"),
        (patterns.backend_url, "unix:/run/app.sock:/", "unix:/run/app.sock"),
        (patterns.host_header, "client", "client"),
        (patterns.host_header, "Backend", "backend"),
        (patterns.host_header, "Shop.Internal.", "shop.internal"),
        (patterns.host_header, "bücher.example:08080", "xn--bcher-kva.example:8080"),
        (patterns.host_header, "[::0:1]", "[::1]"),
        (patterns.host_header, "[::0:1]:80", "[::1]:80"),
        (patterns.backend_url, "h2c://[::0:1]:50051", "h2c://[::1]:50051"),
        (patterns.backend_url, "http://my_service:80", "http://my_service:80"),
        (patterns.backend_url, "http://Bücher.example:8080", "http://xn--bcher-kva.example:8080"),
        (patterns.host, "Bücher.example", "xn--bcher-kva.example"),
        (patterns.host, "*.bücher.example", "*.xn--bcher-kva.example"),
        (patterns.host, "*.BÜCHER。example。", "*.xn--bcher-kva.example"),
        (patterns.host, "XN--Bcher-KVA.example", "xn--bcher-kva.example"),
        (patterns.host, "straße.example", "xn--strae-oqa.example"),
        (patterns.host, "ΒΌΛΟΣ.example", "xn--nxasmq6b.example"),
        (patterns.host, "βόλος.example", "xn--nxasmm1c.example"),
        (patterns.host, "my_service.bücher.example", "my_service.xn--bcher-kva.example"),
        (patterns.host, "日本語.jp", "xn--wgv71a119e.jp"),
        (patterns.host, "xn--n3h.net", "xn--n3h.net"),
        (patterns.backend_url, "http://my_service.straße.example/x", "http://my_service.xn--strae-oqa.example/x"),
        (patterns.url, "https://straße.example/ß", "https://xn--strae-oqa.example/%C3%9F"),
        (patterns.host_header, "ΒΌΛΟΣ.example:80", "xn--nxasmq6b.example:80"),
        (patterns.server_name, "Straße.example.", "xn--strae-oqa.example"),
        (patterns.server_name, "10.0.0.1", "10.0.0.1"),
        (patterns.server_name, "[::0:1]", "::1"),
        (patterns.server_name, "::1", "::1"),
        (patterns.url, "https://issuer.example/keys?a=b%20c", "https://issuer.example/keys?a=b%20c"),
        (patterns.url, "HTTPS://issuer.example:443/~x//", "HTTPS://issuer.example:443/~x//"),
        (patterns.url, "https://bücher.example/schlüssel", "https://xn--bcher-kva.example/schl%C3%BCssel"),
        (patterns.url, "http://[::1]:8080/a", "http://[::1]:8080/a"),
        (patterns.endpoint, "tcp:8080", "tcp:8080"),
        (patterns.endpoint, "tcp:0:interface=::1", "tcp:0:interface=::1"),
        (patterns.endpoint, "tcp:port=80", "tcp:port=80"),
        (patterns.endpoint, "ssl:443:privateKey=k.pem", "ssl:443:privateKey=k.pem"),
        (patterns.endpoint, "unix:/run/gateway.sock", "unix:/run/gateway.sock"),
        (patterns.endpoint, "systemd:domain=INET:index=0", "systemd:domain=INET:index=0"),
        (patterns.header_name, "X-Version", "X-Version"),
        (patterns.header_value, "a\tb", "a\tb"),
        (patterns.header_value, 2, "2"),
        (patterns.method, "get", "GET"),
        (patterns.condition, "*", "*"),
        (patterns.condition, "~^v[0-9]+$", "~^v[0-9]+$"),
        (patterns.network, "10.0.0.0/8", ip_network("10.0.0.0/8")),
        (patterns.network, "10.0.0.1", ip_network("10.0.0.1/32")),
        (patterns.network, "fd00::/8", ip_network("fd00::/8")),
        (patterns.proxy, "unix:", "unix:"),
        (patterns.proxy, "10.0.0.1", ip_network("10.0.0.1/32")),
    ],
)
def test_what_is_meant_is_taken_in_its_normal_form(
    parse: Callable[[object], object], written: object, value: object
) -> None:
    """Numbers as text where text is wanted, names in lower case."""
    assert parse(written) == value


@pytest.mark.parametrize(
    ("parse", "written", "words"),
    [
        (patterns.text, None, "a text"),
        (patterns.text, [], "a text"),
        (patterns.some_text, "  ", "not empty"),
        (patterns.name, "", "a name"),
        (patterns.name, " a", "a name"),
        (patterns.name, "a\n", "a name"),
        (patterns.name, "x" * 201, "a name"),
        (patterns.endpoint, "ssl:443:privateKey=k.pem:clientCA=ca.pem", "`sni:` in place of `ssl:`"),
        (patterns.endpoint, "tcp:80:interfcae=::1", "arguments that `tcp:` takes"),
        (patterns.endpoint, "unix:" + "/a" * 54 + ":mode=660", "of at most 107 octets"),
        (patterns.endpoint, "unix:/run/a:port=1", "arguments that `unix:` takes"),
        (patterns.host, "example.com:80", "without a port"),
        (patterns.host, "bü cher.example", "a host name"),
        (patterns.url, "https://me:secret@issuer.example/", "without user and password"),
        (patterns.url, "https://me@issuer.example/", "without user and password"),
        (patterns.url, "https://issuer.example/#a", "without a fragment"),
        (patterns.url, "https://", "and a host"),
        (patterns.url, "issuer.example", "begins with http:// or https://"),
        (patterns.url, "ftp://issuer.example", "begins with http:// or https://"),
        (patterns.url, "https://issuer.example:0/", "a port from 1 to 65535"),
        (patterns.url, "https://issuer.example:port/", "and a host"),
        (patterns.url, "https://issuer.example/a b", "and a host"),
        (patterns.url, "https://-bücher.example/", "and a host"),
        (patterns.url, "https://issuer_example..com/", "and a host"),
        (patterns.backend_url, "http://me:secret@x", "without user and password"),
        (patterns.backend_url, "http://x?", "nothing after"),
        (patterns.host, "*", "a host name"),
        (patterns.host, "☃.example", "a host name"),
        (patterns.host, "a\u200cb.example", "a host name"),
        (patterns.host, "אa.example", "a host name"),
        (patterns.host, "ü" * 63 + ".example", "a host name"),
        (patterns.host, "xn--a.example", "a host name"),
        (patterns.host, "xn--.example", "a host name"),
        (patterns.host, "xn--example-.com", "a host name"),
        (patterns.host, "xn--\u00fc.example", "a host name"),
        (patterns.host, "bü/cher.example", "a host name"),
        (patterns.backend_url, "http://☃.example", "a URL such as"),
        (patterns.backend_url, "http://xn--a.example", "a URL such as"),
        (patterns.url, "https://☃.example/", "and a host"),
        (patterns.host_header, "☃.example", "`client`, `backend`"),
        (patterns.server_name, "☃.example", "a host name such as"),
        (patterns.server_name, "shop.internal:443", "without a port"),
        (patterns.server_name, "*.shop.internal", "a host name such as"),
        (patterns.route_host, "*", "without the key it is for all hosts"),
        (patterns.route_host, "_", "without the key it is for all hosts"),
        (patterns.host, "*.*.com", "a host name"),
        (patterns.host, "-a.com", "a host name"),
        (patterns.host, "a..com", "a host name"),
        (patterns.host, "[nope]", "a host name"),
        (patterns.host, "a" * 254, "a host name"),
        (patterns.backend_url, "127.0.0.1:9001", "a URL"),
        (patterns.backend_url, "ftp://x", "a URL"),
        (patterns.backend_url, "http://", "a URL"),
        (patterns.backend_url, "http://x/a/../b", "a base path"),
        (patterns.backend_url, "http://x/./b", "a base path"),
        (patterns.backend_url, "http://x/%2e%2e/b", "a base path"),
        (patterns.backend_url, "http://x/a%2fb", "a base path"),
        (patterns.backend_url, "http://x/a%5Cb", "a base path"),
        (patterns.backend_url, "http://x/a%252fb", "a base path"),
        (patterns.backend_url, "http://x/a%0d%0ab", "a base path"),
        (patterns.backend_url, "http://x/a;b", "a base path"),
        (patterns.backend_url, "http://x/a\\b", "a base path"),
        (patterns.backend_url, "http://x//a", "a base path"),
        (patterns.backend_url, "http://x/a//", "a base path"),
        (patterns.backend_url, "http://x//", "a base path"),
        (patterns.backend_url, "http://x/a%2", "a base path"),
        (patterns.backend_url, "http://x/ä", "a base path"),
        (patterns.backend_url, "http://x/a?q", "nothing after"),
        (patterns.backend_url, "http://x/a#f", "nothing after"),
        (patterns.backend_url, "unix:run/app.sock", "a socket with its whole path"),
        (patterns.backend_url, "unix:", "a socket with its whole path"),
        (patterns.backend_url, "unix:/", "a socket with its whole path"),
        (patterns.backend_url, "unix://run/app.sock", "a socket with its whole path"),
        (patterns.backend_url, "unix:/run/a\n", "a socket with its whole path"),
        (patterns.backend_url, "unix:/run/a\0", "a socket with its whole path"),
        (patterns.backend_url, "unix:" + "/ä" * 36, "of at most 107 octets"),
        (patterns.backend_url, "unix:/run/app.sock:/a/../b", "a base path"),
        (patterns.host_header, "", "`client`, `backend`, or a host name"),
        (patterns.host_header, "*.example.com", "or a host name"),
        (patterns.host_header, "a b", "or a host name"),
        (patterns.host_header, "a.example:0", "or a host name"),
        (patterns.host_header, "a.example:99999", "or a host name"),
        (patterns.host_header, "a.example:", "or a host name"),
        (patterns.host_header, "http://a.example", "or a host name"),
        (patterns.host_header, "a\r\nb: c", "or a host name"),
        (patterns.host_header, ["client"], "a text"),
        (patterns.backend_url, "http://x?q", "nothing after"),
        (patterns.backend_url, "http://x#f", "nothing after"),
        (patterns.backend_url, "http://u:p@x", "a URL"),
        (patterns.backend_url, "http://x:", "a URL"),
        (patterns.backend_url, "http://x:0", "a URL"),
        (patterns.backend_url, "http://x:99999", "a URL"),
        (patterns.backend_url, "http://[::1", "a URL"),
        (patterns.backend_url, "http://[fe80::1%25eth0]", "zone"),
        (patterns.backend_url, "http://a b", "a URL"),
        (patterns.endpoint, "8080", "a Twisted endpoint"),
        (patterns.endpoint, 8080, "a Twisted endpoint"),
        (patterns.endpoint, "tcp:", "a Twisted endpoint"),
        (patterns.endpoint, "tcp:http", "a port from 0 to 65535"),
        (patterns.endpoint, "tcp:99999", "a port from 0 to 65535"),
        (patterns.header_name, "X Version", "header field"),
        (patterns.header_name, "", "header field"),
        (patterns.header_value, "a\r\nb: c", "one line"),
        (patterns.header_value, " a", "no space"),
        (patterns.method, "G E T", "a method"),
        (patterns.condition, "~(", "a regular expression after `~`"),
        (patterns.condition, "~(?=a)", "without backreferences, look-ahead and look-behind"),
        (patterns.condition, r"~(a)\1", "without backreferences"),
        (patterns.expression, "(?<!a)b", "RE2"),
        (patterns.route_method, "BAN", "a method that is forwarded"),
        (patterns.route_method, "CONNECT", "a method that is forwarded"),
        (patterns.route_method, "DESCRIBE", "a method that is forwarded"),
        (patterns.network, "10.0.0.1/8", "no host bits"),
        (patterns.network, "example.com", "an address or a network"),
        (patterns.network, "unix:", "an address or a network"),
        (patterns.proxy, "unix", "or `unix:` for all who come by a UNIX socket"),
        (patterns.proxy, "unix:/run/g.sock", "or `unix:` for all who come by a UNIX socket"),
        (patterns.proxy, "10.0.0.1/8", "no host bits"),
    ],
)
def test_what_is_not_meant_is_refused_in_words(parse: Callable[[object], object], written: object, words: str) -> None:
    """Each says what was wanted."""
    with pytest.raises(Unexpected) as caught:
        parse(written)
    assert words in caught.value.expected


@pytest.mark.parametrize(
    "written",
    ["/", "/users", "/users/:id", "/users/{id}/orders/{order-id}", "/*", "/users/*", "/files/{*rest}", "/a%20b", "//a"],
)
def test_a_path_pattern_is_taken_as_it_is(written: str) -> None:
    """Exact, with parameters, with a rest."""
    assert patterns.path_pattern(written) == written


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("users", "begins with `/`"),
        ("", "begins with `/`"),
        ("/a?b", "without `?`"),
        ("/a#b", "without `?`"),
        ("/a b", "without `?`"),
        ("/ü", "without `?`"),
        ("/%zz", "without `?`"),
        ("/a*", "only as the whole last segment"),
        ("/*/a", "only as the whole last segment"),
        ("/:", "whole segment"),
        ("/a{b}", "whole segment"),
        ("/a/../b", "without `.` and `..`"),
        ("/:id/:id", "each parameter name once"),
        ("/:id/{*id}", "each parameter name once"),
    ],
)
def test_a_path_pattern_that_cannot_match_is_refused(written: str, words: str) -> None:
    """With the reason."""
    with pytest.raises(Unexpected) as caught:
        patterns.path_pattern(written)
    assert words in caught.value.expected


segments = st.sampled_from(
    ["a", "users", ":id", "{id}", "{x-y}", "*", "{*rest}", "", ".", "a*", ":", "%41", "%zz", "a b", "{", "~"]
)


@given(st.lists(segments, max_size=5))
def test_what_passes_here_the_router_can_take_apart(parts: list[str]) -> None:
    """The light check is no laxer than `gateway.routing.pattern`."""
    written = "/" + "/".join(parts)
    try:
        patterns.path_pattern(written)
    except Unexpected:
        return
    assert parse_pattern(written).text == written


@given(st.text())
def test_no_text_makes_a_parser_fail(text: str) -> None:
    """They refuse in words."""
    for parse in (patterns.host, patterns.path_pattern, patterns.backend_url, patterns.endpoint, patterns.network):
        with suppress(Unexpected):
            assert parse(text)
