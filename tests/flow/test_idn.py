"""Names in other scripts, from the configuration to the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.admin.hosts import is_own
from gateway.config import from_mapping
from gateway.config.effective import route_table
from gateway.testing import Harness

Make = Callable[..., Harness]
STREET = "xn--strae-oqa.example"


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("Straße.example", STREET),
        ("*.straße.example", f"shop.{STREET}"),
        (["example.com", "straße.example"], f"{STREET}:8080"),
        ("straße.example", f"{STREET.upper()}."),
        (STREET, STREET),
    ],
)
def test_a_route_for_a_name_that_clients_send_as_dns_has_it(make: Make, host: Any, asked: str) -> None:
    """Not the name that it would have been before 2008 (`strasse.example`), which is somebody else's."""
    made = make("orders", routes=[{"name": "r", "host": host, "path": "/", "upstream": "orders"}])

    assert made.get("/", Host=asked).status == 200
    assert made.get("/", Host="strasse.example").status == 404


@pytest.mark.parametrize("host", ["straße.example", "straße.example:80", "ΒΌΛΟΣ", "\u2488com"])
def test_a_name_as_it_is_written_is_no_host_on_the_wire(make: Make, host: str) -> None:
    """RFC 9110 section 7.2: servers would read it in several ways; nothing reaches a backend."""
    made = make("orders", routes=[{"host": "straße.example", "path": "/*", "upstream": "orders"}])

    client = made.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert client.received.startswith(b"HTTP/1.1 400")
    client = made.send(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert client.received.startswith(b"HTTP/1.1 400")
    assert made.backend("orders").requests == []


def test_a_redirect_leads_to_what_dns_has(make: Make) -> None:
    """`Location` is ASCII."""
    made = make(
        "orders",
        routes=[
            {"host": "straße.example", "path": "/", "redirect": {"scheme": "https"}},
            {"path": "/old", "redirect": {"host": "Bücher.example"}},
        ],
    )

    assert made.get("/", Host=STREET).headers.get(b"location") == f"https://{STREET}/".encode()
    assert made.get("/old").headers.get(b"location") == b"http://xn--bcher-kva.example/old"


def test_a_backend_and_the_name_that_it_sees() -> None:
    """Its URL, its Host and the name of its certificate."""
    settings = from_mapping(
        {
            "upstreams": [
                {
                    "name": "a",
                    "backends": [{"url": "https://Straße.example:8443"}],
                    "host_header": "bücher.example",
                    "tls": {"server_name": "ΒΌΛΟΣ.example"},
                    "health_check": {"headers": {"host": "straße.example:80", "X": "y"}},
                }
            ],
            "routes": [{"path": "/", "upstream": "a"}],
        }
    )
    (upstream,) = settings.upstreams

    assert upstream.backends[0].url == f"https://{STREET}:8443"
    assert upstream.host_header == "xn--bcher-kva.example"
    assert upstream.tls.server_name == "xn--nxasmq6b.example"
    assert upstream.health_check is not None
    assert upstream.health_check.headers == {"host": f"{STREET}:80", "X": "y"}


def test_the_admin_port_s_own_names() -> None:
    """`admin.hosts` in any script."""
    names = from_mapping({"admin": {"hosts": ["Straße.example", "*.bücher.example"]}}).admin.hosts

    assert is_own(f"{STREET}:9090", names)
    assert is_own("a.xn--bcher-kva.example", names)
    assert not is_own("strasse.example", names)


def test_people_see_the_name_that_they_have_written() -> None:
    """`gateway routes` has both forms; the name of a route is made from what was written."""
    settings = from_mapping({"routes": [{"host": ["straße.example", "example.com"], "path": "/", "respond": {}}]})
    (row,) = route_table(settings)

    assert row["host"] == f"straße.example ({STREET}), example.com"
    assert row["name"] == "straße.example/"
