"""Listeners, and the hosts of servers."""

from __future__ import annotations

import pytest

from gateway.importing.nginx.listening import Door, Listen, covers, doors, listen, names
from gateway.importing.nginx.reading import parse


def said(*written: str) -> list[Listen]:
    """Read several `listen`s."""
    return [one for each in written if (one := listen(each.split())) is not None]


@pytest.mark.parametrize(
    ("written", "address", "port", "six"),
    [
        ("80", "", 80, False),
        ("*:80", "", 80, False),
        ("127.0.0.1:8080", "127.0.0.1", 8080, False),
        ("127.0.0.1", "127.0.0.1", 80, False),
        ("[::]:443", "", 443, True),
        ("[::1]:443", "[::1]", 443, False),
        ("unix:/run/x.sock", "unix:/run/x.sock", 0, False),
    ],
)
def test_forms_of_listen(written: str, address: str, port: int, *, six: bool) -> None:
    """An address, a port, or both; all addresses are none."""
    found = listen([written])

    assert found is not None
    assert found[:3] == (address, port, six)


def endpoint(*written: str, certificates: tuple[tuple[str, str], ...] = ()) -> object:
    """Return the endpoint of the one listener that comes of these."""
    (door,) = doors([said(*written)])
    door.certificates += certificates
    return door.as_data()["endpoint"]


def test_endpoints() -> None:
    """IPv6 beside IPv4 is one listener; one certificate is `ssl`, several are chosen by name."""
    pair = ("a/fullchain.pem", "a/privkey.pem")
    assert endpoint("80") == "tcp:80"
    assert endpoint("80", "[::]:80 ipv6only=on") == "tcp6:80"
    assert endpoint("127.0.0.1:80") == "tcp:80:interface=127.0.0.1"
    assert endpoint("[::1]:80") == "tcp6:80:interface=\\:\\:1"
    assert endpoint("unix:/run/x.sock") == "unix:/run/x.sock"
    assert endpoint("443 ssl", certificates=(pair,)) == "ssl:443:privateKey=a/privkey.pem:certKey=a/fullchain.pem"
    assert endpoint("443 ssl", certificates=(pair, ("b/c.pem", "b/k.pem"))) == "sni:443:certificates=a,b"


def test_a_server_that_says_nothing_listens_on_port_80() -> None:
    """As in nginx, run by root."""
    assert [door.name for door in doors([[]])] == ["80"]


def test_the_default_server() -> None:
    """The first of the port, unless another one says so."""
    first, second = doors([said("80", "81"), said("80", "81 default_server")])

    assert (first.default_server, second.default_server) == (0, 1)


def test_a_proxy_header() -> None:
    """Who asks for one gets one."""
    door = Door("80", said("80 proxy_protocol"))

    assert door.as_data() == {"name": "80", "endpoint": "tcp:80", "proxy_protocol": True}


def test_names() -> None:
    """A name with a dot before it is two; expressions and names with `*` at their end are told."""
    written = parse("server_name a.example .b.example _ ''; server_name www.c.*; server_name ~^d$;", "x")

    found = names(written)

    assert found.hosts == ("a.example", "*.b.example", "b.example")
    assert [each.words for each in found.unsayable] == [("www.c.*",), ("~^d$",)]


def test_which_names_are_below_others() -> None:
    """A wildcard is for all below its name, and not for the name itself."""
    assert covers("*.example", "a.example")
    assert covers("*.example", "*.a.example")
    assert not covers("*.example", "*.example")
    assert not covers("*.example", "example")
    assert not covers("a.example", "a.example")
