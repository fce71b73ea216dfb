"""What holds of the admin API whatever is sent: a plan is what is done, and no secret is ever shown."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, eventAsText

from gateway.config.editing import SECTIONS
from tests.admin.api import CONFIGURATION, TOKEN, Api

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
IN_THE_ENVIRONMENT = {"GATEWAY__ADMIN__TOKEN": TOKEN, "GATEWAY__ADMIN__ENDPOINT": "tcp:9"}
"""So that a configuration that is put locks nobody out."""

NAMES = st.sampled_from(["a", "b", "a/b c", "\u00e9", "${X}", "#1"])


def mapping(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the keys."""
    return st.fixed_dictionaries({}, optional=optional)


ROUTES = st.lists(
    st.fixed_dictionaries(
        {
            "name": NAMES.map(lambda name: name.replace("${", "$${")),
            "path": st.sampled_from(["/a", "/b/*", "/c/:id", 3]),
        },
        optional={
            "upstream": st.sampled_from(["u", "v", "none"]),
            "respond": mapping(status=st.sampled_from([200, 404, 99])),
            "methods": st.sampled_from([["GET"], ["GET", "PUT"], "x y"]),
            "rate_limit": mapping(limit=st.integers(0, 9), window=st.sampled_from(["1s", "1 s"])),
            "plugins": st.sampled_from([[], ["p"], ["q", "p"]]),
            "listeners": st.sampled_from([["a"], ["b"]]),
        },
    ),
    max_size=4,
)
WHOLE = mapping(
    upstreams=st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["u", "v"]), "backends": st.just([{"url": "http://127.0.0.1:9001"}])},
            optional={
                "strategy": st.sampled_from(["random", "ip_hash", "else"]),
                "discovery": st.fixed_dictionaries(
                    {"type": st.just("file"), "path": st.sampled_from(["/no/members", "/others"])},
                    optional={"keep_empty": st.booleans()},
                ),
            },
        ),
        max_size=2,
    ),
    plugins=st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["p", "q"]),
                "class": st.sampled_from(["tests.plugins.Living"] * 5 + ["tests.plugins.Nobody"]),
                "config": mapping(n=st.integers(0, 2), fails=st.sampled_from([False] * 5 + [True])),
            }
        ),
        max_size=2,
        unique_by=lambda plugin: plugin["name"],
    ),
    listeners=st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["a", "b"]), "endpoint": st.sampled_from(["tcp:1", "tcp:2", "tcp:3", "tcp:4"])}
        ),
        min_size=1,
        max_size=2,
        unique_by=(lambda port: port["name"], lambda port: port["endpoint"]),
    ),
    routes=ROUTES,
    rate_limits=st.lists(
        st.fixed_dictionaries({"endpoint": st.sampled_from(["/a", "/b"]), "limit": st.integers(0, 3)})
    ),
    limits=mapping(in_flight=st.integers(-1, 5), request_body=st.sampled_from(["1KiB", 5, "x"])),
    unknown=st.just(1),
)


def mended(body: dict[str, Any]) -> dict[str, Any]:
    """Put right what is wrong in most that is drawn: what is refused is looked at often enough as it is."""
    body.pop("unknown", None)
    upstreams = {one["name"]: {**one, "strategy": "random"} for one in body.get("upstreams", [])}
    plugins = {one["name"] for one in body.get("plugins", [])}
    ports = {one["name"] for one in body.get("listeners", [])}
    routes = {one["name"]: one for one in body.get("routes", [])}
    for number, route in enumerate(routes.values()):
        route.update(
            path=f"/{number}/*", methods=["GET"], plugins=[one for one in route.get("plugins", []) if one in plugins]
        )
        route.pop("rate_limit", None)
        if route.get("upstream") not in upstreams:
            route.update(upstream=None, respond={})
        else:
            route.pop("respond", None)
        if not ports.issuperset(route.get("listeners", [])):
            del route["listeners"]
    return {
        **body,
        "limits": {"in_flight": len(routes)},
        "upstreams": [*upstreams.values()],
        "routes": [*routes.values()],
    }


BODIES = st.lists(st.one_of(WHOLE, WHOLE.map(mended), WHOLE.map(mended)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A running gateway."""
    made = Api(Path(tmp_path_factory.mktemp("gateway")) / "gateway.yaml", CONFIGURATION, IN_THE_ENVIRONMENT)
    yield made
    made.stop()


def test_a_plan_is_what_is_done(api: Api) -> None:
    """The same changes from the same version, or the same problems; a plan alone changes nothing, twice as little."""
    seen: Counter[str] = Counter()

    @settings(FEW, max_examples=60)
    @given(BODIES)
    def whatever_is_sent(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            before = api.get("/config")
            planned, again = (api.ask("POST", "/config/plan", body) for _ in range(2))
            valid = api.ask("POST", "/config/validate", body)
            assert api.get("/config") == before
            done = api.ask("PUT", "/config", body)

            assert planned.status == again.status == done.status
            # What is valid may not be possible here: a plugin that does not start.
            assert valid.status == done.status or "did not start" in done.json["problems"][0]["message"]
            seen.update(change["section"] for change in done.json.get("changes", ()))
            if done.status == 200:
                seen["discovery"] += any("discovery" in one for one in body.get("upstreams", ()))
                assert planned.json == again.json
                assert planned.json["changes"] == done.json["changes"]
                assert (planned.json["version"], planned.fields["ETag"]) == (
                    done.json["before"],
                    f'"{done.json["before"]}"',
                )
                assert (api.get("/config") == before) is (done.json["changes"] == [])
            else:
                assert done.status == 422
                assert planned.json["problems"] == done.json["problems"]
                assert valid.status == 200 or valid.json["problems"] == done.json["problems"]
                assert api.get("/config") == before

    whatever_is_sent()
    kinds = ("listeners", "plugins", "upstreams", "discovery", "routes", "rate_limits", "limits")
    assert all(seen[one] for one in kinds), seen


def test_objects_come_and_go_as_in_a_mapping(api: Api) -> None:
    """Whatever their names are: what was put is there until it is deleted, across reloads too."""

    @FEW
    @given(st.lists(st.tuples(NAMES, st.sampled_from(["put", "delete", "reload"]), st.integers(1, 3)), max_size=12))
    def in_any_order(steps: list[tuple[str, str, int]]) -> None:
        assert api.ask("DELETE", "/config/overlay").status == 200
        held = {"orders": "/orders/*", "/others": "/others"}
        for name, step, number in steps:
            encoded = "".join(f"%{octet:02X}" for octet in name.encode())
            if step == "put":
                body = {"path": f"/put{number}", "respond": {}, "methods": [f"M{'X' * len(held)}{number}"]}
                status = api.ask("PUT", f"/config/routes/{encoded}", body).status
                assert status in (200, 201, 422)  # 422: two routes would be for the same requests
                if status != 422:
                    assert (status == 200) is (name in held)
                    held[name] = body["path"]  # type: ignore[assignment]
            elif step == "delete":
                status = api.ask("DELETE", f"/config/routes/{encoded}").status
                assert status == (200 if name in held else 404)
                held.pop(name, None)
            else:
                assert api.reload()
            shown = api.get("/config")["routes"]
            assert [route["name"].replace("$${", "${") for route in shown] == list(held)
            assert [route["path"] for route in shown] == list(held.values())
            assert api.get("/config/routes")["routes"] == list(held)

    in_any_order()


SECRET = st.from_regex(r"hunter2[A-Za-z0-9_-]{0,20}", fullmatch=True)


def secrets(secret: str) -> dict[str, Any]:
    """A configuration with a secret wherever one may stand."""
    return {
        "redis": {"url": f"redis://user:{secret}@127.0.0.1:6379/0"},
        "auth": {
            "jwt": {
                "default": {"algorithms": ["HS256"], "secret": secret * 5},
                "far": {"algorithms": ["RS256"], "jwks_url": f"https://127.0.0.1:9001/keys?key={secret}"},
            },
            "api_keys": {"keys": [{"id": "k", "key": secret}]},
        },
        "upstreams": [
            {
                "name": "u",
                "backends": [{"url": "http://127.0.0.1:9001"}],
                "health_check": {"path": f"/health?key={secret}", "headers": {"X-Key": secret}},
            }
        ],
        "routes": [
            {
                "name": "r",
                "path": "/r",
                "upstream": "u",
                "headers": {"X-Key": secret},
                "query": {"key": secret},
                "transformations": {"request": {"add_headers": {"X-Key": secret}, "query": {"set": {"key": secret}}}},
            }
        ],
    }


@pytest.mark.parametrize("wrong", ["", "redis", "auth", "upstreams", "routes"])
def test_no_secret_is_shown(api: Api, wrong: str) -> None:
    """Not by what is read, not by answers to what is wrong, not in the log, not in a plan."""

    @settings(FEW, max_examples=4, phases=[Phase.generate])
    @given(SECRET)
    def wherever_it_stands(secret: str) -> None:
        body = secrets(secret)
        if wrong:
            body = json.loads(re.sub(r'"(path|secret|url|name|id)": "', r'"\1x": "', json.dumps(body[wrong]), count=1))
            body = {wrong: body}
        with capturedLogs() as events:
            answers = [
                api.ask("POST", "/config/validate", body),
                api.ask("POST", "/config/plan", body),
                api.ask("PUT", "/config/upstreams/u", secrets(secret)["upstreams"][0]),
                api.ask("PUT", "/config/routes/r", {**secrets(secret)["routes"][0], "pth": secret}),
            ]
            assert wrong or answers[0].status == 200
            if not wrong:
                body.pop("redis")  # nothing is to be dialled
                body["auth"]["jwt"].pop("far")
                answers.append(api.ask("PUT", "/config", body))
                assert answers[-1].status == 200, answers[-1]
            reads = ["config", "config/overlay", "config/versions", "routes", "upstreams", "metrics", "openapi.json"]
            reads += [f"config/{section}" for section in SECTIONS] + ["config/routes/r", "config/upstreams/u"]
            answers += [api.ask("GET", f"/{path}", token="") for path in reads]
        assert all("hunter2" not in answer.body.decode() for answer in answers), [
            answer for answer in answers if "hunter2" in answer.body.decode()
        ]
        assert "hunter2" not in "\n".join(str(eventAsText(event)) for event in events)

    wherever_it_stands()
