"""Attacks by what is asked for: another host, path or query, or a field that says another one."""

from __future__ import annotations

from functools import partial

from tests.flow.cache_attacks import Attack, cloaked, field_of, request, says

OVERRIDES = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Scheme": "http",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Path": "/evil",
    "X-Forwarded-Uri": "/evil",
    "X-Forwarded-Ssl": "off",
    "X_Forwarded_Host": "evil.example",
    "X.Forwarded.Host": "evil.example",
    "Forwarded": "host=evil.example;proto=http",
    "Front-End-Https": "off",
    "X-Url-Scheme": "javascript",
    "X-Original-URL": "/evil",
    "X-Rewrite-URL": "/evil",
    "X_Original_URL": "/evil",
    "X-Override-URL": "/evil",
    "X-Original-Host": "evil.example",
    "X-Host": "evil.example",
    "X-HTTP-Host-Override": "evil.example",
    "X-Proxy-URL": "http://evil",
    "X-HTTP-Method-Override": "POST",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "HEAD",
    "X_HTTP_Method_Override": "PUT",
    "X-HTTP-Path-Override": "/evil",
    "X-HTTP-DestinationURL": "/evil",
    "Base-Url": "http://evil",
    "Request-Uri": "/evil",
    "X-Script-Name": "/evil",
    "X-Scheme": "javascript",
    "X-Original-URI": "/evil",
    "X-Envoy-Original-Path": "/evil",
    "X-ProxyContextPath": "/evil",
    "True-Client-IP": "127.0.0.1",
    "X-Forwarded-For": "<script>evil</script>",
    "X_Forwarded_For": "127.0.0.1",
    "X-Original-Forwarded-For": "127.0.0.1",
    "X-Real-IP": "127.0.0.1",
    "X-User-ID": "admin",
}
"""Fields by which one framework or another learns what was asked for, and by whom, whatever the request line says."""

READ = {
    "dots": "/a/./b",
    "dots up": "/a/c/../b",
    "slashes": "/a//b",
    "slashes first": "//a/b",
    "escaped": "/a/%62",
    "escaped slash": "/a%2fb",
    "escaped case": "/a/b%2F",
    "backslash": "/a\\b",
    "parameters": "/a/b;x",
    "a slash more": "/a/b/",
    "case": "/A/B",
    "a lone ?": "/a/b?",
    "two ?": "/a/b??",
    "an empty parameter": "/a/b?&",
    "a fragment": "/a/b%23x",
    "a line feed": "/a/b%0aX:%20y",
    "a null": "/a/b%00",
    "another authority": "http://evil.example/a/b",
    "the same authority": "http://gateway.test/a/b",
    "a suffix": "/a/b/x.css",
    "an escaped suffix": "/a/b%2fx.css",
    "an escaped ?": "/a/b%3fx",
}
"""Targets that some server takes for `/a/b`, or some cache."""

REQUESTS = [
    *(
        Attack(
            f"unkeyed {name}",
            [request("/a/b", f"{name}: {value}")],
            says(partial(field_of, name=name)),
        )
        for name, value in OVERRIDES.items()
    ),
    *(
        Attack(
            f"unkeyed Forwarded: {value}",
            [request("/a/b", f"Forwarded: {value}")],
            says(partial(field_of, name="forwarded")),
        )
        for value in (
            "for=127.0.0.1",
            'for="[::1]:80";by=evil;host=evil.example',
            'x="a,b;host=gateway.test";host=evil.example',
            'host="evil.example',
            "for=a, for=b;proto=http",
            "for=a\r\nForwarded: host=evil.example",
        )
    ),
    *(Attack(f"path: {name}", [request(target)], says(lambda asked: asked.target)) for name, target in READ.items()),
    Attack("fat GET", [request(body=b"x=evil")], says(lambda asked: asked.body)),
    Attack(
        "fat GET in chunks",
        [request("/a/b", "Transfer-Encoding: chunked") + b"6\r\nx=evil\r\n0\r\nX-Host: e\r\n\r\n"],
        says(lambda asked: asked.body),
    ),
    Attack("fat HEAD", [request(body=b"x=evil", method="HEAD")], says(lambda asked: asked.body)),
    Attack("case of Host", [request(host="GATEWAY.Test")], says(lambda asked: asked.headers.get(b"host"))),
    Attack("port of Host", [request(host="gateway.test:1337")], says(lambda asked: asked.headers.get(b"host"))),
    Attack("port of the scheme", [request(host="gateway.test:80")], says(lambda asked: asked.headers.get(b"host"))),
    Attack("a dot behind Host", [request(host="gateway.test.")], says(lambda asked: asked.headers.get(b"host"))),
    Attack("two hosts, one backend", [request(host="evil.example")], says(lambda asked: asked.headers.get(b"host"))),
    Attack("two Hosts", [request("/a/b", "Host: evil.example")], says(lambda asked: asked.headers.get_all(b"host"))),
    Attack(
        "a host in the target",
        [request("http://evil.example/a/b")],
        says(lambda asked: (asked.target, asked.headers.get(b"host"))),
    ),
    Attack("; separates parameters", [request("/a/b?x=1;x=evil")], says(cloaked), request("/a/b?x=1")),
    Attack(
        "; in one that does not count",
        [request("/a/b?x=1&utm=1;x=evil")],
        says(cloaked),
        request("/a/b?x=1"),
        cache={"query": ["x"]},
    ),
    Attack("; first", [request("/a/b?utm=1;x=evil&x=1")], says(cloaked), request("/a/b?x=1"), cache={"query": ["x"]}),
    Attack(
        "; in one that counts",
        [request("/a/b?x=1;y=2;x=evil")],
        says(cloaked),
        request("/a/b?x=1"),
        cache={"query": ["x"]},
    ),
    Attack("the last of two", [request("/a/b?x=1&x=evil")], says(cloaked), request("/a/b?x=1"), cache={"query": ["x"]}),
    Attack(
        "an escaped name", [request("/a/b?%78=evil&x=1")], says(cloaked), request("/a/b?x=1"), cache={"query": ["x"]}
    ),
    Attack(
        "one that does not count",
        [request("/a/b?x=1&utm=evil")],
        says(lambda asked: asked.target),
        request("/a/b?x=1"),
        cache={"query": ["x"]},
    ),
    Attack("none counts", [request("/a/b?x=evil")], says(lambda asked: asked.target), cache={"query": "none"}),
]
