from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Settings, load
from gateway.config.effective import as_yaml, at_once, effective, route_table

Load = Callable[..., Settings]
ETC = Path(__file__).parents[2] / "etc"


@pytest.mark.parametrize("name", ["gateway.yaml", "gateway.full.yaml"])
def test_what_is_written_back_means_the_same(load_text: Load, name: str) -> None:
    """The effective configuration is a configuration, and this version takes it."""
    settings = load(ETC / name, {})

    again = load_text(as_yaml(settings), supported_only=True)

    assert effective(again) == effective(settings)
    hidden = {"routes": ()}  # one has a condition, which is masked
    assert again.model_copy(update=hidden) == settings.model_copy(update=hidden)


@pytest.mark.parametrize("revealed", [False, True])
def test_what_is_written_by_parts_is_the_same(load_text: Load, revealed: bool) -> None:
    """In the same order, masked or not; of a revealed one the very same settings come back."""
    routes = "".join(f"  - {{name: r{number}, path: /{number}, upstream: u{number}}}\n" for number in range(25))
    upstreams = "".join(f"  - {{name: u{number}, backends: [{{url: 'http://h'}}]}}\n" for number in range(25))
    settings = load_text(f"admin: {{token: hunter2}}\nroutes:\n{routes}upstreams:\n{upstreams}")

    written = at_once(settings, revealed=revealed)

    assert written == effective(settings, revealed=revealed)
    assert list(written) == list(effective(settings))
    assert ("hunter2" in str(written)) is revealed
    assert not revealed or load_text(json.dumps(written)) == settings


def test_secrets_are_masked(load_text: Load) -> None:
    """Tokens, keys, and the password in a URL."""
    settings = load_text(
        """\
        admin: {token: hunter2}
        redis: {url: "redis://user:hunter2@127.0.0.1/0"}
        auth:
          jwt: {default: {algorithms: [HS256], secret: hunter2-hunter2-hunter2-hunter2-}}
          api_keys: {keys: [{id: a, key: hunter2}]}
          oauth: {clients: [{id: a, secret_hash: "scrypt:16:8:1$hunter2-hunter2$00000000000000000000000000000000"}]}
        """
    )

    written = as_yaml(settings)

    assert "hunter2" not in written
    assert "hunter2" not in repr(settings.admin) + repr(settings.auth)
    assert "redis://**********@127.0.0.1/0" in written
    assert settings.admin.token.get_secret_value() == "hunter2"


def test_whatever_shows_who_asks_is_masked(load_text: Load) -> None:
    """Fields and queries that a check sends or a route asks for, arguments of programs, what is added to requests."""
    settings = load_text(
        """\
        upstreams:
          - name: a
            backends: [{url: "http://10.0.0.1:8080"}]
            health_check:
              path: /health?key=hunter2
              headers: {Authorization: Basic hunter2, X-Number: "4711"}
              expected_headers: {X-Secret: hunter2}
              expected_body: hunter2
          - {name: b, backends: [], health_check: {type: script, command: [check, --password, hunter2]}}
        auth:
          jwt: {default: {jwks_url: "https://issuer.example/keys?key=hunter2"}}
          introspection: {default: {url: "https://issuer.example/ask?key=hunter2"}}
          forward: {default: {url: "https://issuer.example/auth?key=hunter2"}}
        plugins: [{name: p, class: a.B, config: {token: hunter2, deep: [{down: hunter2}]}}]
        routes:
          - name: r
            path: /
            upstream: a
            headers: {X-Key: hunter2, X-There: "*"}
            query: {key: ~hunter2}
            transformations:
              request:
                set_headers: {Authorization: Bearer hunter2, X-Id: "${request_id}"}
                query: {add: {key: hunter2}}
                body: {add: {key: hunter2, count: 4711}}
        """
    )
    written = as_yaml(settings)

    assert "hunter2" not in written
    assert "4711" not in written
    assert "hunter2" not in str(route_table(settings))
    for shown in ("/health?**********", "issuer.example/keys?**********", "X-There: '*'", "X-Id: ${request_id}"):
        assert shown in written


def test_a_null_that_says_something_is_kept(load_text: Load) -> None:
    """`query: null` turns the parameter off; leaving it out would turn it on."""
    settings = load_text("auth: {api_keys: {query: null}}")

    assert settings.auth is not None
    assert settings.auth.api_keys is not None
    assert settings.auth.api_keys.query is None
    assert load_text(as_yaml(settings)) == settings


def test_a_literal_dollar_brace_is_escaped_again(load_text: Load) -> None:
    """Except in transformations, where it was left as written."""
    settings = load_text(
        """\
        upstreams: [{name: a, backends: []}]
        routes:
          - path: /
            upstream: a
            auth: {type: jwt, scopes: ["$${literal}"]}
            transformations: {response: {set_headers: {X: "${latency}"}}}
        auth: {jwt: {default: {public_key_file: key.pem}}}
        """
    )

    assert settings.routes[0].auth is not None
    assert settings.routes[0].auth.scopes == ("${literal}",)
    assert load_text(as_yaml(settings)) == settings


def test_one_upstream_is_written_as_its_name(load_text: Load) -> None:
    """Several with their shares."""
    settings = load_text(
        "upstreams: [{name: a, backends: []}, {name: b, backends: []}]\n"
        "routes: [{path: /, upstream: [a]}, {path: /b, upstream: [{name: a, weight: 9}, b]}]"
    )

    assert [route["upstream"] for route in effective(settings)["routes"]] == [
        "a",
        [{"name": "a", "weight": 9}, {"name": "b", "weight": 1}],
    ]


def test_a_route_that_is_answered_here_is_written_back_so_that_it_loads(load_text: Load) -> None:
    """Without keys for backends: those are refused beside `redirect` and `respond`, at their defaults too."""
    settings = load_text("routes: [{path: /a, redirect: {path: /b}}, {path: /c, respond: {body: here}}]")

    assert load_text(as_yaml(settings)) == settings
    assert all("timeout" not in route for route in effective(settings)["routes"])


def test_backends_and_listeners_of_every_kind_are_written_back(load_text: Load) -> None:
    """IPv4, IPv6 and sockets, with names and base paths; the table of routes has the backends as they are called."""
    settings = load_text(
        "listeners: [{endpoint: 'unix:/run/g.sock:mode=660'}, {endpoint: 'tcp6:80:interface=\\:\\:1'}]\n"
        "trusted_proxies: ['unix:', '::1', 10.0.0.0/8]\n"
        "upstreams:\n"
        "- name: a\n"
        "  host_header: '[2001:db8::1]:8443'\n"
        "  rewrite_responses: true\n"
        "  backends: [{url: 'unix:/run/a.sock:/v2/'}, {url: 'https://[::1]:8443/v2'}, {url: 'http://127.0.0.1/v3'}]\n"
        "routes: [{path: /, upstream: a}]\n"
    )

    assert load_text(as_yaml(settings)) == settings
    assert route_table(settings)[0]["backends"] == [
        "unix:/run/a.sock:/v2",
        "https://[::1]:8443/v2",
        "http://127.0.0.1/v3",
    ]


def test_what_is_shared_out_copied_and_put_together_is_written_back(load_text: Load) -> None:
    """And the table of routes has columns for it where there is any."""
    upstreams = "upstreams: [{name: a, backends: [{url: 'http://h:1'}]}, {name: b, backends: []}]\n"
    settings = load_text(
        upstreams + "routes:\n"
        "- {path: /a, upstream: [a, b], split_on: 'header:X-Tenant', mirror: {upstream: b, ratio: 0.5}}\n"
        "- path: /b/:id\n"
        "  timeout: 5s\n"
        "  transformations: {response: {add_headers: {X-Time: '${latency}'}}}\n"
        "  aggregate:\n"
        "    parts:\n"
        "    - name: x\n"
        "      upstream: a\n"
        "      path: '/x?id=${param.id}&$${y}'\n"
        "      on_failure: {default: {n: [1.10, null, 'a'], o: null}}\n"
        "    - {name: z, upstream: b, path: /y, timeout: 1s, on_failure: {default: null}}\n"
    )

    assert load_text(as_yaml(settings)) == settings
    assert effective(settings)["routes"][1]["timeout"] == "5s"
    split, parts = route_table(settings)
    assert (split["split_on"], split["mirror"]) == ("header:X-Tenant", "b")
    assert (parts["split_on"], parts["mirror"], parts["methods"]) == ("-", "-", ["GET"])
    assert (parts["upstream"], parts["backends"]) == (["aggregate of a, b"], ["http://h:1"])
    assert {"split_on", "mirror"}.isdisjoint(route_table(load_text(upstreams + "routes: [{path: /, upstream: a}]"))[0])


@pytest.mark.parametrize(
    "kind",
    [
        "{type: dns, name: users.internal, port: 80}",
        "{type: dns_srv, name: _http._tcp.users.internal}",
        "{type: file, path: members.json, keep_empty: false}",
        "{type: consul, service: users, token: hunter2}",
        "{type: etcd, prefix: /users/, user: a, password: hunter2}",
        "{type: kubernetes, service: users, namespace: b}",
    ],
)
def test_discovery_of_every_type_is_written_back(load_text: Load, kind: str) -> None:
    """Without the keys of other types, which are refused."""
    settings = load_text(f"upstreams: [{{name: a, discovery: {kind}}}]")

    again = load_text(json.dumps(effective(settings, revealed=True)))
    assert again == settings
    assert "hunter2" not in as_yaml(settings)


@pytest.mark.parametrize("kind", ["format: loki, labels: {a: b}", "format: elasticsearch, index: a", "format: ndjson"])
def test_log_shipping_of_every_format_is_written_back(load_text: Load, kind: str) -> None:
    """Labels are Loki's, an index is Elasticsearch's."""
    settings = load_text(f"log_shipping: {{url: 'https://logs.example/push', {kind}}}")

    assert load_text(json.dumps(effective(settings, revealed=True))) == settings


@pytest.mark.parametrize("kind", ["database: keys.db", "driver: tests.storage.other_sql, connect: {file: hunter2}"])
def test_a_database_of_keys_is_written_back(load_text: Load, kind: str) -> None:
    """A file of sqlite3's, or what another driver connects by."""
    settings = load_text(f"auth: {{api_keys: {{store: sql, {kind}}}}}")

    assert load_text(json.dumps(effective(settings, revealed=True))) == settings
