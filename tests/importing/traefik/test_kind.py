"""Whole files of Traefik: priorities, entry points, services."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.importing.kinds import convert
from tests.importing.imported import imported, left, routes, upstreams

SERVICES = """
  services:
    a: {loadBalancer: {servers: [{url: "http://127.0.0.1:1"}]}}
    b: {loadBalancer: {servers: [{url: "http://127.0.0.1:2"}]}}
"""


def test_the_longer_rule_goes_first(tmp_path: Path) -> None:
    """And one with a priority before that: who is never asked is told."""
    draft = imported(
        "traefik",
        """
http:
  routers:
    short: {rule: "PathPrefix(`/x`)", service: a}
    long: {rule: "PathPrefix(`/x/y`)", service: b}
    first: {rule: "PathPrefix(`/z`)", service: b, priority: 99}
    never: {rule: "PathPrefix(`/z/a`)", service: a}"""
        + SERVICES,
        tmp_path,
    )

    assert {name: route["path"] for name, route in routes(draft).items()} == {
        "first": "/z/*",
        "long": "/x/y/*",
        "short": "/x/*",
    }
    assert left(draft) == [(7, "http.routers.never")]


def test_entry_points(tmp_path: Path) -> None:
    """Those of the same file are listeners; one that sends everybody on has one route."""
    draft = imported(
        "traefik",
        """
entryPoints:
  web: {address: ":80", http: {redirections: {entryPoint: {to: websecure, scheme: https}}}}
  websecure: {address: "127.0.0.1:443"}
tls: {certificates: [{certFile: c.pem, keyFile: k.pem}]}
http:
  routers: {app: {rule: "PathPrefix(`/`)", service: a, entryPoints: [websecure], tls: {}}}"""
        + SERVICES,
        tmp_path,
    )

    assert [made.data["endpoint"] for made in draft.top["listeners"]] == [
        "tcp:80",
        "ssl:443:privateKey=k.pem:certKey=c.pem:interface=127.0.0.1",
    ]
    assert routes(draft)["web-redirect"]["redirect"] == {"scheme": "https", "status": 308}
    assert routes(draft)["app"]["listeners"] == ["websecure"]


def test_services(tmp_path: Path) -> None:
    """Transports, cookies and names of backends; what is not there is told, and answers 503."""
    draft = imported(
        "traefik",
        """
http:
  routers:
    one: {rule: "Path(`/1`)", service: one}
    two: {rule: "Path(`/2`)", service: two}
    three: {rule: "Path(`/3`)", service: api@internal}
  serversTransports: {t: {serverName: s.internal, insecureSkipVerify: true}}
  services:
    one:
      loadBalancer:
        passHostHeader: false
        serversTransport: t
        servers: [{url: "https://127.0.0.1:1/base"}]
    two: {failover: {service: one, fallback: none}}""",
        tmp_path,
    )

    assert upstreams(draft) == {
        "one": {
            "name": "one",
            "backends": [{"url": "https://127.0.0.1:1"}],
            "host_header": "backend",
            "tls": {"verify": False, "server_name": "s.internal"},
        }
    }
    assert routes(draft)["three"]["respond"] == {"status": 503}
    assert routes(draft)["two"]["upstream"] == "one"
    assert [line for line, _ in left(draft)] == [6, 13, 14]


def test_a_file_without_routers(tmp_path: Path) -> None:
    """It is an error."""
    with pytest.raises(ConfigError, match=r"expected `http\.routers`"):
        imported("traefik", "http: {services: {}}", tmp_path)


@pytest.mark.parametrize(
    ("options", "closed"),
    [("options: mtls", True), ("options: optional@file", False), ("options: mtls@consul", True), ("", False)],
)
def test_options_that_ask_for_certificates_close_the_route(options: str, closed: bool, tmp_path: Path) -> None:
    """Also where they are in no file; the endpoint has to say so first."""
    text = "http:\n  routers: {app: {rule: 'PathPrefix(`/api`)', service: app, tls: {%s}}}\n" % options  # noqa: UP031
    text += "  services: {app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}}\n"
    text += "tls: {options: {mtls: {clientAuth: {clientAuthType: RequireAndVerifyClientCert}},"
    text += " optional: {clientAuth: {clientAuthType: RequestClientCert}}}}\n"
    draft = imported("traefik", text, tmp_path)

    assert ["ip_deny" in made.data for made in draft.routes] == [closed]


ROUTERS = """
http:
  routers:
    web: {rule: "PathPrefix(`/a`)", service: s, entryPoints: [web]}
    private: {rule: "PathPrefix(`/b`)", service: s, entryPoints: [internal]}
    both: {rule: "PathPrefix(`/c`)", service: s, entryPoints: [web, internal]}
  middlewares: {inside: {ipAllowList: {sourceRange: [10.0.0.0/8]}}}
  services: {s: {loadBalancer: {servers: [{url: "http://127.0.0.1:1"}]}}}
"""


@pytest.mark.parametrize("more", ["", "entryPoints: {web: {address: ':80'}}\n"])
def test_a_router_on_an_entry_point_that_is_not_there_is_closed(more: str, tmp_path: Path) -> None:
    """On the listener that is there everybody would get at what was for a network inside."""
    draft = imported("traefik", ROUTERS + more, tmp_path)

    assert {name for name, route in routes(draft).items() if "ip_deny" in route} == {"private"}
    assert (5, "http.routers.private.entryPoints") in left(draft)


def test_routers_that_are_all_on_one_entry_point_are_on_the_listener(tmp_path: Path) -> None:
    """Whatever it is called."""
    text = ROUTERS.replace("[web, internal]", "[main]").replace("[web]", "[main]").replace("[internal]", "[main]")

    assert not any("ip_deny" in route for route in routes(imported("traefik", text, tmp_path)).values())


def test_middlewares_of_an_entry_point_come_before_those_of_its_routers(tmp_path: Path) -> None:
    """Also where they are the only protection."""
    inside = "{address: ':81', http: {middlewares: [inside@file]}}"
    draft = imported("traefik", f"{ROUTERS}entryPoints: {{web: {{address: ':80'}}, internal: {inside}}}\n", tmp_path)

    found = {name: route.get("ip_allow") for name, route in routes(draft).items()}
    assert found == {"web": None, "private": ["10.0.0.0/8"], "both": ["10.0.0.0/8"]}


def test_a_file_of_toml(tmp_path: Path) -> None:
    """It becomes what the same file in YAML does; what is left out has its line."""
    yaml = """
http:
  routers:
    r: {rule: "Host(`a.example`) && PathPrefix(`/x`)", service: a, middlewares: [s], odd: 1}
  middlewares: {s: {stripPrefix: {prefixes: [/x]}}}
  services:
    a: {loadBalancer: {servers: [{url: "http://127.0.0.1:1", weight: 2}, {url: "http://127.0.0.1:2"}]}}
"""
    file = tmp_path / "dynamic.toml"
    file.write_text("""
[http.routers.r]
  rule = "Host(`a.example`) && PathPrefix(`/x`)"
  service = "a"
  middlewares = ["s"]
  odd = 1

[http.middlewares.s.stripPrefix]
  prefixes = ["/x"]

[http.services.a.loadBalancer]
  [[http.services.a.loadBalancer.servers]]
    url = "http://127.0.0.1:1"
    weight = 2
  [[http.services.a.loadBalancer.servers]]
    url = "http://127.0.0.1:2"
""")

    draft, same = convert("traefik", str(file)), imported("traefik", yaml, tmp_path)

    assert (routes(draft), upstreams(draft)) == (routes(same), upstreams(same))
    assert left(draft) == [(6, "http.routers.r.odd")]
    assert [made.place.line for made in (*draft.routes, *draft.upstreams)] == [2, 11]
