"""A route or an upstream that is judged alone: what is said of it is what the whole says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from gateway.config import ConfigError, Settings, alone, apart, editing
from gateway.config.differences import same
from gateway.config.editing import Edit
from gateway.config.loading import Loaded, compose, of_mapping
from gateway.config.overlays import NOTHING, Overlay
from gateway.config.sources import Source

FALLING_BACK = {"fallback": {"upstream": "u0"}}
ENVIRON = {"NAME": "u1", "PORT": "9009"}
BASE: dict[str, Any] = {
    "admin": {"endpoint": "tcp:9", "token": "change-me-change-me-change-me"},
    "listeners": [{"name": "web", "endpoint": "tcp:1"}, {"name": "inside", "endpoint": "tcp:2"}],
    "defaults": {"route": {"timeout": "7s", "retry": {"attempts": 2}}, "upstream": {"strategy": "random"}},
    "groups": {"shop": {"upstream": "u0", "auth": {"type": "api_key"}}},
    "auth": {
        "api_keys": {"keys": [{"id": "k", "key": "k" * 32}], "header": "X-Key"},
        "jwt": {"default": {"algorithms": ["HS256"], "secret": "s" * 32, "claim_headers": {"X-Tenant": "tenant"}}},
    },
    "upstreams": [
        {"name": "u0", "backends": [{"url": "http://127.0.0.1:9000"}]},
        {
            "name": "u1",
            "backends": [{"url": "http://127.0.0.1:9001"}],
            "circuit_breaker": {"fallback": {"upstream": "u0"}},
        },
        {"name": "$${u}2", "backends": [{"url": "http://127.0.0.1:9002"}], "strategy": "round_robin"},
    ],
    "routes": [
        {"name": "a", "path": "/a/*", "upstream": "u0"},
        {"name": "b", "path": "/b", "upstream": [{"name": "u0", "weight": 1}, {"name": "u1", "weight": 2}]},
        {"name": "c", "path": "/c", "respond": {"status": 200, "body": "$${X}"}},
        {"path": "/d", "group": "shop"},
    ],
}

HASHES = [
    "client_ip",
    "header:X-Key",
    "header:X-Tenant",
    "header:X-Other",
    "header:Authorization",
    "cookie:c",
    "cookie:s",
]
MORE: dict[str, st.SearchStrategy[Any]] = {
    "rate_limits": st.lists(
        st.fixed_dictionaries(
            {"limit": st.just(10), "window": st.just("1s")},
            optional={
                "path": st.just("/a/*"),
                "scope": st.sampled_from(["client_ip", ["header:Authorization"], ["header:X-Other"]]),
            },
        ),
        max_size=1,
    ),
    "circuit_breaker": st.sampled_from([{}, FALLING_BACK]),
    "strict": st.booleans(),
    "timeouts": st.just({"request": "9s"}),
}
UPSTREAMS = st.sampled_from(["u0", "u1", "${u}2", "$${u}2", "${NAME}", "new", "none", ["u0", "u1"]])
ROUTES = st.fixed_dictionaries(
    {"path": st.sampled_from(["/a/*", "/x", "/x/{id}", "no"])},
    optional={
        "upstream": UPSTREAMS,
        "respond": st.just({"status": 200}),
        "timeout": st.sampled_from(["1s", "soon", None]),
        "retry": st.sampled_from(["off", None, {"attempts": 3}]),
        "group": st.sampled_from(["shop", "none"]),
        "listeners": st.sampled_from(["web", ["inside"], "none"]),
        "auth": st.sampled_from(
            [{"type": "api_key"}, {"type": "jwt"}, {"any_of": ["jwt", "api_key"]}, {"type": "basic"}, "off"]
        ),
        "mirror": st.fixed_dictionaries({"upstream": UPSTREAMS}),
        "split_on": st.sampled_from(HASHES),
        "headers": st.sampled_from([{"X-Tenant": "1"}, {"X-Other": "1"}, {"X-Key": "1"}]),
        "rate_limit": st.fixed_dictionaries(
            {"limit": st.just(1), "window": st.just("1s"), "scope": st.sampled_from(["header:X-Key", "client_ip"])}
        ),
        "transformations": st.sampled_from(
            [{"request": {"set_headers": {"X-Tenant": "1"}}}, {"request": {"set_headers": {"X-A": "${param.id}"}}}]
        ),
        "plugins": st.just(["none"]),
        "name": st.just("a"),
    },
)
BACKENDS = st.sampled_from([[{"url": "http://127.0.0.1:${PORT}"}], [], [{"url": "http://h"}, {"url": "http://h"}]])
ONES = st.fixed_dictionaries(
    {"backends": BACKENDS},
    optional={
        "hash_on": st.sampled_from(HASHES),
        "strategy": st.sampled_from(["consistent_hash", "round_robin", "none"]),
        "sticky": st.sampled_from([{"cookie": "c"}, {"cookie": "s"}]),
        "circuit_breaker": st.sampled_from(
            [{}, "off", {"fallback": {"upstream": "u0"}}, {"fallback": {"upstream": "u9"}}]
        ),
        "protocol": st.just("http1"),
    },
)
EDITS = st.one_of(
    st.tuples(st.just("routes"), st.sampled_from(["a", "b", "/d", "new", "more"]), st.one_of(st.none(), ROUTES)),
    st.tuples(st.just("upstreams"), st.sampled_from(["u0", "u1", "${u}2", "new"]), st.one_of(st.none(), ONES)),
)
FEW = options(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Both:
    """A configuration, changed again and again: judged whole, and each time alone as well.

    Attributes:
        told: Changes that were told of alone.
        ruled: Changes for which the whole was read.
    """

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.found = of_mapping(configuration, Path("/"))
        self.overlay = NOTHING
        self.whole = self._compose(NOTHING)
        self.told = self.ruled = 0

    def _compose(self, overlay: Overlay) -> Loaded:
        return compose(self.found, ENVIRON, lambda path: overlay)

    def change(self, section: str, name: str, body: dict[str, Any] | None) -> Settings | None:
        """Change something; returns what was told of it alone."""
        source = None if body is None else Source("body.json", json.dumps(body))
        edit = Edit("delete" if body is None else "put", section, name, source)
        before = self.whole
        try:
            overlay = editing.apply(edit, self.overlay, before.settings, before.held)
        except (ConfigError, editing.NoSuchObject):
            return None
        ground = alone.Ground(apart.bare(before), Path("/"), ENVIRON)
        told = alone.changed(edit, overlay, before.settings, before.held, ground)
        try:
            whole = self._compose(overlay)
        except ConfigError as error:
            if told is not None:
                raise AssertionError(f"{edit} was taken alone") from error
            return None
        self.whole, self.overlay = whole, overlay
        self.told, self.ruled = self.told + (told is not None), self.ruled + (told is None)
        if told is None:
            return None
        assert told.settings == whole.settings
        assert {one.name for one in told.settings.routes} == {one.name for one in whole.settings.routes}
        for now, then in zip(getattr(told.settings, section), getattr(whole.settings, section), strict=True):
            assert now.name != name or same(now, then)
        assert set(told.doubts) <= set(whole.doubts)
        return told.settings


@FEW
@given(st.fixed_dictionaries({}, optional=MORE), st.lists(EDITS, min_size=1, max_size=6))
def test_it_says_what_the_whole_says(more: dict[str, Any], edits: list[Any]) -> None:
    """Whatever is changed, one after the other; what is wrong is left to the whole."""
    try:
        both = Both(BASE | more)
    except ConfigError:
        return  # strict, and doubtful
    for section, name, body in edits:
        both.change(section, name, body)


@pytest.fixture
def both() -> Both:
    """The configuration as it is."""
    return Both(BASE)


@pytest.mark.parametrize(
    ("section", "name", "body"),
    [
        ("routes", "a", {"path": "/other", "upstream": "u1", "auth": {"type": "jwt"}}),
        ("routes", "new", {"path": "/new", "upstream": "${NAME}"}),
        ("routes", "c", None),
        ("upstreams", "u1", {"backends": [{"url": "http://127.0.0.1:${PORT}"}]}),
        ("upstreams", "new", {"backends": []}),
    ],
)
def test_what_is_told_alone(section: str, name: str, body: dict[str, Any] | None, both: Both) -> None:
    """A thing that is put, in its place or at the end, and one that is deleted; the others are the same objects."""
    before = both.whole.settings
    told = both.change(section, name, body)

    assert told is not None
    others = [one for one in getattr(before, section) if one.name != name]
    assert [id(one) for one in getattr(told, section) if one.name != name] == list(map(id, others))
    assert both.told == 1


@pytest.mark.parametrize(
    ("section", "name", "body"),
    [
        ("upstreams", "u0", None),
        ("upstreams", "u1", {"backends": [], "sticky": {"cookie": "c"}}),
        ("upstreams", "u1", {"backends": [], "strategy": "consistent_hash", "hash_on": "header:X-Other"}),
        ("routes", "a", {"path": "/a", "upstream": "none"}),
        ("routes", "a", {"path": "/a", "upstream": ["u0", "u1"], "split_on": "cookie:c"}),
    ],
)
def test_what_reaches_further(section: str, name: str, body: dict[str, Any] | None, both: Both) -> None:
    """What others depend on, or what is wrong: the whole has to say."""
    assert both.change(section, name, body) is None


def test_a_route_comes_back_into_its_place(both: Both) -> None:
    """Which the files know, and settings do not."""
    assert both.change("routes", "a", None) is not None
    assert both.change("routes", "a", {"path": "/a", "upstream": "u0"}) is None
    assert both.change("routes", "new", {"path": "/new", "upstream": "u0"}) is not None
    assert both.change("routes", "new", None) is not None
    assert both.change("routes", "new", {"path": "/new", "upstream": "u0"}) is not None


def test_who_cannot_change_anything_keeps_nothing() -> None:
    """Without a token; nor is there anything small to judge by in a long one."""
    without = BASE | {"admin": {"endpoint": "tcp:9"}}
    keys = [{"id": f"k{number}", "key": f"{number:032}"} for number in range(2000)]
    long = BASE | {"auth": BASE["auth"] | {"api_keys": {"keys": keys}}}

    assert apart.bare(Both(without).whole) == apart.bare(Both(long).whole) == b""
    assert apart.bare(Both(BASE).whole)
