"""Whole configurations of nginx: hosts, listeners, what inherits, what is left."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigError
from gateway.importing.draft import Draft
from gateway.importing.kinds import KINDS, convert
from gateway.importing.nginx.reading import Directive, parse, read
from tests.importing.imported import imported, left, plain
from tests.imports.goldens import HERE

PLANTED = "planted_key"


def routes(draft: Draft) -> list[dict[str, Any]]:
    """Return the routes, in order."""
    found: list[dict[str, Any]] = plain(draft.routes)
    return found


def test_certbot(tmp_path: Path) -> None:
    """What certbot writes: a port that sends to the other, which has the certificate; IPv6 beside IPv4."""
    draft = imported(
        "nginx",
        """
        server {
            server_name a.example;
            location / { proxy_pass http://127.0.0.1:9001; proxy_set_header Host $host; }
            listen [::]:443 ssl ipv6only=on; listen 443 ssl;
            ssl_certificate live/fullchain.pem; ssl_certificate_key live/privkey.pem;
        }
        server {
            if ($host = a.example) { return 301 https://$host$request_uri; }
            listen 80; listen [::]:80;
            server_name a.example;
            return 404;
        }""",
        tmp_path,
    )

    assert [one["endpoint"] for one in plain(draft.top["listeners"])] == [
        "ssl:443:privateKey=live/privkey.pem:certKey=live/fullchain.pem:interface=\\:\\:",
        "tcp6:80",
    ]
    assert routes(draft) == [
        {"path": "/*", "listeners": ["443"], "upstream": "127.0.0.1:9001"},
        {"host": "a.example", "path": "/*", "listeners": ["80"], "redirect": {"scheme": "https", "status": 301}},
        {"path": "/*", "listeners": ["80"], "respond": {"status": 404}},
    ]
    assert left(draft) == []


def test_a_server_with_names_keeps_its_requests(tmp_path: Path) -> None:
    """A path that none of its locations takes is 404, and not the default server's."""
    draft = imported(
        "nginx",
        """server { listen 80; location / { proxy_pass http://127.0.0.1:1; } }
        server { listen 80; server_name b.example; location /b/ { proxy_pass http://127.0.0.1:2; } }
        server { listen 80; server_name ~^c; location / { proxy_pass http://127.0.0.1:3; } }""",
        tmp_path,
    )

    assert routes(draft)[1:] == [
        {"host": "b.example", "path": "/b", "redirect": {"path": "${path}/", "status": 301}},
        {"host": "b.example", "path": "/b/*", "upstream": "127.0.0.1:2"},
        {"host": "b.example", "path": "/*", "respond": {"status": 404}},
    ]
    assert left(draft) == [(3, "server")]


def test_a_default_server_below_the_name_of_another(tmp_path: Path) -> None:
    """Its own name goes before the other's `*.`, so that its routes are there for that name, too."""
    draft = imported(
        "nginx",
        """server { listen 80; server_name a.b.example; location / { proxy_pass http://127.0.0.1:1; } }
        server { listen 80; server_name *.b.example; location / { proxy_pass http://127.0.0.1:2; } }""",
        tmp_path,
    )

    assert [(one.get("host"), one["upstream"]) for one in routes(draft)] == [
        ("a.b.example", "127.0.0.1:1"),
        (None, "127.0.0.1:1"),
        ("*.b.example", "127.0.0.1:2"),
    ]


def test_files_are_not_served(tmp_path: Path) -> None:
    """Such a location is told, and answers 404: no broader one takes its requests. A fallback is where all go."""
    draft = imported(
        "nginx",
        """server {
            location / { try_files $uri @app; }
            location /img/ { root /srv; expires 1h; }
            location ~ \\.php$ { fastcgi_pass 127.0.0.1:9000; }
            location @app { proxy_pass http://127.0.0.1:1; }
        }""",
        tmp_path,
    )

    assert routes(draft) == [
        {"path": "~.*\\.php", "respond": {"status": 404}},
        {"path": "~/img/.*", "respond": {"status": 404}},
        {"path": "~/.*", "upstream": "127.0.0.1:1"},
    ]
    assert [line for line, _ in left(draft)] == [2, 3, 4]


def test_what_holds_for_all(tmp_path: Path) -> None:
    """Times and sizes of `http` are those of the gateway; those that differ below are told, or are the route's."""
    draft = imported(
        "nginx",
        """http {
            proxy_connect_timeout 2s; proxy_read_timeout 10s; client_max_body_size 5m; keepalive_timeout 20s;
            gzip on; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For;
            server {
                location / { proxy_pass http://127.0.0.1:1; proxy_connect_timeout 9s; proxy_read_timeout 30s; }
            }
        }""",
        tmp_path,
    )

    assert draft.top["timeouts"] == {"connect": "2s", "client_idle": "20s"}
    assert draft.top["limits"] == {"request_body": "5MiB"}
    assert draft.top["defaults"] == {"route": {"timeout": "10s"}}
    assert draft.top["trusted_proxies"] == ["10.0.0.0/8"]
    assert routes(draft) == [{"path": "/*", "upstream": "127.0.0.1:1", "timeout": "30s"}]
    assert left(draft) == [(5, "proxy_connect_timeout 9s")]


def test_a_file_without_servers(tmp_path: Path) -> None:
    """It is an error."""
    with pytest.raises(ConfigError, match="expected a `server`, found none"):
        imported("nginx", "http { gzip on; }", tmp_path)


def test_a_value_that_is_none(tmp_path: Path) -> None:
    """It is an error, too, and no traceback."""
    with pytest.raises(ConfigError, match="expected what nginx takes, found soon"):
        imported("nginx", "proxy_read_timeout soon; server { location / { proxy_pass http://a; } }", tmp_path)


def _given(root: Directive, _: str) -> Directive:
    return root


def blocks(directive: Directive) -> list[Directive]:
    """Return a directive and those below it that have blocks."""
    below = [one for each in directive.block or () for one in blocks(each)]
    return [directive, *below] if directive.block is not None else below


@pytest.mark.parametrize("source", [path.name for path in sorted((HERE / "nginx").glob("*.conf"))])
def test_a_directive_that_nobody_knows_is_listed_wherever_it_stands(source: str) -> None:
    """Planted into each block in turn, it is listed, or a block around it is."""
    file = str(HERE / "nginx" / source)
    silent = []
    for number in range(len(blocks(read(file)))):
        root = read(file)
        block = blocks(root)[number]
        if block.name in ("map", "types", "if"):  # what stands in these are no directives
            continue
        (planted,) = parse(f"{PLANTED} 1;", file)
        assert block.block is not None
        block.block.append(planted)
        made = convert("nginx", file, {"nginx": KINDS["nginx"]._replace(read=partial(_given, root))})
        if not any(one.what.startswith(PLANTED) or one.place == block.place for one in made.left):
            silent.append(block.path)

    assert silent == []


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("deny 300.1.1.1;", "'300.1.1.1' does not appear to be an IPv4 or IPv6 network"),
        ("allow 10.0.0.0/99;", "'10.0.0.0/99' does not appear to be an IPv4 or IPv6 network"),
        ("proxy_read_timeout zz;", "zz"),
        ("auth_basic; auth_basic_user_file;", "a directive without its value"),
    ],
)
def test_a_value_that_nginx_would_not_take_is_told_with_the_line_of_its_location(
    tmp_path: Path, written: str, found: str
) -> None:
    """In a file of many servers, the first line of the file would be of no use."""
    text = f"server {{\n  location /a {{\n    {written} proxy_pass http://10.0.0.1;\n  }}\n}}\n"

    with pytest.raises(ConfigError) as raised:
        imported("nginx", text, tmp_path)

    assert str(raised.value.problems[0]).endswith(f":2:3: location /a: expected what nginx takes, found {found}")
