"""Configurations as the simulation draws them: the same in other words, others that differ a little, and requests."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import yaml

from gateway.config import from_mapping
from gateway.config.effective import effective
from gateway.config.schema.cases import CaseRequest
from tests.simulation import drawn

Configuration = dict[str, Any]

PORTS = [9001, 9002]
BUDGETS = drawn.Budgets(0.2, 1, 0.2)
SHARED = ("limits", "forwarded", "trusted_proxies", "ratelimit_headers", "routes")
"""Keys of the whole configuration, of those that may be changed."""
METHODS = ("GET", "GET", "GET", "HEAD", "POST", "DELETE")


def configuration(chance: random.Random, *, caches: bool = True) -> Configuration:
    """Draw a configuration with a few routes.

    Args:
        chance: Draws.
        caches: Whether routes may have one.
    """
    routes = [drawn.route(chance, name, BUDGETS, caches and chance.random() < 0.3) for name in ("a", "b")]
    for route in routes:
        if chance.random() < 0.4:
            route["methods"] = chance.choice((["GET", "HEAD"], ["GET", "POST"]))
        if chance.random() < 0.3:
            route["rate_limit"] = [
                {"scope": "ip", "limit": chance.choice((1, 3)), "window": chance.choice(("1m", "60s"))}
            ]
        if chance.random() < 0.3:
            route["host"] = chance.choice(("a.example", "*.example"))
    routes.append({"name": "said", "path": "/a/said", "respond": {"status": chance.choice((200, 418)), "body": "said"}})
    return {"upstreams": drawn.upstreams(chance, PORTS, ()), "routes": routes, **drawn.settings(chance)}


def said_otherwise(chance: random.Random, said: Configuration) -> tuple[str, str]:
    """Return how a file says the same in other words, and the file."""
    how = chance.choice(("order", "defaults", "anchors", "json"))
    if how == "defaults":
        # Of what is in force everything is shown, also what nobody has written.
        shown = json.loads(json.dumps(effective(from_mapping(said), revealed=True)))
        return how, yaml.safe_dump(shown, sort_keys=False)
    if how == "order":
        return how, yaml.safe_dump(_shuffled(chance, said), sort_keys=False)
    if how == "anchors":
        return how, yaml.safe_dump(_with_anchors(said), sort_keys=False)
    return how, json.dumps(said, indent=1)


def changed(chance: random.Random, said: Configuration) -> Configuration:
    """Return a configuration in which one thing is otherwise."""
    new = copy.deepcopy(said)
    route = chance.choice(new["routes"][:2])
    key, value = chance.choice(
        (
            ("path", f"/{route['name']}/1"),
            ("methods", ["GET"]),
            ("upstream", "spare"),
            ("host", chance.choice(("a.example", "*.example", "other.example"))),
            ("headers", {"X-Beta": "1"}),
            ("rate_limit", [{"scope": "ip", "limit": 2, "window": "60s"}]),
            ("transformations", {"response": {"set_headers": {"X-New": "1"}}}),
            ("transformations", {"request": {"path": {"add_prefix": "/new"}}}),
            ("cors", {"allowed_origins": ["https://page.example"]}),
            ("ip_deny", ["127.0.0.1/32"]),
            ("limits", {"request_body": 1}),
            ("forwarded", {"via": False}),
            ("trusted_proxies", ["127.0.0.0/8"]),
            ("ratelimit_headers", ["x"]),
            ("routes", new["routes"][::-1]),
            ("routes", new["routes"][:-1]),
            (
                "routes",
                [*new["routes"], {"name": "more", "path": "/a/*", "methods": ["GET"], "respond": {"body": "more"}}],
            ),
        )
    )
    (new if key in SHARED else route)[key] = value
    return new


def requests(chance: random.Random, number: int) -> list[CaseRequest]:
    """Draw requests that such routes take, or nearly take."""
    found = []
    for _ in range(number):
        method = chance.choice(METHODS)
        host = chance.choice(("a.example", "b.example", "localhost"))
        path = chance.choice(("/a/1", "/a/said", "/a/../b/2", "/b/1?q=1&q=2", "/b", "/c", "/a/%61%2fb", "/new/a/1"))
        headers = chance.choice(
            ({}, {"X-Beta": "1"}, {"Origin": "https://page.example"}, {"X-Forwarded-For": "192.0.2.7"})
        )
        body = chance.choice((None, {"n": 1}, "text")) if method == "POST" else None
        found.append(
            CaseRequest(method=method, url=f"http://{host}{path}", headers=headers, body=body, client="127.0.0.1")
        )
    return found


def _with_anchors(said: Configuration) -> Configuration:
    """Let parts that are alike be one object: PyYAML writes it where it stands first, and refers to it."""
    known: dict[str, Any] = {}

    def one(part: Any) -> Any:
        if not isinstance(part, (dict, list)) or not part:
            return part
        made = {key: one(value) for key, value in part.items()} if isinstance(part, dict) else list(map(one, part))
        return known.setdefault(json.dumps(made), made)

    shared: Configuration = one(said)
    return shared


def _shuffled(chance: random.Random, said: Any) -> Any:
    if isinstance(said, dict):
        return {key: _shuffled(chance, said[key]) for key in chance.sample(list(said), len(said))}
    return [_shuffled(chance, one) for one in said] if isinstance(said, list) else said
