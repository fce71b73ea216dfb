from __future__ import annotations

from pathlib import Path

import pytest

from gateway import config
from gateway.config.proxies import ProxyError, as_mapping, as_text, parse

LOOPBACK = "tcp:8080:interface=127.0.0.1"


@pytest.mark.parametrize(
    ("form", "endpoint", "path", "backend"),
    [
        ("8080=http://127.0.0.1:9001", LOOPBACK, "/*", "http://127.0.0.1:9001"),
        ("8080=9001", LOOPBACK, "/*", "http://127.0.0.1:9001"),
        ("=9001", LOOPBACK, "/*", "http://127.0.0.1:9001"),
        ("8080=:9001", LOOPBACK, "/*", "http://127.0.0.1:9001"),
        ("localhost:8080=App.internal:80", LOOPBACK, "/*", "http://app.internal:80"),
        ("127.0.0.2:80=https://example.com", "tcp:80:interface=127.0.0.2", "/*", "https://example.com"),
        ("0.0.0.0:8080=9001", "tcp:8080", "/*", "http://127.0.0.1:9001"),
        ("*:8080=9001", "tcp:8080", "/*", "http://127.0.0.1:9001"),
        ("[::1]:8080=[::1]:9001", r"tcp6:8080:interface=\:\:1", "/*", "http://[::1]:9001"),
        ("/api=9001", LOOPBACK, "/api/*", "http://127.0.0.1:9001"),
        ("8080/api/=9001", LOOPBACK, "/api/*", "http://127.0.0.1:9001"),
        ("8080/api/*=9001", LOOPBACK, "/api/*", "http://127.0.0.1:9001"),
    ],
)
def test_a_form_is_read(form: str, endpoint: str, path: str, backend: str) -> None:
    """What is left out is this machine, port 8080, every path."""
    assert parse(form) == (endpoint, path, backend)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("", "expected [[ADDRESS:]PORT][/PATH]=BACKEND"),
        ("8080", 'found "8080"'),
        ("8080=", 'found "8080="'),
        ("http://127.0.0.1:9001", "BACKEND, such as"),
        ("70000=9001", "expected a port from 0 to 65535, found 70000"),
        ("example.com:8080=9001", 'before the port, found "example.com"'),
        ("8080=70000", "expected a port, HOST:PORT or a URL with a port from 1 to 65535"),
        ("8080=ftp://h", 'found "ftp://h"'),
        ("8080=http://user:secret@h", 'found "http://**********@h"'),
        ("8080/a?b=9001", 'found "/a?b"'),
        ("8080/a/../b=9001", "without `.` and `..`"),
    ],
)
def test_what_is_no_form_is_refused(form: str, words: str) -> None:
    """With what was wanted, and no credential in the words."""
    with pytest.raises(ProxyError) as refused:
        parse(form)

    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


def test_several_on_one_port_are_paths_and_backends() -> None:
    """The same place twice is one upstream with two backends."""
    assert as_mapping(["8080=9001", "8080/api=9002", "8080/api=9003", "/API=9004", "/a-pi=9005", "/a/pi=9006"]) == {
        "listeners": [{"endpoint": LOOPBACK}],
        "upstreams": [
            {"name": "app", "backends": [{"url": "http://127.0.0.1:9001"}]},
            {"name": "api", "backends": [{"url": "http://127.0.0.1:9002"}, {"url": "http://127.0.0.1:9003"}]},
            {"name": "API", "backends": [{"url": "http://127.0.0.1:9004"}]},
            {"name": "a-pi", "backends": [{"url": "http://127.0.0.1:9005"}]},
            {"name": "a-pi-2", "backends": [{"url": "http://127.0.0.1:9006"}]},
        ],
        "routes": [
            {"name": "app", "path": "/*", "upstream": "app"},
            {"name": "api", "path": "/api/*", "upstream": "api"},
            {"name": "API", "path": "/API/*", "upstream": "API"},
            {"name": "a-pi", "path": "/a-pi/*", "upstream": "a-pi"},
            {"name": "a-pi-2", "path": "/a/pi/*", "upstream": "a-pi-2"},
        ],
    }


def test_several_ports_have_the_same_or_each_its_own() -> None:
    """Where they differ, a route is on the listener of its port."""
    made = as_mapping(["8080=9001", "8081=9001"])
    assert [one["endpoint"] for one in made["listeners"]] == [LOOPBACK, "tcp:8081:interface=127.0.0.1"]
    assert made["routes"] == [{"name": "app", "path": "/*", "upstream": "app"}]

    made = as_mapping(["8080=9001", "8081=9002", "127.0.0.2:8081=9003"])
    assert [one["name"] for one in made["listeners"]] == ["8080", "8081", "8081-2"]
    assert made["routes"] == [
        {"name": "app", "path": "/*", "listeners": ["8080"], "upstream": "app"},
        {"name": "app-2", "path": "/*", "listeners": ["8081"], "upstream": "app-2"},
        {"name": "app-3", "path": "/*", "listeners": ["8081-2"], "upstream": "app-3"},
    ]
    assert config.from_mapping(made).routes[1].listeners == ("8081",)


def test_a_backend_is_named_once() -> None:
    """In whatever form."""
    with pytest.raises(ProxyError, match="each backend once"):
        as_mapping(["8080=9001", "8080=http://127.0.0.1:9001"])


def test_a_backend_may_be_a_socket_or_a_path_of_a_server_elsewhere() -> None:
    """A server on the Internet is asked by its own name."""
    made = as_mapping(["/a=unix:/run/app.sock", "/b=https://example.com/v2"])

    assert made["upstreams"] == [
        {"name": "a", "backends": [{"url": "unix:/run/app.sock"}]},
        {"name": "b", "backends": [{"url": "https://example.com/v2"}], "host_header": "backend"},
    ]
    config.from_mapping(made)


def test_the_operators_port_may_be_another() -> None:
    """Where the default one is taken."""
    assert as_mapping(["8080=9001"], "tcp:0")["admin"] == {"endpoint": "tcp:0"}


def test_the_text_is_a_configuration_with_the_same_meaning(tmp_path: Path) -> None:
    """Saved as a file, it loads."""
    forms = ["8080=9001", "[::1]:8081=9001", "8080/api=https://example.com", "[::1]:8081/api=https://example.com"]
    file = tmp_path / "gateway.yaml"
    file.write_text(as_text(forms))

    assert config.load(file, {}) == config.from_mapping(as_mapping(forms), directory=tmp_path)
    assert "gateway run --proxy 8080=9001 --proxy" in file.read_text()
