"""What a configuration takes over from the one before, and that it is as if it had been built from nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import BuiltinMethodType, CellType, CodeType, FunctionType, MethodType
from typing import Any
from weakref import WeakMethod

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pydantic import BaseModel
from twisted.internet.task import Clock

from gateway.composition import snapshot
from gateway.composition.assembly import Gateway, assemble
from gateway.composition.builders.facts import facts_of
from gateway.composition.slices import SLICE, Slices, at_once
from gateway.composition.snapshot import Snapshot
from gateway.config import Settings, from_mapping
from tests.routing.test_changed_tables import shape

Mapped = dict[str, Any]

SECRET = "0123456789abcdef0123456789abcdef"
JWT = {"default": {"algorithms": ["HS256"], "secret": SECRET}}


def backends(port: int) -> list[Mapped]:
    """Two of them."""
    return [{"url": f"http://127.0.0.1:{port}"}, {"url": f"http://127.0.0.1:{port + 1}"}]


def base() -> Mapped:
    """Three upstreams and six routes, of which each has something else."""
    return {
        "auth": {
            "api_keys": {"keys": [{"id": "ann", "key": SECRET}]},
            "jwt": JWT,
        },
        "upstreams": [{"name": name, "backends": backends(9000 + 10 * place)} for place, name in enumerate("abc")],
        "routes": [
            {"name": "plain", "path": "/plain", "upstream": "a"},
            {"name": "keyed", "path": "/keyed/*", "upstream": "a", "auth": {"type": "api_key"}, "in_flight": 9},
            {
                "name": "split",
                "path": "/split/:id",
                "upstream": [{"name": "a", "weight": 1}, {"name": "b", "weight": 2}],
                "retry": {"attempts": 2},
                "hedge": {},
            },
            {"name": "limited", "path": "/limited", "upstream": "b", "rate_limit": {"limit": 5, "window": "1s"}},
            {"name": "kept", "path": "/kept", "upstream": "b", "cache": {"ttl": "5s"}, "mirror": {"upstream": "c"}},
            {"name": "said", "path": "/said", "respond": {"status": 200, "body": "hello"}},
        ],
    }


def route(name: str, **keys: Any) -> Callable[[Mapped], None]:
    """Set keys of a route."""
    return lambda said: next(one for one in said["routes"] if one["name"] == name).update(keys)


def upstream(name: str, **keys: Any) -> Callable[[Mapped], None]:
    """Set keys of an upstream."""
    return lambda said: next(one for one in said["upstreams"] if one["name"] == name).update(keys)


def top(**keys: Any) -> Callable[[Mapped], None]:
    """Set keys of top level."""
    return lambda said: said.update(keys)


def no_route(name: str) -> Callable[[Mapped], None]:
    """Leave a route out."""
    return lambda said: said.update(routes=[one for one in said["routes"] if one["name"] != name])


CHANGES: Mapping[str, Callable[[Mapped], None]] = {
    "timeout": route("plain", timeout="7s"),
    "condition": route("plain", headers={"X-Tenant": "one"}),
    "scope": route("limited", rate_limit={"limit": 5, "window": "1s", "scope": "header:X-Team"}),
    "queue": route("limited", rate_limit_queue={}),
    "dry run": route("keyed", auth={"type": "api_key", "dry_run": True}),
    "compression off": route("plain", compression="off"),
    "readings": route("plain", paths={"readings": ["case"]}),
    "ttl": route("kept", cache={"ttl": "6s"}),
    "no cache": route("kept", cache=None),
    "another cache": route("plain", cache={"ttl": "6s"}),
    "post": route("kept", path="/plain"),
    "jwt": route("plain", auth={"type": "jwt"}),
    "aggregate": route("said", respond=None, aggregate={"parts": [{"name": "a", "upstream": "a", "path": "/x"}]}),
    "gone": no_route("limited"),
    "split gone": no_route("split"),
    "reversed": lambda said: said["routes"].reverse(),
    "listener": route("plain", listeners=["two"]),
    "strategy": upstream("a", strategy="random"),
    "backend": upstream("b", backends=backends(9100)),
    "base": upstream("b", backends=[{"url": "http://127.0.0.1:9010/base"}]),
    "sticky": upstream("c", sticky={"cookie": "gw", "secret": SECRET}),
    "hash": upstream("a", strategy="consistent_hash", hash_on="header:X-Shard"),
    "breaker": upstream("a", circuit_breaker={"fallback": {"upstream": "c"}}),
    "last good": upstream("a", circuit_breaker={"fallback": {"cached": True}}),
    "bounded": upstream("c", in_flight=3),
    "adaptive": upstream("b", adaptive_concurrency={}),
    "http2": upstream("b", protocol="http2"),
    "breakers": top(circuit_breaker={"timeout": "3s"}),
    "compression": top(compression={}),
    "limits": top(limits={"request_body": "5MiB", "in_flight": 100}),
    "gathered": top(limits={"request_buffer": "8KiB", "queue": {}, "in_flight": 50}),
    "shed": top(limits={"loop_lag": "100ms"}),
    "rate limits": top(rate_limits=[{"limit": 9, "window": "1s", "path": "/plain/*"}]),
    "addresses": top(ip_deny=["192.0.2.0/24"], ip_dry_run=True),
    "told": top(dry_run_header=True),
    "deciding": top(paths={"forward": "normalized"}),
    "connect": top(timeouts={"connect": "2s", "request": "20s"}),
    "trusted": top(trusted_proxies=["10.0.0.0/8"]),
    "via": top(forwarded={"via": True}),
    "logged": top(access_log={"sample": 0.5}),
    "not logged": top(access_log=False),
    "quiet": top(log={"level": "error"}),
    "labels": top(metrics={"labels": {"team": "edge"}}),
    "keys": top(
        auth={
            "api_keys": {"keys": [{"id": "bob", "key": SECRET[::-1]}]},
            "jwt": JWT,
        }
    ),
    "tunnels": top(
        auth={
            "api_keys": {"query": None},
            "jwt": JWT,
            "tunnels": "until_expiry",
        }
    ),
}


def configuration(names: frozenset[str]) -> Settings:
    """Make the configuration with some changes."""
    said = base()
    said["listeners"] = [{"name": "one", "endpoint": "tcp:1"}, {"name": "two", "endpoint": "tcp:2"}]
    for name in sorted(names):
        try:
            CHANGES[name](said)
        except StopIteration:  # of a route that another change has left out
            continue
    return from_mapping(said)


def gateway(settings: Settings) -> Gateway:
    """Assemble one that does nothing by itself."""
    clock = Clock()
    return assemble(settings, clock, now=clock.seconds, wall_clock=clock.seconds, random_bytes=bytes)


def put_in_force(made: Gateway, built: Snapshot) -> None:
    """Put a snapshot into force, as `gateway.composition.changes` does."""
    made.put_in_force(built)
    made.foundation.pool.retain(built.pool_keys)
    made.foundation.carried.commit()


class Unlike(Exception):
    """Two things differ; says where."""


def compare(one: Any, other: Any, seen: dict[tuple[int, int], Any], where: str = "") -> None:  # noqa: C901 - a kind a branch
    """Compare two things by everything that they are made of, however deep.

    Raises:
        Unlike: They differ.
    """
    if one is other or (id(one), id(other)) in seen:
        return
    seen[id(one), id(other)] = one, other
    if type(one) is not type(other):
        raise Unlike(f"{where}: {one!r} is not {other!r}")
    go = partial(compare, seen=seen)
    if type(one) is object:  # a mark: it is only ever asked whether it is the same
        return
    if type(one) is dict and all(isinstance(key, int) for key in (*one, *other)):  # by the identity of things
        go([*one.values()], [*other.values()], where=where)
    elif type(one) is dict:
        if list(one) != list(other):
            raise Unlike(f"{where}: keys {list(one)} are not {list(other)}")
        for key, value in one.items():
            go(value, other[key], where=f"{where}[{key!r}]")
    elif isinstance(one, (list, tuple)):
        if len(one) != len(other):
            raise Unlike(f"{where}: {one!r} is not {other!r}")
        for place, (value, another) in enumerate(zip(one, other, strict=True)):
            go(value, another, where=f"{where}[{place}]")
    elif isinstance(one, MethodType):
        go(one.__func__, other.__func__, where=where)
        go(one.__self__, other.__self__, where=f"{where}.self")
    elif isinstance(one, BuiltinMethodType):
        if one.__name__ != other.__name__:
            raise Unlike(f"{where}: {one!r} is not {other!r}")
        go(one.__self__, other.__self__, where=f"{where}.self")
    elif isinstance(one, WeakMethod):
        go(one(), other(), where=where)
    elif hasattr(one, "cache_parameters"):
        go(one.__wrapped__, other.__wrapped__, where=where)
    elif isinstance(one, FunctionType):
        if _code(one) != _code(other):
            raise Unlike(f"{where}: {one!r} is not {other!r}")
        go(one.__closure__, other.__closure__, where=f"{where}:{one.__qualname__}")
        go(one.__defaults__, other.__defaults__, where=where)
    elif isinstance(one, CellType):
        go(one.cell_contents, other.cell_contents, where=where)
    elif isinstance(one, partial):
        go((one.func, one.args, one.keywords), (other.func, other.args, other.keywords), where=where)
    elif type(one).__module__.startswith("gateway.") and not isinstance(one, (BaseModel, frozenset, bytes, str, int)):
        for name in attributes(one):
            go(getattr(one, name, None), getattr(other, name, None), where=f"{where}.{name}")
    elif one != other:
        raise Unlike(f"{where}: {one!r} is not {other!r}")


def _code(function: FunctionType) -> tuple[Any, ...]:
    """Return what tells two functions apart; some are made from a text when they are needed."""
    code = function.__code__
    return code.co_code, code.co_names, [const for const in code.co_consts if not isinstance(const, CodeType)]


def attributes(thing: Any) -> list[str]:
    """Return the names of what an object holds."""
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*dict.fromkeys([*slots, *getattr(thing, "__dict__", ())])]


def table_shape(table: Any) -> Any:
    """Return what a table is made of, routes by their names."""
    return shape(table, lambda leaf: leaf.name)


def alike(built: Snapshot, anew: Snapshot) -> None:
    """Compare what two snapshots of the same settings have.

    Raises:
        Unlike: They differ.
    """
    for name, kept in built.kept.routes.items():
        compare(kept.leaf, anew.kept.routes[name].leaf, {}, name)
        assert kept.rules == anew.kept.routes[name].rules
    assert list(built.kept.routes) == list(anew.kept.routes)
    for absent, table in built.kept.tables.items():
        assert table_shape(table) == table_shape(anew.kept.tables[absent])
    assert built.pool_keys == anew.pool_keys
    assert built.retry_budgets == anew.retry_budgets


sets = st.frozensets(st.sampled_from(sorted(CHANGES)), max_size=6)


@given(before=sets, after=sets)
@profile(max_examples=15, deadline=None)
def test_taken_over_is_as_built_anew(before: frozenset[str], after: frozenset[str]) -> None:
    """Whatever the two configurations are; and what both ask to be carried over is the same."""
    settings = configuration(after)
    made = gateway(configuration(before))
    built = made.build(settings, made.access_logs.writer)
    asked = set(made.foundation.carried._asked)
    put_in_force(made, built)
    made.foundation.carried.begin()
    anew: Snapshot = at_once(
        snapshot.build(
            settings,
            made.foundation,
            made.access_logs.writer.write if made.access_logs.writer else _ignore(made),
            explains=settings.log.level != "error",
        )
    )
    alike(built, anew)
    assert asked == set(made.foundation.carried._asked)


def _ignore(made: Gateway) -> Any:
    from gateway.composition.assembly import _ignore

    return _ignore


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_each_kind_of_change(name: str) -> None:
    """There and back; what the first one has made is not there any more."""
    plain, changed = configuration(frozenset()), configuration(frozenset([name]))
    made = gateway(plain)
    first = set(made.foundation.carried._things)
    for settings in (changed, plain):
        put_in_force(made, made.build(settings, made.access_logs.writer))
        assert made.root.tree.kept.surroundings
    assert first == set(made.foundation.carried._things)


def test_one_changed_route_of_many_is_one_leaf() -> None:
    """The others are the same objects; no slice is longer than its bound and one route more."""
    one = from_mapping({**base(), "routes": base()["routes"][:1]})
    routes = [one.routes[0].model_copy(update={"name": f"r{n}", "path": (f"/r{n}/*",)}) for n in range(1000)]
    before = one.model_copy(update={"routes": tuple(routes)})
    made = gateway(before)
    routes[321] = routes[321].model_copy(update={"timeout": 7.0})
    after = one.model_copy(update={"routes": tuple(routes)})
    slices, was = Slices(made.foundation.reactor), made.root.tree.kept.routes
    done: list[Snapshot] = []
    from twisted.internet.defer import ensureDeferred

    ensureDeferred(made.build_in_slices(after, made.access_logs.writer, slices)).addCallback(done.append)
    while not done:
        made.foundation.reactor.advance(0)
    now = done[0].kept.routes

    assert [name for name in now if now[name].leaf is not was[name].leaf] == ["r321"]
    assert now["r0"].facts is was["r0"].facts
    assert slices.count >= 1
    assert done[0].routes is not made.root.tree.routes
    assert slices.longest <= 2 * SLICE
    put_in_force(made, done[0])
    assert made.root.tree.settings is after


class Marking:
    """A plugin that does nothing."""

    def on_request(self, exchange: Any) -> None: ...


@pytest.mark.parametrize(
    ("changed", "compiled"),
    [
        ({"config": {"a": 1}}, ["marked"]),
        ({"timeout": "7s"}, ["marked"]),
        ({"on_error": "reject"}, ["marked"]),
        ({}, []),
        (None, [one["name"] for one in base()["routes"]]),
    ],
)
def test_a_changed_plugin_compiles_the_routes_that_use_it(changed: Mapped | None, compiled: list[str]) -> None:
    """And no others; where there are plugins at all, and where there are none, all routes are logged otherwise."""

    def said(plugin: Mapped | None) -> Settings:
        one = base()
        one["plugins"] = [{"name": "mark", "class": f"{__name__}:Marking", **(plugin or {})}]
        one["routes"].append({"name": "marked", "path": "/marked", "upstream": "a", "plugins": ["mark"]})
        if plugin is None:
            del one["plugins"], one["routes"][-1]
        return from_mapping(one)

    made = gateway(said({}))
    was = made.root.tree.kept.routes
    now = made.build(said(changed), made.access_logs.writer).kept.routes

    assert [name for name in now if now[name].leaf is not was[name].leaf] == compiled


def test_what_is_known_of_a_route_is_found_out_once() -> None:
    """For the same object; another one is looked at again."""
    before = gateway(configuration(frozenset())).root.tree.kept.routes
    routes = tuple(kept.facts.route for kept in before.values())
    changed = (*routes[:-1], routes[-1].model_copy())
    again = list(facts_of(changed, before))

    assert [one is before[one.route.name].facts for one in again] == [True] * 5 + [False]


def test_an_upstream_that_is_the_same_is_not_built_again() -> None:
    """One whose fallback is another is built: it holds the one that it falls back to."""
    made = gateway(configuration(frozenset(["breaker"])))
    before = made.root.tree.upstreams
    after = made.build(configuration(frozenset(["breaker", "timeout"])), made.access_logs.writer).upstreams
    assert [after[name] is before[name] for name in "abc"] == [True] * 3
    made.foundation.carried.roll_back()
    after = made.build(configuration(frozenset(["breaker", "bounded"])), made.access_logs.writer).upstreams

    assert [after[name] is before[name] for name in "abc"] == [False, True, False]


def test_a_page_that_changes_is_read_again(tmp_path: Path) -> None:
    """By the routes that have it, and by all where it is for all."""
    own, everywhere = tmp_path / "own.html", tmp_path / "all.html"
    own.write_text("own")
    everywhere.write_text("all")
    said = base()
    said["error_pages"] = {404: str(everywhere)}
    route("plain", error_pages={502: str(own)})(said)
    settings = from_mapping(said)
    made = gateway(settings)

    def again() -> list[str]:
        before = made.root.tree.kept.routes
        put_in_force(made, made.build(settings, made.access_logs.writer))
        now = made.root.tree.kept.routes
        return [name for name in now if now[name].leaf is not before[name].leaf]

    assert again() == []
    own.write_text("other")
    assert again() == ["plain"]
    everywhere.write_text("other")
    assert len(again()) == 6
