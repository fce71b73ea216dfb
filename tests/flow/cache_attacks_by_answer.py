"""Attacks by what is answered: parts, errors, sessions, codings, and what the request had no part in."""

from __future__ import annotations

from gateway.memory.backend import ok
from tests.flow.cache_attacks import KEEP, Attack, field_of, ranged, refusing, request, says, splits, zipped

ANSWERS = [
    Attack("a part", [request("/a/b", "Range: bytes=0-1")], ranged),
    Attack("a part that is none", [request("/a/b", "Range: bytes=cow")], ranged),
    Attack("a part if", [request("/a/b", "Range: bytes=0-1", 'If-Range: "1"')], ranged),
    Attack(
        "not modified",
        [request("/a/b", 'If-None-Match: "evil"')],
        lambda asked: (
            b'HTTP/1.1 304 Not Modified\r\nCache-Control: public, max-age=60\r\nETag: "evil"\r\n\r\n'
            if asked.headers.get(b"if-none-match") == b'"evil"'
            else ok(b"yes", KEEP)
        ),
    ),
    Attack(
        "a condition that fails",
        [request("/a/b", 'If-Match: "evil"')],
        refusing(lambda asked: b"if-match" in asked.headers.index, b"412 Precondition Failed"),
    ),
    Attack(
        "a head that is too long",
        [request("/a/b", "X-Long: " + "x" * 9000)],
        refusing(lambda asked: b"x-long" in asked.headers.index, b"400 Bad Request"),
    ),
    Attack(
        "a head that is much too long",
        [request("/a/b", "X-Long: " + "x" * 9000)],
        refusing(lambda asked: b"x-long" in asked.headers.index, b"431 Request Header Fields Too Large"),
    ),
    Attack(
        "meta characters",
        [request("/a/b", "X-Meta: a\x07b")],
        refusing(lambda asked: b"x-meta" in asked.headers.index, b"400 Bad Request"),
    ),
    Attack(
        "characters that are none",
        [request("/a/b", "X-Meta: \xff\xfe")],
        refusing(lambda asked: b"x-meta" in asked.headers.index, b"400 Bad Request"),
    ),
    Attack(
        "a method that is none",
        [request("/a/b", "X-HTTP-Method-Override: EVIL")],
        refusing(lambda asked: b"x-http-method-override" in asked.headers.index, b"405 Method Not Allowed"),
    ),
    Attack(
        "an expectation",
        [request("/a/b", "Expect: evil")],
        refusing(lambda asked: b"expect" in asked.headers.index, b"417 Expectation Failed"),
    ),
    Attack(
        "a type that is none",
        [request("/a/b", "Accept: evil/evil")],
        refusing(lambda asked: b"evil" in (asked.headers.get(b"accept") or b""), b"406 Not Acceptable"),
    ),
    Attack(
        "too many requests",
        [request("/a/b", "X-Busy: 1")],
        refusing(lambda asked: b"x-busy" in asked.headers.index, b"429 Too Many Requests"),
    ),
    Attack(
        "a fault",
        [request("/a/b", "X-Evil: 1")],
        refusing(lambda asked: b"x-evil" in asked.headers.index, b"500 Internal Server Error"),
    ),
    Attack(
        "forbidden",
        [request("/a/b", "X-Evil: 1")],
        refusing(lambda asked: b"x-evil" in asked.headers.index, b"403 Forbidden"),
    ),
    Attack(
        "a session in the answer",
        [request("/a/b", "Cookie: session=evil")],
        lambda asked: ok(b"page", KEEP, (b"Set-Cookie", asked.headers.get(b"cookie") or b"session=own")),
        kept=False,
    ),
    Attack(
        "everything matters",
        [request("/a/b", "X: evil")],
        says(lambda asked: asked.headers.get(b"x"), KEEP, (b"Vary", b"*")),
        kept=False,
    ),
    Attack(
        "everything matters, and one more",
        [request("/a/b", "X: evil")],
        says(lambda asked: asked.headers.get(b"x"), KEEP, (b"Vary", b"Accept"), (b"Vary", b"*")),
        kept=False,
    ),
    Attack(
        "another's page",
        [request("/a/b", "Authorization: Bearer evil")],
        says(lambda asked: asked.headers.get(b"authorization"), (b"Cache-Control", b"max-age=60")),
    ),
    Attack(
        "another's page by ttl",
        [request("/a/b", "Authorization: Bearer evil")],
        says(lambda asked: asked.headers.get(b"authorization"), (b"X", b"y")),
        cache={"ttl": "60s"},
    ),
    Attack(
        "another's page by override_ttl",
        [request("/a/b", "Authorization: Bearer evil")],
        says(lambda asked: asked.headers.get(b"authorization"), (b"X", b"y")),
        cache={"override_ttl": "60s"},
    ),
    Attack(
        "a page that looks like a file",
        [request("/a/b.css", "Cookie: session=victim")],
        says(lambda asked: asked.headers.get(b"cookie"), (b"X", b"y")),
        request("/a/b.css"),
        kept=False,
    ),
    Attack(
        "a private page that looks like a file",
        [request("/a/b.css", "Cookie: session=victim")],
        says(lambda asked: asked.headers.get(b"cookie"), (b"Cache-Control", b"private, max-age=60")),
        request("/a/b.css"),
        kept=False,
        cache={"override_ttl": "60s"},
    ),
    Attack(
        "a page that looks like a file, by ttl",
        [request("/a/b.css", "Cookie: session=victim")],
        says(lambda asked: asked.headers.get(b"cookie"), (b"X", b"y")),
        request("/a/b.css"),
        cache={"ttl": "60s"},
    ),
    Attack("a field in the head", [request("/a/b?en%0d%0aSet-Cookie:%20session=evil")], splits),
    Attack(
        "an answer in the head",
        [
            request(
                "/a/b?en%0d%0aContent-Length:%200%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0aCache-Control:%20public,%20max-age=60%0d%0aContent-Length:%204%0d%0a%0d%0aevil"
            )
        ],
        splits,
    ),
    Attack("an answer behind the head", [request("/a/b?en%0d%0a%0d%0aevil")], splits),
    Attack("HEAD for GET", [request(method="HEAD")], says(lambda asked: asked.method)),
    Attack(
        "HEAD that is refused",
        [request(method="HEAD")],
        refusing(lambda asked: asked.method == b"HEAD", b"405 Method Not Allowed"),
    ),
    Attack(
        "HEAD that finds nothing",
        [request(method="HEAD")],
        refusing(lambda asked: asked.method == b"HEAD", b"404 Not Found"),
    ),
    Attack("another method", [request(method="OPTIONS")], says(lambda asked: asked.method)),
    Attack("a method in lower case", [request(method="get")], says(lambda asked: asked.method)),
    Attack(
        "no cookie on the next hop",
        [request("/a/b", "Cookie: a=1", "Connection: cookie")],
        says(lambda asked: asked.headers.get(b"cookie"), KEEP, (b"Vary", b"Cookie")),
        request("/a/b", "Cookie: a=1"),
    ),
    Attack(
        "no type on the next hop",
        [request("/a/b", "Accept: a/b", "Connection: accept")],
        says(lambda asked: asked.headers.get(b"accept"), KEEP, (b"Vary", b"Accept")),
        request("/a/b", "Accept: a/b"),
    ),
    Attack(
        "no host on the next hop",
        [request("/a/b", "Connection: host, x-forwarded-host")],
        says(lambda asked: (asked.headers.get(b"host"), asked.headers.get(b"x-forwarded-host"))),
    ),
    Attack(
        "no coding on the next hop",
        [request("/a/b", "Accept-Encoding: gzip", "Connection: accept-encoding")],
        says(lambda asked: asked.headers.get(b"accept-encoding"), KEEP, (b"Vary", b"Accept-Encoding")),
        request("/a/b", "Accept-Encoding: gzip"),
    ),
    Attack("a coding that the victim does not take", [request("/a/b", "Accept-Encoding: gzip")], zipped),
    Attack(
        "a coding that the victim refuses",
        [request("/a/b", "Accept-Encoding: gzip")],
        lambda asked: zipped(asked).replace(b"\r\n", b"\r\nVary: Accept-Encoding\r\n", 1),
        request("/a/b", "Accept-Encoding: identity, gzip;q=0"),
    ),
    Attack(
        "a coding that is none",
        [request("/a/b", "Accept-Encoding: evil")],
        says(lambda asked: asked.headers.get(b"accept-encoding"), KEEP, (b"Vary", b"Accept-Encoding")),
    ),
    Attack(
        "a field twice",
        [request("/a/b", "X-Mode: evil", "X-Mode: good")],
        says(lambda asked: asked.headers.get_all(b"x-mode"), KEEP, (b"Vary", b"X-Mode")),
        request("/a/b", "X-Mode: good"),
    ),
    Attack(
        "a field in the key",
        [request("/a/b", "X-Mode: evil")],
        says(lambda asked: asked.headers.get(b"x-mode")),
        cache={"vary": ["X-Mode"]},
    ),
    Attack(
        "another spelling of what answers vary on",
        [request("/a/b", "X_Mode: evil"), request("/a/b", "X.Mode: evil")],
        says(lambda asked: field_of(asked, "x-mode"), KEEP, (b"Vary", b"X-Mode")),
    ),
    Attack(
        "another spelling, behind the right one",
        [request("/a/b", "X-Mode: good", "X_Mode: evil")],
        says(lambda asked: field_of(asked, "x-mode"), KEEP, (b"Vary", b"X-Mode")),
        request("/a/b", "X-Mode: good"),
    ),
    Attack(
        "another spelling of a field in the key",
        [request("/a/b", "X_Mode: evil")],
        says(lambda asked: field_of(asked, "x-mode")),
        cache={"vary": ["X-Mode"]},
    ),
    Attack(
        "a path that the backend gets otherwise",
        [request("/a/b", "X-Mode: /evil")],
        says(lambda asked: asked.target),
        route={"transformations": {"request": {"query": {"set": {"mode": "${header.X-Mode}"}}}}},
    ),
    Attack(
        "a page for one origin",
        [request("/a/b", "Origin: https://evil.example")],
        lambda asked: ok(b"page", KEEP, (b"Access-Control-Allow-Origin", asked.headers.get(b"origin") or b"none")),
        route={"cors": {"allowed_origins": ["https://good.example"]}},
        victim=request("/a/b", "Origin: https://good.example"),
    ),
]
