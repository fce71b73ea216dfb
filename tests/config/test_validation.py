from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ConfigError, Settings, catalog, from_mapping

Complaints = Callable[..., list[str]]

KEYS = sorted({key.name for key in catalog.walk()})
SCALARS = st.sampled_from([None, True, 0, -1, 1.5, "", "a", "/x", "10s", "${X}", "http://x", "jwt", "ip", "default"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=30,
)

ROUTE = "upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a, %s}]"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # kinds of values
        ("health_paths: yes", '15: health_paths: expected true or false, found "yes"'),
        ("health_paths: 1", "15: health_paths: expected true or false, found 1"),
        ("listeners: tcp:80", '12: listeners: expected a list, found "tcp:80"'),
        ("listeners: {}", "12: listeners: expected a list, found a mapping"),
        ("limits: 5", "9: limits: expected a mapping, found 5"),
        ("limits: []", "9: limits: expected a mapping, found a list"),
        ("limits: {in_flight: -1}", "21: limits.in_flight: expected an integer from 0 to 2147483647, found -1"),
        ("limits: {in_flight: 1.5}", "21: limits.in_flight: expected an integer from 0 to 2147483647, found 1.5"),
        (
            "limits: {in_flight: true}",
            "21: limits.in_flight: expected an integer from 0 to 2147483647, found true",
        ),
        (
            "limits: {request_body: 10 megs}",
            (
                "24: limits.request_body: expected a size such as 64KiB, 10MiB or 10MB, or a number of bytes, "
                'found "10 megs"'
            ),
        ),
        ("timeouts: {connect: 0}", "21: timeouts.connect: expected a duration above 0s, found 0"),
        ("log: {levels: 5}", "15: log.levels: expected a mapping, found 5"),
        ("tracing: {sample_ratio: 2}", "25: tracing.sample_ratio: expected a number from 0 to 1, found 2"),
        (
            "trusted_proxies: [10.0.0.1/8]",
            (
                "19: trusted_proxies[0]: expected a network with no host bits, such as 10.0.0.0/8; or `unix:` for all "
                'who come by a UNIX socket, found "10.0.0.1/8"'
            ),
        ),
        (
            "metrics: {buckets: [1, 0.5]}",
            "20: metrics.buckets: expected a list of rising seconds above 0, found a list",
        ),
        ("metrics: {buckets: [0, 1]}", "20: metrics.buckets: expected a list of rising seconds above 0, found a list"),
        ("metrics: {buckets: [1, x]}", "20: metrics.buckets: expected a list of rising seconds above 0, found a list"),
        ("metrics: {buckets: []}", "20: metrics.buckets: expected a list of rising seconds above 0, found a list"),
        (
            "access_log: {fields: all}",
            '22: access_log.fields: expected `default` or a list of field names, found "all"',
        ),
        ("access_log: {path: ''}", '20: access_log.path: expected the name of a file, found ""'),
        # choices
        (
            "log: {level: inf}",
            '14: log.level: expected `debug`, `info`, `warn`, `error` or `critical`, found "inf", did you mean `info`?',
        ),
        (
            "rate_limit_store: [redis]",
            "19: rate_limit_store: expected `memory` or `redis`, found a list",
        ),
        ("log: {level: LOUD}", '14: log.level: expected `debug`, `info`, `warn`, `error` or `critical`, found "LOUD"'),
        ("limits: {request_header: 0}", "26: limits.request_header: expected a size above 0, found 0"),
        ("limits: {response_header: 0KiB}", '27: limits.response_header: expected a size above 0, found "0KiB"'),
        # words that are nearly right, wherever there are some to choose from
        ("health_paths: ture", '15: health_paths: expected true or false, found "ture", did you mean `true`?'),
        (
            "access_log: {fields: defualt}",
            (
                '22: access_log.fields: expected `default` or a list of field names, found "defualt", '
                "did you mean `default`?"
            ),
        ),
        (
            "error_pages: {intercep: true}",
            (
                "15: error_pages.intercep: expected a status from 400 to 599, `4xx`, `5xx` or `intercept`, "
                'found "intercep", did you mean `intercept`?'
            ),
        ),
        # keys
        (
            "limits: {in_fligth: 1}",
            "10: limits.in_fligth: expected a known key, found an unknown key, did you mean `in_flight`?",
        ),
        (
            "limits: {IN_FLIGHT: 1}",
            "10: limits.IN_FLIGHT: expected a known key, found an unknown key, did you mean `in_flight`?",
        ),
        (
            "forwarded: {zzz: 1}",
            (
                "13: forwarded.zzz: expected a known key, found an unknown key; "
                "known here: x_forwarded, x_real_ip, via, forwarded, original_url"
            ),
        ),
        (
            "forwarded: {zzz: }",
            (
                "13: forwarded.zzz: expected a known key, found an unknown key; "
                "known here: x_forwarded, x_real_ip, via, forwarded, original_url"
            ),
        ),
        ("log: {levels: {'': info}}", "16: log.levels['']: expected a text that is not empty, found \"\""),
        ("listeners: [{}]", "13: listeners[0].endpoint: expected a value: the key is required, found nothing"),
        (
            "listeners: [{endpoint: }]",
            "24: listeners[0].endpoint: expected a value: the key is required, found nothing",
        ),
        # secrets
        (
            'upstreams: [{name: a, backends: [{url: "http://me:hunter2@10.0.0.1"}]}]',
            (
                "40: upstreams[0].backends[0].url: expected a URL without user and password: nothing would be done "
                'with them, found "http://**********@10.0.0.1"'
            ),
        ),
        (
            "auth: {jwt: {default: {jwks_url: 'https://me:hunter2@issuer/keys?key=hunter2'}}}",
            (
                "34: auth.jwt.default.jwks_url: expected a URL without user and password: nothing would be done with "
                'them, found "https://**********@issuer/keys?**********"'
            ),
        ),
        (
            "upstreams: [{name: a, backends: [], health_check: {path: 'health?key=hunter2'}}]",
            ('58: upstreams[0].health_check.path: expected a path that begins with `/`, found "health?**********"'),
        ),
        (
            'upstreams: [{name: a, backends: [], health_check: {headers: {Authorization: "hunter2\\n"}}}]',
            (
                "77: upstreams[0].health_check.headers.Authorization: expected a header value: one line without "
                "control characters, no space at either end, found something secret"
            ),
        ),
        ("admin: {token: [hunter2]}", "16: admin.token: expected a text, found something secret"),
        (
            "redis: {url: 'http://:hunter2@x'}",
            "14: redis.url: expected a URL that begins with redis:// or rediss://, found something secret",
        ),
    ],
)
def test_what_a_key_does_not_take_is_named_in_its_place(complaints: Complaints, text: str, line: str) -> None:
    """Line, column, key, what was wanted and what was there; nothing secret is shown."""
    assert complaints(text) == [f"gateway.yaml:1:{line}"]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("methods: []", "42: routes[0].methods: expected at least one entry, found none"),
        ("headers: {'X Y': 1}", "43: routes[0].headers['X Y']: expected the name of a header field, found \"X Y\""),
        (
            "headers: {X: '~('}",
            "46: routes[0].headers.X: expected a regular expression after `~`, found something secret",
        ),
        (
            "retry: {attempts: three}",
            '51: routes[0].retry.attempts: expected an integer from 0 to 10, found "three"',
        ),
        (
            "retry: {on: [refused, 200]}",
            (
                "55: routes[0].retry.on[1]: expected `connect`, `refused`, `reset`, `timeout`, a status from "
                "400 to 599, or an outcome of gRPC (`cancelled`, `deadline-exceeded`, `resource-exhausted`, "
                "`internal`, `unavailable`), found 200"
            ),
        ),
        ("service: a", "10: routes[0]: expected one of `upstream` and its other names, found several"),
        ("rate_limit: {limit: 0}", "53: routes[0].rate_limit.limit: expected an integer from 1 to 2147483647, found 0"),
        (
            "rate_limit: {requests: x}",
            '56: routes[0].rate_limit.requests: expected an integer from 1 to 2147483647, found "x"',
        ),
        (
            "rate_limit: [{limit: x}]",
            '54: routes[0].rate_limit[0].limit: expected an integer from 1 to 2147483647, found "x"',
        ),
        (
            "rate_limit: {limit: 1, scope: you}",
            (
                "63: routes[0].rate_limit.scope: expected `ip`, `user`, `api_key`, `route`, `header:NAME` or "
                '`claim:NAME`, found "you"'
            ),
        ),
        (
            "rate_limit: {rate: fast}",
            (
                "45: routes[0].rate_limit: expected `rate` as 10/s, 100/m or 5/10s, without `limit` and "
                "`window`, found something else"
            ),
        ),
        (
            "transformations: {response: {status: {40: 410}}}",
            (
                "71: routes[0].transformations.response.status.40: expected a status from 200 to 599, "
                'but not 206 and 304, found "40"'
            ),
        ),
        (
            "transformations: {request: {path: {replace: {pattern: '('}}}}",
            (
                "87: routes[0].transformations.request.path.replace.pattern: expected a regular expression, "
                'found "(": missing ): ('
            ),
        ),
        ("auth: {}", "39: routes[0].auth: expected one of `type`, `any_of` and `all_of`, found none"),
        (
            "auth: {type: none, any_of: [jwt]}",
            "39: routes[0].auth: expected one of `type`, `any_of` and `all_of`, found several",
        ),
        (
            "security_headers: 5",
            "51: routes[0].security_headers: expected true, false or a mapping of header fields, found 5",
        ),
        ("plugins: [[]]", "43: routes[0].plugins[0]: expected a text, found a list"),
    ],
)
def test_what_a_route_does_not_take(complaints: Complaints, keys: str, line: str) -> None:
    """In the operator's words, where the schema knows only the normal form."""
    assert complaints(ROUTE % keys)[0] == f"gateway.yaml:2:{line}"


@pytest.mark.parametrize(
    ("upstream", "line"),
    [
        (
            "[{name: a, weight: x}]",
            '49: routes[0].upstream[0].weight: expected an integer from 0 to 1000000, found "x"',
        ),
        ("[a, {nam: a}]", "34: routes[0].upstream[1].name: expected a value: the key is required, found nothing"),
        ("[]", "30: routes[0].upstream: expected at least one entry, found none"),
    ],
)
def test_a_list_of_upstreams_is_checked_entry_by_entry(complaints: Complaints, upstream: str, line: str) -> None:
    """Both ways of writing an entry."""
    text = f"upstreams: [{{name: a, backends: []}}]\nroutes: [{{path: /, upstream: {upstream}}}]"

    assert complaints(text)[0] == f"gateway.yaml:2:{line}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("auth: {jwt: {default: {algorithms: [none]}}}", "expected `HS256`"),
        (
            "auth: {jwt: {default: {algorithms: [HS256]}}}",
            "auth.jwt.default: expected a `secret` for HS algorithms, found none",
        ),
        (
            "auth: {jwt: {a.b: {}}}",
            "auth.jwt['a.b']: expected `public_key_file` or `jwks_url` for RS256, found neither",
        ),
        (
            "auth: {jwt: {default: {secrt: x}}}",
            "auth.jwt.default.secrt: expected a known key, found an unknown key, did you mean `secret`?",
        ),
        (
            "auth: {jwt: {default: {algorithms: []}}}",
            "auth.jwt.default.algorithms: expected at least one entry, found none",
        ),
        (
            "auth: {api_keys: {keys: [{id: a}]}}",
            "auth.api_keys.keys[0]: expected one of `hash` and `key`, found neither",
        ),
        (
            "auth: {api_keys: {keys: [{id: a, hash: md5:hunter2}]}}",
            "keys[0].hash: expected sha256: and 64 hexadecimal digits, found something secret",
        ),
        (f"auth: {{api_keys: {{keys: [{{id: a, key: k, hash: 'sha256:{'0' * 64}'}}]}}}}", "found both"),
        (
            "auth: {oauth: {clients: [{id: a}]}}",
            "auth.oauth.clients[0].secret_hash: expected a value: the key is required, found nothing",
        ),
        ("plugins: [{name: a, class: no-way!}]", "plugins[0].class: expected the import path of a class"),
        ("plugins: [{name: a, class_: a.B}]", "plugins[0].class: expected a value: the key is required"),
    ],
)
def test_what_verifiers_keys_and_plugins_need(complaints: Complaints, text: str, words: str) -> None:
    """Half a verifier would let everybody in, or nobody."""
    assert any(words in line for line in complaints(text))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            "health_check: {expected_status: [OK]}",
            "health_check.expected_status[0]: expected a status such as 204 or a range such as 200-399",
        ),
        ("health_check: {expected_status: [399-200]}", "a range such as 200-399"),
        ("health_check: {expected_status: [99]}", "a range such as 200-399"),
        ("health_check: {expected_status: [true]}", "a range such as 200-399"),
        ("health_check: {type: script}", "health_check: expected a `command` for a check of type `script`, found none"),
        ("health_check: {path: health}", "health_check.path: expected a path that begins with `/`"),
        ("hash_on: moon", 'hash_on: expected `ip`, `path`, `header:NAME`, `cookie:NAME` or `claim:NAME`, found "moon"'),
        ("strategy: round-robin", "strategy: expected `round_robin`"),
        ("circuit_breaker: {trip: {error_rate: {ratio: 2}}}", "expected a number from 0 to 1"),
        ("circuit_breaker: {trip: {errors: 2}}", "circuit_breaker.trip: expected a known key"),
        ("backends: [{url: 'http://x/y?z'}]", "found several"),
    ],
)
def test_what_upstreams_need(complaints: Complaints, keys: str, words: str) -> None:
    """Each with its own words."""
    backends = "" if keys.startswith("backends") else "backends: [], "
    text = f"upstreams: [{{name: a, {backends}{keys}}}]"
    if keys.startswith("backends"):
        words = "upstreams[0].backends[0].url: expected a URL"
    assert any(words in line for line in complaints(text))


def test_nothing_follows_from_what_could_not_be_substituted(complaints: Complaints) -> None:
    """One problem, not a second about what the text with the variable is not."""
    assert len(complaints("limits: {in_flight: '${NOPE}'}")) == 1


def section(name: str) -> st.SearchStrategy[object]:
    """Something that may stand in a section, its own keys more likely than others."""
    own = {key.name for key in catalog.walk() if key.path.startswith((f"{name}.", f"{name}[]."))}
    part = st.dictionaries(st.sampled_from(sorted(own) or KEYS), VALUES, max_size=5)
    return part | st.lists(part, max_size=3) | VALUES


@given(st.fixed_dictionaries({}, optional={name: section(name) for name in Settings.model_fields}))
def test_whatever_is_written_there_are_words_for_it(mapping: dict[str, object]) -> None:
    """A configuration is taken, or refused with every problem in its place; never anything else."""
    lines: list[str] = []
    try:
        from_mapping(mapping)
    except ConfigError as error:
        lines = str(error).splitlines()

    assert all("expected " in line for line in lines)


def test_a_backend_at_a_socket_is_checked_there(complaints: Complaints) -> None:
    """It has no other port."""
    text = "upstreams: [{name: a, backends: [{url: 'unix:/run/a'}], health_check: {port: 81}}]"

    (line,) = complaints(text)

    assert (
        'upstreams[0]: expected a `health_check` without `port` for a backend at a socket, found "unix:/run/a"' in line
    )
