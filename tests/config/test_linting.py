"""What `gateway lint` finds: each rule by an example."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.differences import differences
from gateway.config.doubts.rules import RULES
from gateway.config.effective import effective
from gateway.config.linting import lint, of_running

UPSTREAM = 'upstreams: [{name: a, backends: [{url: "http://127.0.0.1:9001"}]}]\n'
KEY = "secret: '${KEY}'"
JWT = f"auth: {{jwt: {{default: {{algorithms: [HS256], {KEY}, issuer: 'https://i', audience: [a]}}}}}}\n"
LOCAL_KEYS = JWT.replace("HS256", "RS256").replace(KEY, "jwks_url: 'http://127.0.0.1/keys'")
CHANGED = f"{UPSTREAM}routes: [{{path: /, upstream: a, transformations: {{request: %s}}}}]"

EXAMPLES = {
    "admin-open": 'admin: {endpoint: "tcp:9090"}',
    "authority-in-clear": LOCAL_KEYS.replace("127.0.0.1", "idp.example"),
    "answer": "routes: [{path: /a, redirect: {path: /a}}]",
    "base-path": 'upstreams: [{name: a, backends: [{url: "http://x/v1"}]}]\nroutes: [{path: /v1/*, upstream: a}]',
    "cache": f"{UPSTREAM}routes: [{{path: /, upstream: a, methods: [PUT], cache: {{}}}}]",
    "circuit-breaker": f"{UPSTREAM}circuit_breaker: {{close_on: health_check}}\nroutes: [{{path: /, upstream: a}}]",
    "clear-text": "auth: {basic: {users_file: users}}\nroutes: [{path: /, respond: {}, auth: {type: basic}}]",
    "client-address": 'listeners: [{endpoint: "unix:/tmp/g"}]\nip_deny: [10.0.0.0/8]\nroutes: [{path: /, respond: {}}]',
    "cors": "routes: [{path: /, respond: {}, cors: {}}]",
    "cors-any-origin": JWT.replace("issuer:", "from: ['cookie:t'], issuer:")
    + "routes: [{path: /, respond: {}, auth: {type: jwt}, cors: {allowed_origins: ['*']}}]",
    "discovery": f"{UPSTREAM}discovery_cache: known\nroutes: [{{path: /, upstream: a}}]",
    "dry-run": "routes: [{path: /, respond: {}, rate_limit: {rate: 1/s, dry_run: true}}]",
    "grpc-web": f"{UPSTREAM}routes: [{{path: /, upstream: a, grpc_web: true}}]",
    "impossible-timeout": f"{UPSTREAM}routes: [{{path: /, upstream: a, timeout: 60s, request_timeout: 30s}}]",
    "jwt-audience": JWT.replace(", audience: [a]", ""),
    "jwt-issuer": JWT.replace(", issuer: 'https://i'", ""),
    "limit-for-nobody": "routes: [{path: /, respond: {}, rate_limit: {rate: 1/s, except: [0.0.0.0/0]}}]",
    "limit-tier": "routes: [{path: /, respond: {}, rate_limit: {rate: 1/s, tiers: {role=admin: 0}}}]",
    "limit-without-auth": "routes: [{path: /, respond: {}, rate_limit: {rate: 1/s, scope: user}}]",
    "listener-routes": 'listeners: [{endpoint: "tcp:1"}, {endpoint: "tcp:2", name: b}]\n'
    "routes: [{path: /, respond: {}, listeners: [b]}]",
    "log-delivery": 'log_shipping: {url: "http://127.0.0.1:3100/", format: loki}',
    "mirror-twice": f"{UPSTREAM}routes: [{{path: /, upstream: a, mirror: {{upstream: a}}}}]",
    "no-effect": "routes: [{path: /, respond: {}, queue: {}}]",
    "no-routes": "routes: []",
    "nobody-admitted": "routes: [{path: /, respond: {}, ip_allow: [10.0.0.1], ip_deny: [10.0.0.0/8]}]",
    "plugin": "plugins: [{name: p, class: tests.plugins.Tell}]",
    "port-taken": 'listeners: [{endpoint: "tcp:9090:interface=127.0.0.1"}]',
    "retry-in-vain": f"{UPSTREAM}routes: [{{path: /, upstream: a, methods: [POST], retry: {{}}}}]",
    "retry-repeats": f"{UPSTREAM}routes: [{{path: /, upstream: a, retry: {{idempotency_key: true}}}}]",
    "secret-in-file": "admin: {token: in-the-open-for-everybody}",
    "sticky": UPSTREAM.replace("a,", "a, sticky: {cookie: c},") + "routes: [{path: /, upstream: a}]",
    "tls-unverified": UPSTREAM.replace("http:", "https:").replace("a,", "a, tls: {verify: false},"),
    "unknown-code": "routes: []  # gateway: ignore no-route",
    "unreachable-route": "routes: [{path: /a/:b, respond: {}}, {path: /a/:c, respond: {}}]",
    "unused": "groups: {internal: {timeout: 1s}}",
    "unused-ignore": "routes: []  # gateway: ignore cors",
    "unused-upstream": UPSTREAM,
    "upstream-tls": UPSTREAM.replace("a,", "a, tls: {server_name: x},") + "routes: [{path: /, upstream: a}]",
    "variable": "",
}
ENVIRONMENT = {"KEY": "k" * 32}


def found(directory: Path, text: str, **environment: str) -> list[tuple[str, int, str]]:
    """What is told of a configuration: code, line and key."""
    file = directory / "g.yaml"
    file.write_text(text or "routes: []")
    return [(one.code, one.line, one.path) for one in lint(file, ENVIRONMENT | environment).findings]


@pytest.mark.parametrize("code", RULES)
def test_each_rule_is_found(tmp_path: Path, code: str) -> None:
    """By an example of its own, and there are no others."""
    environment = {"GATWAY__LOG__LEVEL": "debug"} if code == "variable" else {}

    assert code in [one for one, *_ in found(tmp_path, EXAMPLES[code], **environment)]
    assert set(EXAMPLES) == set(RULES)


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("trusted_proxies: [10.0.0.1, '::/0']", "client-address", "trusted_proxies[1]"),
        ("routes: [{path: /, respond: {}, ip_deny: [0.0.0.0/0]}]", "nobody-admitted", "routes[0].ip_deny"),
        ("auth: {mtls: {}}\nroutes: [{path: /, respond: {}, auth: {type: mtls}}]", "nobody-admitted", "routes[0].auth"),
        (
            "routes: [{path: /, respond: {}, cors: {allowed_origins: ['null'], allow_credentials: true}}]",
            "cors-any-origin",
            "routes[0].cors.allowed_origins",
        ),
        (
            "auth: {introspection: {default: {url: 'http://idp.example/', client_id: a, client_secret: '${KEY}'}}}",
            "authority-in-clear",
            "auth.introspection.default.url",
        ),
        (
            CHANGED % "{query: {set: {api_key: abc}}}",
            "secret-in-file",
            "routes[0].transformations.request.query.set.api_key",
        ),
        (
            CHANGED % "{set_headers: {X-Auth-Token: abc}}",
            "secret-in-file",
            "routes[0].transformations.request.set_headers.X-Auth-Token",
        ),
    ],
)
def test_what_lets_everybody_or_nobody_in(tmp_path: Path, text: str, code: str, path: str) -> None:
    """Each at its key."""
    assert (code, path) in [(one, where) for one, _, where in found(tmp_path, text)]


@pytest.mark.parametrize(
    "text",
    [
        "trusted_proxies: [10.0.0.0/8, 'unix:']",
        'admin: {endpoint: "tcp:9091:interface=127.0.0.1"}',
        'admin: {endpoint: "unix:/run/admin.sock"}',
        "routes: [{path: /, respond: {}, ip_deny: [10.0.0.0/8]}]",
        "routes: [{path: /, respond: {}, ip_allow: [10.0.0.0/8]}]",
        f"{LOCAL_KEYS}routes: [{{path: /, respond: {{}}, auth: {{any_of: [jwt, mtls]}}}}]",
        "routes: [{path: /, respond: {}, cors: {allowed_origins: ['null']}}]",
        "routes: [{path: /, respond: {}, cors: {allowed_origins: ['https://a.example'], allow_credentials: true}}]",
        CHANGED % "{query: {set: {lang: en, token: '${KEY}'}}}",
        CHANGED % "{set_headers: {X-Env: production}}",
    ],
)
def test_what_is_usual_is_not_doubted(tmp_path: Path, text: str) -> None:
    """Else nobody would read what is told."""
    text = text if "routes:" in text else f"{text}\nroutes: [{{path: /, respond: {{}}}}]"

    assert found(tmp_path, text) == []


def test_what_is_told_is_told_by_a_rule_in_order(tmp_path: Path) -> None:
    """By line, each by a rule that there is; `strict` makes no error of it."""
    told = found(tmp_path, f"strict: true\n{EXAMPLES['retry-in-vain']}\n{EXAMPLES['jwt-issuer']}")

    assert told == [("retry-in-vain", 3, "routes[0].retry"), ("jwt-issuer", 4, "auth.jwt.default")]


def test_retries_that_are_as_they_should_be(tmp_path: Path) -> None:
    """Of what is idempotent; of what was not sent; none at all."""
    for said in ("methods: [GET], retry: {idempotency_key: true}", "methods: [POST], retry: {on: [connect]}",
                 "methods: [POST], retry: {attempts: 0}", "methods: [GET, POST], retry: {}"):  # fmt: skip
        assert found(tmp_path, f"{UPSTREAM}routes: [{{path: /, upstream: a, {said}}}]") == []


def test_calls_that_are_made_twice(tmp_path: Path) -> None:
    """Outcomes of gRPC are named."""
    text = f"{UPSTREAM}routes: [{{path: /, upstream: a, retry: {{on: [unavailable]}}}}]"

    assert found(tmp_path, text) == [("retry-repeats", 2, "routes[0].retry.on")]


def test_an_upstream_that_others_fall_back_to_is_used(tmp_path: Path) -> None:
    """Where a route leads to the one that falls back."""
    text = """\
upstreams:
  - {name: a, backends: [{url: "http://x"}], circuit_breaker: {fallback: {upstream: b}}}
  - {name: b, backends: [{url: "http://y"}]}
"""
    unused = [one for one in found(tmp_path, f"{text}routes: []") if one[0] == "unused-upstream"]
    assert unused == [("unused-upstream", 2, "upstreams[0]"), ("unused-upstream", 3, "upstreams[1]")]
    assert found(tmp_path, f"{text}routes: [{{path: /, upstream: a}}]") == []


SECRETS = """\
admin: {token: opens-the-admin-port}
redis: {url: "redis://:hunter2@127.0.0.1/0"}
auth:
  jwt: {default: {algorithms: [HS256], secret: it-is-at-least-thirty-two-octets, issuer: "https://i", audience: [a]}}
  api_keys: {keys: [{id: a, key: a-plain-key}]}
upstreams:
  - name: a
    backends: [{url: "http://x"}]
    health_check: {headers: {Authorization: Bearer t, Accept: "*/*"}}
routes: [{path: /, upstream: a, auth: {type: jwt}, headers: {X-Version: "2", Cookie: k}}]
tests: [{request: "http://x/", expect: {status: 200}}]
"""


def test_secrets_are_found_where_they_stand(tmp_path: Path) -> None:
    """Keys that are secrets, passwords in URLs, fields that hold credentials; variables and patterns are none."""
    assert [line for code, line, _ in found(tmp_path, SECRETS) if code == "secret-in-file"] == [1, 2, 4, 5, 9, 10]
    safe = SECRETS.replace("opens-the-admin-port", "'${KEY}'").replace("hunter2", "${KEY}").replace(": k}", ": '*'}")
    safe = safe.replace("it-is-at-least-thirty-two-octets", "'${KEY}'").replace("a-plain-key", "'${KEY}'")
    safe = safe.replace("Bearer t", "'Bearer ${KEY}'")
    assert [line for code, line, _ in found(tmp_path, safe) if code == "secret-in-file"] == []


RUNS = """\
strict: true
admin: {token: opens-the-admin-port}
auth:
  jwt: {default: {algorithms: [HS256], secret: it-is-at-least-thirty-two-octets, issuer: "https://i", audience: [a]}}
  api_keys: {keys: [{id: a, key: a-plain-key-of-sixteen}]}
upstreams: [{name: a, backends: [{url: "http://x"}], circuit_breaker: {}}]
routes:
  - {path: /, upstream: a, auth: {type: jwt}, transformations: {request: {add_headers: {X: "${request_id}"}}}}
  - {path: /o, upstream: a, auth: {type: api_key}, headers: {X: "$${z}"}}
"""


def test_what_a_gateway_shows_of_itself_says_what_its_files_say(tmp_path: Path) -> None:
    """Secrets are masked there: those of the other configuration are taken."""
    file = tmp_path / "g.yaml"
    file.write_text(RUNS)
    new = lint(file, {})

    shown = of_running(effective(new.loaded.settings), "http://127.0.0.1:9090/config", new)

    assert differences(shown.loaded.settings, new.loaded.settings) == ()
    assert {one.file for one in shown.findings} <= {"http://127.0.0.1:9090/config"}


def test_a_secret_that_only_a_running_gateway_has_is_made_up(tmp_path: Path) -> None:
    """That the other configuration has none at its place is a difference."""
    file = tmp_path / "g.yaml"
    file.write_text(RUNS)
    runs = lint(file, {}).loaded
    file.write_text(RUNS.replace("admin: {token: opens-the-admin-port}", "admin: {}"))
    new = lint(file, {})

    shown = of_running(effective(runs.settings), "live", new)

    assert [one.section for one in differences(shown.loaded.settings, new.loaded.settings)] == ["admin"]


HASHES = f"""\
auth:
  oauth:
    issuer: "https://i"
    audience: a
    clients:
      - {{id: c, secret_hash: "scrypt:16384:8:1${8 * "s"}${64 * "0"}"}}
      - {{id: d, secret_hash: "scrypt:16384:8:1${8 * "t"}${64 * "1"}"}}
  api_keys:
    keys:
      - {{id: a, hash: "sha256:{64 * "0"}"}}
      - {{id: b, hash: "sha256:{64 * "1"}"}}
      - {{id: c, key: first-plain-key}}
      - {{id: d, key: second-plain-key}}
redis: {{url: "redis://:password@127.0.0.1:6379/0"}}
routes: [{{path: /, respond: {{}}, auth: {{type: api_key}}}}]
"""


def test_a_secret_of_a_running_gateway_is_made_up_in_its_form_and_no_two_are_the_same(tmp_path: Path) -> None:
    """A hash that is none, a URL of Redis with half of a name and a password, and one key twice would be refused."""
    file = tmp_path / "g.yaml"
    file.write_text(HASHES)
    runs = lint(file, {}).loaded.settings

    shown = of_running(effective(runs), "live").loaded.settings

    assert effective(shown) == effective(runs)  # but for the secrets, which are masked in both
    assert {one.section for one in differences(shown, runs)} == {"auth", "redis"}


def test_a_key_that_the_other_configuration_no_longer_has_is_a_difference(tmp_path: Path) -> None:
    """Its hash is nowhere to be taken from."""
    file = tmp_path / "g.yaml"
    file.write_text(HASHES)
    runs = lint(file, {}).loaded.settings
    file.write_text("".join(line for line in HASHES.splitlines(keepends=True) if "{id: b," not in line))
    new = lint(file, {})

    shown = effective(of_running(effective(runs), "live", new).loaded.settings, revealed=True)

    keys = {one["id"]: one.get("hash", one.get("key")) for one in shown["auth"]["api_keys"]["keys"]}
    assert list(keys) == ["a", "b", "c", "d"]
    assert keys["b"] != f"sha256:{64 * '1'}"
    del keys["b"]
    assert keys == {"a": f"sha256:{64 * '0'}", "c": "first-plain-key", "d": "second-plain-key"}
