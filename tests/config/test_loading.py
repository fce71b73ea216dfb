from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import ConfigError, Problem, Settings, load
from gateway.config.loading import from_mapping
from gateway.config.packages import NEEDS

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]

UPSTREAMS = """
upstreams:
  - name: user-service
    backends: [{url: "http://127.0.0.1:9001"}]
"""


def test_a_configuration_may_say_nothing(load_text: Load) -> None:
    """Every default, where that is what is written."""
    assert load_text("{}") == Settings()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "an empty file"),
        (" \n\n", "an empty file"),
        ("# routes:\n#   - none\n", "comments only"),
        ("---\n", "comments only"),
        ("null", "comments only"),
    ],
)
def test_a_file_that_is_being_written_is_no_configuration(complaints: Complaints, text: str, found: str) -> None:
    """Nor is what a full disk has left of it."""
    wanted = "expected a configuration (`{}` for one that says nothing)"

    assert complaints(text) == [f"gateway.yaml:1:1: {wanted}, found {found}"]


@pytest.mark.parametrize(
    ("text", "found"), [("", "an empty file"), ("# later\n", "comments only"), ("---\n", "comments")]
)
def test_of_several_files_none_may_say_nothing(tmp_path: Path, text: str, found: str) -> None:
    """The routes that it held may be those that protect a path which another file opens."""
    (tmp_path / "a.yaml").write_text("{}")
    assert load(tmp_path, {}) == Settings()

    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"c\.yaml:1:1: expected a configuration .*, found {found}"):
        load(tmp_path, {})


@pytest.mark.parametrize("end", range(1, 14))
def test_a_file_that_was_cut_in_a_route_is_refused(complaints: Complaints, end: int) -> None:
    """Wherever in its last 13 octets; cut between two routes it is another file, and nobody can tell."""
    text = "upstreams: [{name: api, backends: []}]\nroutes:\n  - path: /\n    upstream: api"

    assert complaints(text[:-end])


def test_numbers_and_truth_values_may_come_from_the_environment_in_quotes(tmp_path: Path) -> None:
    """JSON has no other way; what is a text stays one, whatever it looks like."""
    file = tmp_path / "g.json"
    values = {
        "limits": {"connections": "${N}", "in_flight": "${NOT:-9}"},
        "health_paths": "${NO}",
        "upstreams": [{"name": "${N}", "backends": [], "panic_threshold": "${HALF}"}],
        "admin": {"token": "${TOKEN}"},
    }
    file.write_text(json.dumps(values))

    settings = load(file, {"N": "07", "NO": "false", "HALF": "0.5", "TOKEN": "1e5"})

    assert (settings.limits.connections, settings.limits.in_flight, settings.health_paths) == (7, 9, False)
    assert (settings.upstreams[0].name, settings.upstreams[0].panic_threshold) == ("07", 0.5)
    assert settings.admin.token.get_secret_value() == "1e5"


@pytest.mark.parametrize("written", ["7", "1${N}", "$${N}", "${N} "])
def test_other_texts_are_no_numbers(tmp_path: Path, written: str) -> None:
    """Only a variable that stands alone is taken for what the key wants."""
    file = tmp_path / "g.json"
    file.write_text(json.dumps({"limits": {"connections": written}}))

    with pytest.raises(ConfigError, match="expected an integer"):
        load(file, {"N": "7"})


def test_every_kind_of_problem_is_reported_at_once(complaints: Complaints, monkeypatch: pytest.MonkeyPatch) -> None:
    """Substitution, override, schema, references and what is not installed, each at its place."""
    monkeypatch.setitem(NEEDS, "processes=4", ("not_there", "more than one process"))
    text = """\
        limits: {in_flight: "${NOPE}"}
        timeouts: {request: 5 minutes}
        upstreams:
          - name: users
            backends: [{url: "http://127.0.0.1:9001", weight: three}]
        processes: 4
        routes:
          - path: /users/*
            upstrem: users
          - path: /orders/*
            upstream: user
        """

    assert complaints(text, {"GATEWAY__LIMTS__CONNECTIONS": "5"}, supported_only=True) == [
        "$GATEWAY__LIMTS__CONNECTIONS:1:1: limts: expected a known key, found an unknown key, did you mean `limits`?",
        "gateway.yaml:1:21: limits.in_flight: expected the environment variable NOPE, found none, and no default",
        (
            "gateway.yaml:2:21: timeouts.request: expected a duration such as 250ms, 10s, 5m, 1h, 1d or 1h30m, "
            'or a number of seconds, found "5 minutes", did you mean `5m`?'
        ),
        'gateway.yaml:5:55: upstreams[0].backends[0].weight: expected an integer from 0 to 1000000, found "three"',
        "gateway.yaml:6:1: processes: more than one process needs the package not_there, which is not installed",
        (
            "gateway.yaml:8:5: routes[0].upstream: expected a value: this key, `redirect`, `respond` or `aggregate` "
            "is required, found nothing"
        ),
        "gateway.yaml:9:5: routes[0].upstrem: expected a known key, found an unknown key, did you mean `upstream`?",
        'gateway.yaml:11:15: routes[1].upstream: expected the name of an upstream, found "user", did you mean `users`?',
    ]


def test_problems_can_be_read_by_a_program(load_text: Load, tmp_path: Path) -> None:
    """Each is a tuple of file, line, column, path and message."""
    with pytest.raises(ConfigError) as caught:
        load_text("health_paths: 1\n")

    assert caught.value.problems == (
        Problem(str(tmp_path / "gateway.yaml"), 1, 15, "health_paths", "expected true or false, found 1"),
    )


@pytest.mark.parametrize(("text", "found"), [("- a\n", "a list"), ("text\n", '"text"')])
def test_a_file_holds_a_mapping(complaints: Complaints, text: str, found: str) -> None:
    """Anything else at its top is a problem."""
    assert complaints(text) == [f"gateway.yaml:1:1: expected a mapping of sections, found {found}"]


def test_the_environment_goes_before_the_dotenv(load_text: Load, tmp_path: Path) -> None:
    """And the file's own default comes last."""
    (tmp_path / ".env").write_text("A=2\nB=20\n")

    limits = load_text(
        "limits:\n  in_flight: ${A}\n  connections: ${B}\n  header_fields: ${C:-300}\n", {"A": "1"}
    ).limits

    assert (limits.in_flight, limits.connections, limits.header_fields) == (1, 20, 300)


def test_an_override_goes_before_the_file(load_text: Load) -> None:
    """Whose variable may then be unset; and what it says is not looked up again."""
    settings = load_text("access_log: {path: '${NOPE}'}\n", {"GATEWAY__ACCESS_LOG__PATH": "/var/${X}"})

    assert settings.access_log.path == "/var/${X}"


def test_a_directory_is_one_configuration(tmp_path: Path) -> None:
    """Upstreams in one file, routes that use them in two others, JSON among them."""
    (tmp_path / "1.yaml").write_text(UPSTREAMS)
    (tmp_path / "2.yaml").write_text("routes: [{path: /a, service: user-service}]")
    (tmp_path / "3.json").write_text('{"routes": [{"path": "/b", "service": "user-service"}], "health_paths": false}')

    settings = load(tmp_path, {})

    assert [route.pattern for route in settings.routes] == ["/a", "/b"]
    assert settings.health_paths is False


def test_a_name_in_two_files_is_reported_with_both_places(tmp_path: Path) -> None:
    """The second is where it is wrong, the first where it stands already."""
    for name in ("1.yaml", "2.yaml"):
        (tmp_path / name).write_text(UPSTREAMS)

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {})

    assert str(caught.value) == (
        f"{tmp_path}/2.yaml:3:11: upstreams[1].name: expected something that is there once, "
        f'found "user-service", which stands at {tmp_path}/1.yaml:3:11 already'
    )


def test_a_broken_file_does_not_make_the_others_wrong(tmp_path: Path) -> None:
    """What they name may be in it; their own mistakes are reported all the same."""
    (tmp_path / "1.yaml").write_text("upstreams: [\n")
    (tmp_path / "2.yaml").write_text("routes: [{path: /a, service: user-service, timeout: x}]")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {})

    assert [(problem.line, problem.path) for problem in caught.value.problems] == [(2, ""), (1, "routes[0].timeout")]


def test_a_path_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    """Not every required key besides."""
    with pytest.raises(ConfigError, match="No such file or directory") as caught:
        load(tmp_path / "none.yaml", {})
    assert len(caught.value.problems) == 1


def test_files_are_found_beside_the_configuration(tmp_path: Path, load_text: Load) -> None:
    """Wherever the gateway was started."""
    settings = load_text(UPSTREAMS + "    tls: {ca: pki/ca.pem, client_cert: /etc/client.pem}\n")

    assert settings.upstreams[0].tls.ca == str(tmp_path / "pki" / "ca.pem")
    assert settings.upstreams[0].tls.client_cert == "/etc/client.pem"


def test_an_application_can_hand_over_a_mapping(tmp_path: Path) -> None:
    """With the same rules, its own environment, and files beside it."""
    mapping = {
        "upstreams": [{"name": "a", "backends": [], "tls": {"ca": "ca.pem"}}],
        "limits": {"in_flight": "${N}"},
    }
    with pytest.raises(
        ConfigError, match=r"mapping\.json:\d+:\d+: limits\.in_flight: expected the environment variable N"
    ):
        from_mapping(mapping)
    mapping["limits"] = {"in_flight": 5}

    settings = from_mapping(mapping, {"GATEWAY__LIMITS__CONNECTIONS": "7"}, tmp_path)

    assert (settings.limits.in_flight, settings.limits.connections) == (5, 7)
    assert settings.upstreams[0].tls.ca == str(tmp_path / "ca.pem")


EXAMPLES = {
    "R-LB-10, R-HC-15": """
        upstreams:
          - name: users
            strategy: round_robin
            backends:
              - {url: "http://127.0.0.1:9001", weight: 1}
              - {url: "http://127.0.0.1:9002", weight: 2}
            health_check: {path: /health, interval: 10s, timeout: 5s, unhealthy_threshold: 3, healthy_threshold: 2}
        """,
    "R-CB-14": """
        circuit_breaker: {failure_threshold: 5, success_threshold: 2, timeout: 60s, half_open_requests: 3}
        upstreams:
          - name: users
            backends: []
            circuit_breaker: {failure_threshold: 5, success_threshold: 2, timeout: 60s, half_open_requests: 3}
        """,
    "C-01, C-02": """
        upstreams:
          - name: users
            backends: []
            circuit_breaker:
              trip: {consecutive_failures: 5, error_rate: {ratio: 0.5, window: 60s, min_requests: 20}}
              close_on: either
        """,
    "R-RL-19": """
        rate_limits:
          - {dimension: ip, limit: 100, window: 60s}
          - {dimension: user, limit: 1000, window: 3600s}
        """,
    "R-RL-20": """
        rate_limits:
          - {endpoint: /api/v1/search, limit: 100, window: 60s, scope: user}
          - {endpoint: /api/v1/*, limit: 1000, window: 60s, scope: ip}
        """,
    "R-RL-21, R-AUTH-01, R-CORS-04, R-XFORM-10, R-ROUTE-13 (upstreams)": """
        auth: {jwt: {default: {algorithms: [HS256], secret: "${JWT_SECRET:-an-example-secret-of-32-octets-x}"}}}
        upstreams: [{name: user-service, backends: []}]
        routes:
          - path: /api/v1/users
            methods: [GET, POST]
            upstreams: user-service
            auth: {type: jwt}
            rate_limit: {requests: 100, window: 60s}
            cors: {allowed_origins: ["https://example.com"], allowed_methods: [GET, POST]}
            transformations:
              request:
                add_headers: {X-Gateway: "api-gateway"}
                remove_headers: [X-Internal]
              response:
                add_headers: {X-Response-Time: "${latency}"}
        """,
    "R-ROUTE-13 (service), R-ROUTE-04, R-RL-08": """
        upstreams: [{name: user-service, backends: []}]
        routes:
          - {path: "/api/v1/users/:id", methods: [GET, PUT, DELETE], service: user-service, rate_limit: {rate: 10/s}}
          - {path: /api/v1/users/*, service: user-service}
        """,
    "C-20": """
        auth: {jwt: {default: {public_key_file: k.pem}}, api_keys: {}}
        upstreams: [{name: a, backends: []}]
        routes:
          - {path: /1, upstream: a, auth: {any_of: [jwt, api_key]}}
          - {path: /2, upstream: a, auth: {type: {any_of: [jwt, api_key]}}}
          - {path: /3, upstream: a, auth: {all_of: [jwt, {type: api_key}], scopes: [read]}}
          - {path: /4, upstream: a, auth: {type: none}}
        """,
    "C-08, C-09, C-29": """
        rate_limit_store: memory
        on_store_failure: local
        metrics: {aliases: true}
        upstreams: [{name: a, strategy: consistent_hash, key: "header:X-User", backends: []}]
        """,
    "C-15, a weighted split": """
        upstreams: [{name: a, backends: []}, {name: b, backends: []}]
        routes:
          - {path: /1, upstream: [{name: a, weight: 9}, {name: b, weight: 1}]}
          - {path: /2, upstreams: [a, b]}
        """,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_of_the_requirements_loads(load_text: Load, name: str) -> None:
    """R-CFG-13: under all the names that the sources have for a key."""
    assert isinstance(load_text(EXAMPLES[name]), Settings)


def test_five_thousand_routes_load_in_seconds(tmp_path: Path) -> None:
    """Two seconds of processor time, five with coverage; the rest is for slow machines."""
    upstreams = "".join(f"  - {{name: u{n}, backends: [{{url: 'http://10.0.0.1:{8000 + n}'}}]}}\n" for n in range(100))
    routes = "".join(
        f"  - name: r{n}\n    host: api.example.com\n    path: /api/v1/r{n}/:id\n    methods: [GET, PUT]\n"
        f"    headers: {{X-Version: '2'}}\n    upstream: u{n % 100}\n    timeout: 30s\n"
        for n in range(5000)
    )
    file = tmp_path / "gateway.yaml"
    file.write_text(f"upstreams:\n{upstreams}routes:\n{routes}")

    start = time.process_time()
    settings = load(file, {})

    assert len(settings.routes) == 5000
    assert time.process_time() - start < 12
