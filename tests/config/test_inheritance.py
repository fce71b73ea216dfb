from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import ConfigError, Settings, load, load_with_doubts
from gateway.config.effective import as_yaml, effective, route_table
from gateway.config.inheritance import fill_in, taken_over
from gateway.config.loading import from_mapping
from gateway.config.nodes import Entry, ListNode, MapNode, ScalarNode
from gateway.config.problems import Place

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]

ROUTES = """\
upstreams: [{name: a, backends: []}, {name: b, backends: [], circuit_breaker: {failure_threshold: 9}}]
defaults:
  route: {timeout: 10s, ip_deny: [10.9.0.0/16]}
  upstream: {circuit_breaker: {failure_threshold: 2}, panic_threshold: 0.1}
groups:
  internal:
    ip_allow: [10.0.0.0/8]
    timeout: 20s
    upstream: a
    auth: {type: jwt, roles: [admin], scopes: [read]}
auth: {jwt: {default: {public_key_file: key.pem}}}
routes:
"""


def test_a_route_s_own_keys_go_before_its_group_s_and_those_before_defaults(load_text: Load) -> None:
    """For each key by itself; who is in no group has the defaults."""
    settings = load_text(
        ROUTES
        + """\
  - {path: /a, group: internal}
  - {path: /b, group: internal, timeout: 5s, service: b, ip_deny: []}
  - {path: /c, upstream: a}
"""
    )
    a, b, c = settings.routes

    assert (a.timeout, b.timeout, c.timeout) == (20, 5, 10)
    assert [route.upstreams[0].name for route in settings.routes] == ["a", "b", "a"]
    assert [list(map(str, route.ip_allow)) for route in settings.routes] == [["10.0.0.0/8"], ["10.0.0.0/8"], []]
    assert [list(map(str, route.ip_deny)) for route in settings.routes] == [["10.9.0.0/16"], [], ["10.9.0.0/16"]]
    assert a.auth is not None
    assert a.auth == b.auth
    assert c.auth is None
    assert [route.group for route in settings.routes] == ["internal", "internal", None]
    breakers = [settings.breaker_of(upstream) for upstream in settings.upstreams]
    assert [breaker.failure_threshold for breaker in breakers if breaker is not None] == [2, 9]
    assert [upstream.panic_threshold for upstream in settings.upstreams] == [0.1, 0.1]


def test_parts_of_answers_take_over_what_is_for_backends(load_text: Load) -> None:
    """But for what is about one answer: splits and copies."""
    settings = load_text(
        "upstreams: [{name: a, backends: []}, {name: b, backends: []}]\n"
        "defaults: {route: {timeout: 3s, retry: {}, split_on: ip, mirror: {upstream: b}}}\n"
        "groups: {home: {aggregate: {parts: [{name: x, upstream: a, path: /x}]}}}\n"
        "routes:\n"
        "- {path: /a, group: home}\n"
        "- {path: /b, upstream: a}\n"
        "- {path: /c, group: home, upstream: a, aggregate: null}\n"
        "- {path: /d, redirect: {scheme: https}, host: a.example}\n"
    )
    found = [(one.timeout, one.retry is None, one.mirror is None, one.aggregate is None) for one in settings.routes]
    assert found == [
        (3, False, True, False),
        (3, False, False, True),
        (3, False, False, True),
        (30, True, True, True),
    ]
    # And is written back so that it loads.
    assert load_text(as_yaml(settings)).routes == tuple(
        route.model_copy(update={"group": None}) for route in settings.routes
    )


def test_a_key_is_taken_over_whole(load_text: Load) -> None:
    """Nothing of the group's `auth` is left in a route that says its own (D-196)."""
    (route,) = load_text(ROUTES + "  - {path: /a, group: internal, auth: {type: jwt, scopes: [write]}}").routes

    assert route.auth is not None
    assert (route.auth.roles, route.auth.scopes) == ((), ("write",))


@pytest.mark.parametrize("off", ["null", "~", "off", '"off"'])
def test_null_and_off_switch_a_key_off(load_text: Load, off: str) -> None:
    """What holds then is what holds where nobody says anything; a group may switch a default off too."""
    settings = load_text(
        f"""\
        defaults: {{route: {{retry: {{}}, rate_limit: {{limit: 1, window: 1s}}, timeout: 3s}}}}
        groups: {{g: {{retry: {off}, cors: {{}}}}}}
        upstreams: [{{name: a, backends: []}}]
        routes:
          - {{path: /a, upstream: a, group: g}}
          - {{path: /b, upstream: a, group: g, cors: {off}, rate_limit: {off}, timeout: null}}
          - {{path: /c, upstream: a, retry: {off}}}
        """
    )
    a, b, c = settings.routes

    assert (a.retry, a.cors is None, len(a.rate_limit), a.timeout) == (None, False, 1, 3)
    assert (b.retry, b.cors, b.rate_limit, b.timeout) == (None, None, (), 30)
    assert (c.retry, len(c.rate_limit)) == (None, 1)


def test_a_key_with_nothing_after_it_switches_nothing_off(tmp_path: Path) -> None:
    """The lines below it may be commented out: the group's `auth` is not, and `check` tells."""
    file = tmp_path / "gateway.yaml"
    file.write_text(ROUTES + "  - path: /a\n    group: internal\n    auth:\n    # roles: [admin]\n    name:\n")

    settings, doubts = load_with_doubts(file, {}, supported_only=False)

    assert settings.routes[0].auth is not None
    assert [str(doubt).removeprefix(f"{tmp_path}/") for doubt in doubts] == [
        (
            "gateway.yaml:15:5: routes[0].auth: nothing stands here, so that `groups.internal.auth` holds; "
            "`null` switches it off"
        ),
    ]


@pytest.mark.parametrize("off", ["null", "off"])
def test_an_upstream_switches_the_breaker_of_all_off(load_text: Load, off: str) -> None:
    """That of `defaults`, and that of top level."""
    for everybody in ("circuit_breaker: {}", "defaults: {upstream: {circuit_breaker: {}}}"):
        settings = load_text(
            f"{everybody}\nupstreams: [{{name: a, backends: [], circuit_breaker: {off}}}, {{name: b, backends: []}}]"
        )
        a, b = settings.upstreams

        assert settings.breaker_of(a) is None
        assert settings.breaker_of(b) is not None


def test_a_route_leads_to_one_place(load_text: Load) -> None:
    """Its own, whatever the group says of another; what is for backends is not for a redirect."""
    settings = load_text(
        """\
        defaults: {route: {timeout: 3s, retry: {}, upstream: a, request_timeout: 50s}}
        groups: {moved: {redirect: {scheme: https}}, api: {timeout: 4s}}
        upstreams: [{name: a, backends: []}]
        routes:
          - {path: /a}
          - {path: /b, redirect: {scheme: https}, host: a.example}
          - {path: /c, group: moved, host: a.example}
          - {path: /d, group: moved, upstream: a}
          - {path: /e, group: api, redirect: {scheme: https}, host: a.example}
          - {path: /f, group: moved, redirect: null}
        """
    )

    leads = [(bool(route.upstream), bool(route.redirect), route.retry is not None) for route in settings.routes]
    assert leads == [
        (True, False, True),
        (False, True, False),
        (False, True, False),
        (True, False, True),
        (False, True, False),
        (True, False, True),
    ]
    assert {route.request_timeout for route in settings.routes} == {50}


def test_a_group_that_contradicts_itself_is_refused(complaints: Complaints) -> None:
    """Once, at the group."""
    assert complaints(
        """\
        groups:
          moved:
            redirect: {scheme: https}
            timeout: 3s
        routes: [{path: /a, group: moved}, {path: /b, group: moved}]
        """
    ) == [
        (
            "gateway.yaml:4:5: groups.moved.timeout: "
            "expected no key that is for backends beside `redirect`, found `timeout`"
        )
    ]


def test_what_is_wrong_with_a_group_is_told_once_and_there(complaints: Complaints) -> None:
    """Values, names and unknown keys, used or not; the routes say nothing of it."""
    found = complaints(
        """\
        upstreams: [{name: users, backends: []}]
        defaults:
          route: {timeout: soon}
          upstream: {slow_start: never, backends: []}
        groups:
          a:
            auth: {type: jwt, scopes: [{}]}
            upstream: user
            path: /x
            retry: {attemps: 3}
          b: {plugins: [stamp]}
        routes:
          - {path: /a, group: a}
          - {path: /b, group: a}
          - {path: /c, upstream: users}
          - {path: /d, group: c}
        """
    )
    duration = "expected a duration such as 250ms, 10s, 5m, 1h, 1d or 1h30m, or a number of seconds"
    assert found == [
        f'gateway.yaml:3:20: defaults.route.timeout: {duration}, found "soon"',
        f'gateway.yaml:4:26: defaults.upstream.slow_start: {duration}, found "never"',
        (
            "gateway.yaml:4:33: defaults.upstream.backends: expected a key that several can have in common, "
            "found `backends`, which each says for itself"
        ),
        "gateway.yaml:7:18: groups.a.auth: expected a verifier named `default` under `auth.jwt`, found none",
        "gateway.yaml:7:32: groups.a.auth.scopes[0]: expected a text, found a mapping",
        'gateway.yaml:8:15: groups.a.upstream: expected the name of an upstream, found "user", did you mean `users`?',
        (
            "gateway.yaml:9:5: groups.a.path: expected a key that several can have in common, "
            "found `path`, which each says for itself"
        ),
        (
            "gateway.yaml:10:13: groups.a.retry.attemps: expected a known key, found an unknown key, "
            "did you mean `attempts`?"
        ),
        'gateway.yaml:11:17: groups.b.plugins[0]: expected the name of a plugin, found "stamp"',
        'gateway.yaml:16:23: routes[3].group: expected the name of a group under `groups`, found "c"',
    ]


def test_what_is_in_several_files_comes_together(tmp_path: Path) -> None:
    """Groups are merged as all mappings are; a key in two files is refused with both places."""
    (tmp_path / "1.yaml").write_text("groups: {g: {timeout: 4s}}\ndefaults: {route: {upstream: a}}")
    (tmp_path / "2.yaml").write_text("groups: {g: {in_flight: 7}}\nupstreams: [{name: a, backends: []}]")
    (tmp_path / "3.yaml").write_text("routes: [{path: /a, group: g}]")

    (route,) = load(tmp_path, {}).routes

    assert (route.timeout, route.in_flight, route.upstreams[0].name) == (4, 7, "a")

    (tmp_path / "4.yaml").write_text("groups: {g: {timeout: 5s}}")
    with pytest.raises(ConfigError, match=r"4\.yaml:1:14: groups\.g\.timeout: .* first at .*1\.yaml:1:14"):
        load(tmp_path, {})


def test_merge_keys_own_keys_variables_and_overrides_work_in_groups(load_text: Load) -> None:
    """Each before anything is taken over: a `<<` beside a key is what the mapping says itself."""
    settings = load_text(
        """\
        x-strict: &strict {timeout: 3s, in_flight: 5, x-note: 1}
        upstreams: [{name: a, backends: []}]
        defaults: {route: {in_flight: "${MOST}", upstream: a}}
        groups:
          strict: {<<: *strict, in_flight: 6, x-why: {any: thing}}
          loose: {timeout: "${LOOSE:-40s}"}
        routes:
          - {path: /a, group: "${GROUP}"}
          - {path: /b, <<: *strict}
          - {path: /c, group: loose}
          - {path: /d}
        """,
        {
            "MOST": "9",
            "GROUP": "strict",
            "GATEWAY__ROUTES__2__IN_FLIGHT": "1",
            "GATEWAY__DEFAULTS__ROUTE__TIMEOUT": "2s",
            "GATEWAY__GROUPS__STRICT__REQUEST_BODY": "5",
        },
    )

    bounds = [(route.timeout, route.in_flight, route.request_body) for route in settings.routes]
    assert bounds == [(3, 6, 5), (3, 5, None), (40, 1, None), (2, 9, None)]


def test_a_variable_that_is_missing_is_told_at_the_group(complaints: Complaints) -> None:
    """Once, however many take it over."""
    text = "groups: {g: {timeout: '${NOPE}'}}\nroutes: [{path: /a, group: g}, {path: /b, group: g}]"

    assert [line for line in complaints(text) if "NOPE" in line] == [
        "gateway.yaml:1:23: groups.g.timeout: expected the environment variable NOPE, found none, and no default"
    ]


def test_a_group_is_named_by_its_name(complaints: Complaints) -> None:
    """A near one is suggested, and nothing else is said of a route whose group is not there."""
    assert complaints("groups: {internal: {redirect: {scheme: https}}}\nroutes: [{path: /a, group: internl}]") == [
        (
            'gateway.yaml:2:28: routes[0].group: expected the name of a group under `groups`, found "internl", '
            "did you mean `internal`?"
        ),
    ]


def test_groups_of_nobody_are_doubted(tmp_path: Path) -> None:
    """With `strict: true` they are errors, as all doubts."""
    file = tmp_path / "gateway.yaml"
    file.write_text("routes: [{path: /a, group: b, redirect: {path: /}}]\ngroups:\n  a: {}\n  b: {}\n")

    _, doubts = load_with_doubts(file, {})

    assert [str(doubt).partition(":")[2] for doubt in doubts] == [
        "3:3: groups.a: no route is in it (`group`): nothing that it says is in force"
    ]


def test_what_is_taken_over_is_doubted_where_it_is_in_vain_for_all(tmp_path: Path) -> None:
    """Once, at its place; a default that says nothing to some is no mistake, a group's key is told at these."""
    text = """\
defaults: {upstream: {slow_start: 5s}}
groups: {g: {queue: {}}}
upstreams: [{name: a, backends: []}, {name: b, backends: []HEALTH}]
routes: [{path: /a, upstream: a, group: g}, {path: /b, upstream: b, group: g, in_flight: FLIGHT}]
"""

    def doubts(health: str, flight: int) -> list[str]:
        file = tmp_path / "gateway.yaml"
        file.write_text(text.replace("HEALTH", health).replace("FLIGHT", str(flight)))
        found = [str(doubt).removeprefix(f"{file}:") for doubt in load_with_doubts(file, {})[1]]
        return [": ".join(doubt.split(": ")[:2]) for doubt in found]

    assert doubts("", 0) == ["1:23: defaults.upstream.slow_start", "2:14: groups.g.queue"]
    assert doubts(", health_check: {}", 5) == ["4:10: routes[0].queue"]


def test_what_is_written_back_needs_no_groups(load_text: Load) -> None:
    """It says in every route and upstream what holds there, and what is off stays off."""
    settings = load_text(
        ROUTES.replace("[{name: a, backends: []}", "[{name: a, backends: [], circuit_breaker: off}")
        + "  - {path: /a, group: internal}\n  - {path: /b, group: internal, auth: off}\ncircuit_breaker: {}"
    )

    again = load_text(as_yaml(settings))

    assert effective(again) == effective(settings)
    assert again.groups == {}
    assert [route.auth is None for route in again.routes] == [False, True]
    assert again.breaker_of(again.upstreams[0]) is None
    assert [row["group"] for row in route_table(settings)] == ["internal", "internal"]


@pytest.mark.parametrize("everybody", ["circuit_breaker:", "defaults: {upstream: {circuit_breaker:"])
def test_the_upstream_that_all_fall_back_to_does_not_fall_back_to_itself(load_text: Load, everybody: str) -> None:
    """It has their breaker, without the fallback; whoever writes that of itself is refused."""
    ends = "}}" if "defaults" in everybody else ""
    text = f"{everybody} {{fallback: {{upstream: spare}}}}{ends}\nupstreams: [{{name: a, backends: []}}, "
    settings = load_text(text + "{name: spare, backends: []}]")
    breakers = [settings.breaker_of(upstream) for upstream in settings.upstreams]

    assert [breaker and breaker.fallback.upstream for breaker in breakers] == ["spare", None]
    assert effective(load_text(as_yaml(settings))) == effective(settings)


def test_secrets_in_groups_are_masked_and_shown_in_no_error(load_text: Load, complaints: Complaints) -> None:
    """Conditions may hold them."""
    text = "groups: {g: {headers: {X-Key: hunter2}, redirect: {path: /}}}\nroutes: [{path: /a, group: g}]"

    assert "hunter2" not in as_yaml(load_text(text))
    assert "hunter2" not in str(complaints(text.replace("hunter2", "~hunter2(")))


def test_an_application_s_mapping_has_groups_too() -> None:
    """None is null: it switches off."""
    settings = from_mapping(
        {
            "groups": {"g": {"request_timeout": 5, "cors": None, "redirect": {"path": "/"}}},
            "defaults": {"route": {"in_flight": 3}},
            "routes": [
                {"path": "/a", "group": "g", "request_timeout": None},
                {"path": "/b", "group": "g", "in_flight": None},
            ],
        },
        supported_only=False,
    )

    assert [(route.in_flight, route.request_timeout) for route in settings.routes] == [(3, 30), (0, 5)]


def test_ten_thousand_routes_take_over_in_no_time() -> None:
    """What is taken over is shared, not copied."""
    routes = ListNode(PLACE, [_mapping(path=f"/{number}", group="g") for number in range(10_000)])
    group = _mapping(**dict.fromkeys(("timeout", "in_flight", "request_body", "priority", "upstream"), "1"))
    root = MapNode(PLACE, {"routes": Entry(PLACE, routes), "groups": Entry(PLACE, _nested(g=group))})

    before = time.process_time()
    filled = fill_in(root)

    assert time.process_time() - before < 1.0
    assert sum(1 for _ in taken_over(filled)) == 50_000
    assert sum(1 for _ in taken_over(root)) == 0


PLACE = Place("gateway.yaml", 1, 1)


def _mapping(**texts: str) -> MapNode:
    return MapNode(PLACE, {key: Entry(PLACE, ScalarNode(PLACE, text, plain=True)) for key, text in texts.items()})


def _nested(**nodes: MapNode) -> MapNode:
    return MapNode(PLACE, {key: Entry(PLACE, node) for key, node in nodes.items()})
