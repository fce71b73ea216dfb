"""Bootstraps of Envoy: virtual hosts in their order, clusters, filters."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from gateway.config import ConfigError
from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, plain, routes, upstreams

BOOTSTRAP = """
static_resources:
  listeners:
    - name: in
      address: {{socket_address: {{address: "{address}", port_value: 8080}}}}
      filter_chains:
        - filters:
            - typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                route_config:
                  virtual_hosts:
{hosts}
                http_filters: [{filters}]
  clusters:
    - name: a
{cluster}
      load_assignment: {{endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 10.0.0.1, port_value: 1}}}}}}}}]}}]}}
    - {{name: b, load_assignment: {{endpoints: []}}}}
"""  # noqa: E501 - an address of Envoy's is so long


V2 = {"request": {"path": {"replace": {"pattern": "^/", "with": "/v2"}}}}
GATEWAY = {"attempts": 1, "on": [502, 503, 504]}
BEGINS = "~^b\\."


def lines(draft: Draft) -> list[str]:
    """Return what was left out, clusters that no route goes to apart."""
    return [what for _, what in left(draft) if not what.startswith("static_resources.clusters")]


def made(hosts: str, directory: Path, *, filters: str = "", cluster: str = "", address: str = "0.0.0.0") -> Draft:
    """Return the draft of a bootstrap with these virtual hosts."""
    text = BOOTSTRAP.format(
        hosts=indent(hosts.strip("\n"), " " * 20), filters=filters, cluster=indent(cluster, " " * 6), address=address
    )
    return imported("envoy", text, directory)


def one(route: str, directory: Path, **other: str) -> Draft:
    """Return the draft of a bootstrap with one route for any host."""
    return made(f"- {{name: v, domains: ['*'], routes: [{route}]}}", directory, **other)


def test_the_first_that_fits(tmp_path: Path) -> None:
    """A broader route before a narrower one takes its requests; with a condition it gets the path of that one."""
    draft = made(
        """
- name: v
  domains: ["*"]
  routes:
    - {name: beta, match: {prefix: /, headers: [{name: x-beta}]}, route: {cluster: a}}
    - {name: x, match: {prefix: /x/}, route: {cluster: a}}
    - {name: never, match: {prefix: /x/y}, route: {cluster: b}}
    - {name: rest, match: {prefix: /}, route: {cluster: b}}""",
        tmp_path,
    )

    assert {name: route["path"] for name, route in routes(draft).items()} == {
        "beta": ["/*", "/x/*"],
        "x": "/x/*",
        "rest": "/*",
    }
    assert [what.rpartition(".")[2] for what in lines(draft)] == ["routes[2]"]


def test_no_request_leaves_its_virtual_host(tmp_path: Path) -> None:
    """Where another one is for more hosts, the rest of a virtual host is 404."""
    draft = made(
        """
- {name: a, domains: [a.example], routes: [{name: a, match: {path: /a}, route: {cluster: a}}]}
- {name: all, domains: ["*"], routes: [{name: all, match: {prefix: /}, route: {cluster: b}}]}""",
        tmp_path,
    )

    assert routes(draft)["a-else"] == {"name": "a-else", "host": "a.example", "path": "/*", "respond": {"status": 404}}


@pytest.mark.parametrize(
    ("match", "keys"),
    [
        ("{path: /x}", {"path": "/x"}),
        ("{path_separated_prefix: /x}", {"path": "/x/*"}),
        ("{safe_regex: {regex: '/x[0-9]'}}", {"path": "~/x[0-9]"}),
        ("{prefix: /, headers: [{name: ':method', string_match: {exact: PUT}}]}", {"path": "/*", "methods": ["PUT"]}),
        ("{prefix: /, headers: [{name: x-a, string_match: {prefix: b.}}]}", {"path": "/*", "headers": {"X-A": BEGINS}}),
        ("{prefix: /, headers: [{name: x-a, exact_match: b}]}", {"path": "/*", "headers": {"X-A": "b"}}),
        ("{prefix: /, query_parameters: [{name: q, present_match: true}]}", {"path": "/*", "query": {"q": "*"}}),
    ],
)  # fmt: skip
def test_matches(match: str, keys: dict[str, object], tmp_path: Path) -> None:
    """Conditions of a route, in the words of now and of before."""
    draft = one(f"{{name: r, match: {match}, route: {{cluster: a}}}}", tmp_path)

    assert {key: value for key, value in routes(draft)["r"].items() if key not in ("name", "upstream")} == keys
    assert lines(draft) == []


@pytest.mark.parametrize(
    "match", ["{prefix: /, headers: [{name: x, invert_match: true}]}", "{connect_matcher: {}}", "{prefix: '/a*'}"]
)
def test_matches_that_routes_have_no_words_for(match: str, tmp_path: Path) -> None:
    """The route is left out, and told."""
    draft = one(f"{{name: r, match: {match}, route: {{cluster: a}}}}", tmp_path)

    assert routes(draft) == {}
    assert len(lines(draft)) == 1


@pytest.mark.parametrize(
    ("action", "keys"),
    [
        ("redirect: {path_redirect: /y}", {"redirect": {"path": "/y", "status": 301}}),
        ("redirect: {prefix_rewrite: /y/}", {"redirect": {"path": "/y${path}", "status": 301}}),
        ("direct_response: {status: 410}", {"respond": {"status": 410}}),
        ("route: {cluster: none}", {"respond": {"status": 503}}),
        ("route: {cluster: a, timeout: 2.5s}", {"upstream": "a", "timeout": "2500ms"}),
        ("route: {cluster: a, prefix_rewrite: /v2}", {"upstream": "a", "transformations": V2}),
        ("route: {cluster: a, retry_policy: {retry_on: 'gateway-error'}}", {"upstream": "a", "retry": GATEWAY}),
    ],
)  # fmt: skip
def test_actions(action: str, keys: dict[str, object], tmp_path: Path) -> None:
    """What becomes of a request."""
    found = routes(one(f"{{name: r, match: {{prefix: /}}, {action}}}", tmp_path))["r"]

    assert {key: value for key, value in found.items() if key not in ("name", "path")} == keys


@pytest.mark.parametrize(
    ("match", "rewrite", "path", "leads"),
    [
        ("path: /a", "/b", "/a", "/b"),
        ("prefix: /a/", "/b/", "/a/{*rest}", "/b/${param.rest}"),
        ("prefix: /a/", "/b", "/a/{*rest}", "/b${param.rest}"),
        ("prefix: /a", "/b", "/a/{*rest}", "/b/${param.rest}"),
    ],
)
def test_a_redirect_by_prefix(match: str, rewrite: str, path: str, leads: str, tmp_path: Path) -> None:
    """What stands behind the prefix follows the new one, as Envoy puts them together."""
    draft = one(f"{{name: r, match: {{{match}}}, redirect: {{prefix_rewrite: {rewrite}}}}}", tmp_path)

    assert (routes(draft)["r"]["path"], routes(draft)["r"]["redirect"]["path"]) == (path, leads)


def test_a_redirect_by_prefix_behind_an_expression(tmp_path: Path) -> None:
    """The path has become an expression: the rest is a group of it."""
    draft = made(
        """
- name: v
  domains: ["*"]
  routes:
    - {name: x, match: {safe_regex: {regex: "/a/[0-9]+"}}, route: {cluster: a}}
    - {name: r, match: {prefix: /a/}, redirect: {prefix_rewrite: /b/}}""",
        tmp_path,
    )

    assert routes(draft)["r"]["path"] == "~/a(?:/(?P<rest>.*))?"


@pytest.mark.parametrize(
    "redirect",
    [
        "match: {safe_regex: {regex: /a}}, redirect: {prefix_rewrite: /b}",
        "match: {prefix: /a}, redirect: {regex_rewrite: {}}",
    ],
)
def test_a_redirect_to_who_knows_where(redirect: str, tmp_path: Path) -> None:
    """It answers 503 until somebody has written it."""
    draft = one(f"{{name: r, {redirect}}}", tmp_path)

    assert routes(draft)["r"]["respond"] == {"status": 503}
    assert [what.rpartition(".")[2] for what in lines(draft)][:1] == ["routes[0]"]


@pytest.mark.parametrize(
    ("match", "path"),
    [
        ("prefix: /in", "~/in.*"),
        ("prefix: /in/", "/in/*"),
        ("path_separated_prefix: /in", "/in/*"),
        ("path: /in", "/in"),
    ],
)
def test_a_prefix_that_refuses(match: str, path: str, tmp_path: Path) -> None:
    """It refuses what begins with its characters, which a route for more paths would take otherwise."""
    draft = made(
        f"""
- name: v
  domains: ["*"]
  routes:
    - {{name: r, match: {{{match}}}, direct_response: {{status: 403}}}}
    - {{name: rest, match: {{prefix: /}}, route: {{cluster: a}}}}""",
        tmp_path,
    )

    assert routes(draft)["r"]["path"] == path
    assert routes(draft)["rest"]["path"] == ("~/.*" if path.startswith("~") else "/*")


def test_a_direct_response_has_the_fields_that_are_added(tmp_path: Path) -> None:
    """Those that are the same for everybody: the others are listed."""
    pairs = (("x-a", "b"), ("content-type", "text/csv"), ("x-m", "'%REQ(:METHOD)%'"))
    fields = ", ".join(f"{{header: {{key: {key}, value: {value}}}}}" for key, value in pairs)
    draft = one(
        f"{{name: r, match: {{prefix: /}}, direct_response: {{status: 200}}, response_headers_to_add: [{fields}]}}",
        tmp_path,
    )

    assert routes(draft)["r"]["respond"] == {"status": 200, "content_type": "text/csv", "headers": {"X-A": "b"}}
    assert [what.rpartition(".")[2] for what in lines(draft)] == ["routes[0]"]


def test_clusters(tmp_path: Path) -> None:
    """Over TLS with HTTP/2, and by the name that the route asks for."""
    cluster = """lb_policy: LEAST_REQUEST
connect_timeout: 0.25s
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {explicit_http_config: {http2_protocol_options: {}}}
transport_socket:
  typed_config: {sni: s.internal, common_tls_context: {validation_context: {trusted_ca: {filename: ca.pem}}}}"""
    draft = one("{match: {prefix: /}, route: {cluster: a, auto_host_rewrite: true}}", tmp_path, cluster=cluster)

    assert upstreams(draft) == {
        "a": {
            "name": "a",
            "strategy": "least_connections",
            "backends": [{"url": "https://10.0.0.1:1"}],
            "protocol": "http2",
            "tls": {"server_name": "s.internal", "ca": "ca.pem"},
            "host_header": "backend",
        }
    }
    assert draft.top["timeouts"] == {"connect": "250ms"}


def test_tokens(tmp_path: Path) -> None:
    """The first rule whose path fits counts; one without a requirement asks for none."""
    filters = """{name: envoy.filters.http.jwt_authn, typed_config: {
      "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication,
      providers: {p: {issuer: "https://i", remote_jwks: {http_uri: {uri: "https://i/keys", cluster: a}}}},
      rules: [{match: {prefix: /open}}, {match: {prefix: /}, requires: {provider_name: p}}]}}"""
    hosts = """
- name: v
  domains: ["*"]
  routes:
    - {name: open, match: {prefix: /open}, route: {cluster: a}}
    - {name: rest, match: {prefix: /}, route: {cluster: a}}"""
    draft = made(hosts, tmp_path, filters=filters)

    assert "auth" not in routes(draft)["open"]
    assert routes(draft)["rest"]["auth"] == {"type": "jwt", "verifier": "p"}
    assert plain(draft.top["auth"])["jwt"]["p"]["jwks_url"] == "https://i/keys"


def test_a_filter_that_may_protect(tmp_path: Path) -> None:
    """Its routes let nobody in, rather than everybody."""
    draft = one(
        "{name: r, match: {prefix: /}, route: {cluster: a}}", tmp_path, filters="{name: envoy.filters.http.rbac}"
    )

    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert [made.data["expect"] for made in draft.tests] == [{"status": 403}]


def test_addresses(tmp_path: Path) -> None:
    """Of one interface, and of IPv6."""
    for address, endpoint in (("127.0.0.1", "tcp:8080:interface=127.0.0.1"), ("::", "tcp6:8080")):
        draft = one("{match: {prefix: /}, route: {cluster: a}}", tmp_path, address=address)
        assert [made.data["endpoint"] for made in draft.top["listeners"]] == [endpoint]


def test_a_file_without_listeners(tmp_path: Path) -> None:
    """It is an error."""
    with pytest.raises(ConfigError, match=r"expected `static_resources\.listeners`"):
        imported("envoy", "static_resources: {clusters: []}", tmp_path)


def tokens(rules: str) -> str:
    """Return a filter that asks for tokens by these rules."""
    kind = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
    providers = "p: {issuer: 'https://p', remote_jwks: {http_uri: {uri: 'https://p/keys', cluster: a}}}"
    providers += f", q: {providers[3:]}"
    return f"{{name: any, typed_config: {{'@type': {kind}, providers: {{{providers}}}, {rules}}}}}"


PUBLIC = "{match: {path: /public}}, {match: {prefix: /}, requires: {provider_name: p}}"


@pytest.mark.parametrize(
    ("rules", "route", "keys"),
    [
        # A rule below a route: all its requests are asked.
        ("{match: {prefix: /admin}, requires: {provider_name: p}}", "prefix: /", "auth"),
        # A rule for one path lets nobody else in who begins with it.
        (
            "{match: {path: /public}}, {match: {prefix: /}, requires: {provider_name: p}}",
            "prefix: /publications",
            "auth",
        ),
        ("{match: {path: /public}}, {match: {prefix: /}, requires: {provider_name: p}}", "path: /public", ""),
        ("{match: {prefix: /a}, requires: {provider_name: p}}", "safe_regex: {regex: '/.*'}", "auth"),
        # One of two tokens cannot be asked for, nor what has conditions of its own.
        (
            "{match: {prefix: /a}, requires: {provider_name: p}}, {match: {prefix: /}, requires: {provider_name: q}}",
            "prefix: /",
            "ip_deny",
        ),
        ("{match: {prefix: /, headers: [{name: x-open}]}}", "prefix: /", "ip_deny"),
    ],
)
def test_a_rule_for_some_paths_of_a_route(rules: str, route: str, keys: str, tmp_path: Path) -> None:
    """Nobody gets in without a token who did not before."""
    draft = one(f"{{match: {{{route}}}, route: {{cluster: a}}}}", tmp_path, filters=tokens(f"rules: [{rules}]"))

    assert {"auth", "ip_deny"} & set(routes(draft)["v-1"]) == ({keys} if keys else set())


@pytest.mark.parametrize("route", ["runtime_fraction: {}", "tls_context: {presented: true}", "dynamic_metadata: []"])
def test_a_route_with_a_condition_that_is_not_known_is_left_out(route: str, tmp_path: Path) -> None:
    """Without it, it would take requests that it is not for."""
    draft = one(f"{{match: {{prefix: /, {route}}}, route: {{cluster: a}}}}", tmp_path)

    assert routes(draft) == {}
    assert any(what.endswith("virtual_hosts[0].routes[0]") for _, what in left(draft))


RBAC = "{name: cache, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC}}"


@pytest.mark.parametrize(
    ("filters", "closed"),
    [
        ("{name: our.own.filter, typed_config: {a: b}}", True),
        (RBAC, True),
        ("{name: envoy.filters.http.fault}", False),
        (tokens("rules: [], requirement_map: {r: {provider_name: p}}"), True),
    ],
)
def test_a_filter_that_may_protect_closes_its_routes(filters: str, closed: bool, tmp_path: Path) -> None:
    """What is known by its type, or not known at all; not what is known to protect nothing."""
    draft = one("{match: {prefix: /}, route: {cluster: a}}", tmp_path, filters=filters)

    assert ("ip_deny" in routes(draft)["v-1"]) is closed
    assert left(draft)


@pytest.mark.parametrize(
    "chain",
    [
        "filter_chain_match: {source_prefix_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}",
        "transport_socket: {name: tls, typed_config: {require_client_certificate: true}}",
    ],
)
def test_a_chain_that_lets_in_some_closes_its_routes(chain: str, tmp_path: Path) -> None:
    """By addresses or certificates, which are not carried over."""
    hosts = "- {name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: a}}]}"
    text = BOOTSTRAP.format(hosts=indent(hosts, " " * 20), filters="", cluster="", address="0.0.0.0")
    opened = imported("envoy", text, tmp_path)
    closed = imported("envoy", text.replace("- filters:", f"- {chain}\n          filters:"), tmp_path)

    assert "ip_deny" not in routes(opened)["v-1"]
    assert routes(closed)["v-1"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
