"""Routes for the live page, and requests that are tried on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock

from gateway.admin import live
from gateway.composition import live_routes
from gateway.composition.live_routes import LiveRoutes
from gateway.composition.slices import SLICE
from gateway.config import load
from gateway.serving import trial
from tests.admin.api import TOKEN, Api

__all__ = ["live", "live_routes", "trial"]  # what is asked here goes through them

CONFIGURATION = f"""
listeners: [{{name: public, endpoint: "tcp:1"}}, {{name: inside, endpoint: "tcp:2"}}]
admin: {{endpoint: "tcp:9", token: {TOKEN}}}
upstreams: [{{name: orders, backends: [{{url: "http://127.0.0.1:9001"}}, {{url: "http://127.0.0.1:9002"}}]}}]
routes:
  - {{name: orders, host: api.example.com, path: "/orders/{{id}}", methods: [GET], upstream: orders,
      rate_limit: {{limit: 10, window: 60s}}}}
  - {{name: beta, path: /orders/*, headers: {{X-Beta: "1"}}, respond: {{status: 200, body: beta}}}}
  - {{name: inside, path: /inside/*, listeners: [inside], respond: {{status: 200, body: inside}}}}
"""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A running gateway."""
    made = Api(tmp_path / "gateway.yaml", CONFIGURATION)
    yield made
    made.stop()


def attempt(api: Api, url: str, **said: Any) -> Any:
    """Try a request, without a token."""
    answer = api.ask("POST", "/live/route", {"url": url, **said}, token="")
    assert answer.status == 200, answer
    return answer.json


def test_routes_have_their_steps(api: Api) -> None:
    """From the client inwards, those that only look at answers too."""
    (orders, beta, inside) = api.get("/live/routes")["routes"]
    assert [orders["name"], beta["name"], inside["name"]] == ["orders", "beta", "inside"]
    outermost = ["request_id", "trace", "access_log", "metrics"]
    assert orders["steps"] == [*outermost, "ratelimit:fields", "ratelimit:pre", "body_limit", "request_buffer"]
    assert beta["steps"] == [*outermost, "body_limit"]


def test_routes_are_searched_and_given_in_parts(api: Api) -> None:
    """By name, host, path, method and upstream."""
    assert [one["name"] for one in api.get("/live/routes?search=EXAMPLE")["routes"]] == ["orders"]
    part = api.get("/live/routes?from=1&most=1")
    assert (part["total"], [one["name"] for one in part["routes"]]) == (3, ["beta"])
    assert api.get("/live/routes?search=nowhere")["routes"] == []
    for wrong in ("from=-1", "most=0", "most=201", "from=x"):
        assert api.ask("GET", f"/live/routes?{wrong}").status == 400


def test_a_request_is_tried(api: Api) -> None:
    """The route, its parameters, and which were considered."""
    found = attempt(api, "https://API.example.com/orders/7?x=1")

    assert (found["route"]["name"], found["params"], found["answer"]) == ("orders", {"id": "7"}, None)
    assert found["considered"] == ["orders (api.example.com /orders/{id}): taken"]


def test_conditions_and_hosts_are_said(api: Api) -> None:
    """Why a route gives way; of a path without a host the field counts."""
    found = attempt(api, "/orders/7", headers={"Host": "other.example"})
    assert (found["route"], found["answer"]["status"], found["answer"]["reason"]) == (None, 404, "route.none")
    assert "header or query conditions are not met" in found["considered"][0]

    assert attempt(api, "/orders/7", headers={"X-Beta": "1"})["route"]["name"] == "beta"
    refused = attempt(api, "https://api.example.com/orders/7", method="delete")
    assert (refused["answer"]["status"], refused["answer"]["reason"]) == (405, "route.method")


def test_each_listener_has_its_routes(api: Api) -> None:
    """And one that is not there is said not to be."""
    assert attempt(api, "/inside/x")["route"] is None
    assert attempt(api, "/inside/x", listener="inside")["route"]["name"] == "inside"
    assert api.ask("POST", "/live/route", {"url": "/", "listener": "nobody"}).status == 400


def test_paths_are_read_as_requests_are(api: Api) -> None:
    """Normal forms, paths of the gateway's own, and what is no path."""
    found = attempt(api, "https://api.example.com/x/../orders/%37")
    assert found["path"] == "/orders/7"
    assert attempt(api, "/health")["own"]
    assert attempt(api, "/a%zz")["answer"]["status"] == 400


@pytest.mark.parametrize(
    "body",
    [
        *("[]", "{", "{}", '{"url": 7}', '{"url": "/", "headers": []}', '{"url": "/", "headers": {"a": 1}}'),
        *('{"url": "/ x"}', '{"url": "x"}', '{"url": "/", "method": "G T"}', '{"url": "http://a b/"}'),
        *('{"url": "/", "headers": {"\\u00e4": ""}}', '{"url": "http://[::1/"}'),
    ],
)
def test_what_is_no_request_is_refused(api: Api, body: str) -> None:
    """With 400, and nothing in the log."""
    assert api.ask("POST", "/live/route", body, token="").status == 400


def test_a_page_of_another_origin_tries_nothing(api: Api) -> None:
    """As it may change nothing."""
    assert api.ask("POST", "/live/route", {"url": "/"}, origin="https://evil.example").status == 403


def test_upstreams_say_what_comes_next(api: Api) -> None:
    """Looked at twice it is the same: no turn is taken by looking."""
    first = api.get("/upstreams")[0]["ahead"]
    assert first == api.get("/upstreams")[0]["ahead"]
    assert first == {"names": [f"http://127.0.0.1:{port}" for port in (9001, 9002, 9001)], "words": "in turn"}


class _Turns(Clock):
    """Counts how often a turn is waited for."""

    count = 0

    def callLater(self, *args: Any, **more: Any) -> Any:
        """Count, and do it."""
        self.count += 1
        return super().callLater(*args, **more)


def test_a_search_of_thousands_of_routes_takes_turns(tmp_path: Path) -> None:
    """Requests go on between them; what is found is of the configuration that was in force when it began."""
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    settings = load(file, {})
    many = settings.model_copy(update={"routes": settings.routes * 200})
    built = {route.name: SimpleNamespace(leaf=SimpleNamespace(steps=[])) for route in settings.routes}
    trees = [SimpleNamespace(settings=many, kept=SimpleNamespace(routes=built))]
    clock = _Turns()
    found: list[dict[str, Any]] = []

    LiveRoutes(lambda: trees[-1], clock).part("beta", 0, 1).addCallback(found.append)  # type: ignore[arg-type, return-value]
    trees.append(SimpleNamespace(settings=settings))
    assert found == []
    clock.advance(0)

    assert clock.count == 600 * live_routes.TEXT // SLICE
    assert (found[0]["total"], [one["name"] for one in found[0]["routes"]]) == (200, ["beta"])
