"""`GET /live/config`: where the values in force were written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from gateway.admin import origins
from gateway.composition import placed
from gateway.composition.configured import Configured
from tests.admin.api import CONFIGURATION, Api

__all__ = ["origins", "placed"]  # what is asked here goes through them


@pytest.fixture(params=[False, True], ids=["one process", "several"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A running gateway; or a worker, which passes on."""
    made = Api(tmp_path / "gateway.yaml", passes=request.param)
    yield made
    made.stop()


def values(api: Api, query: str) -> dict[str, tuple[str, str]]:
    """Return values with their origins, by path."""
    found = api.get(f"/live/config?{query}")
    return {one["path"]: (one["value"], one["origin"]) for one in found["values"]}


def test_each_value_has_its_place(api: Api) -> None:
    """File and line of what was written, `default` of what was not; secrets masked."""
    found = values(api, "search=admin.&most=200")
    assert found["admin.endpoint"] == ("tcp:9", f"{api.path}:3")
    assert found["admin.token"] == ("**********", f"{api.path}:3")
    assert values(api, "search=routes%5Borders%5D.path")["routes[orders].path"] == ("/orders/*", f"{api.path}:6")
    assert values(api, "search=limits.request_body")["limits.request_body"][1] == "default"


def test_what_is_default_can_be_left_out(api: Api) -> None:
    """By `written=1`; parts are of what is left."""
    every, some = api.get("/live/config?most=1"), api.get("/live/config?most=1&written=1")
    assert every["total"] > some["total"] > 5
    assert "default" not in {origin for _, origin in values(api, "written=1&most=200").values()}
    part = api.get("/live/config?written=1&from=2&most=3")
    assert (part["from"], len(part["values"])) == (2, 3)


def test_what_the_admin_api_has_changed_says_so(api: Api) -> None:
    """The place is in what was sent, over the files; a change is seen at once."""
    values(api, "search=orders")
    put = {"path": "/new/*", "upstream": "orders"}
    assert api.ask("PUT", "/config/routes/orders", put).status == 200

    value, origin = values(api, "search=routes%5Borders%5D.path")["routes[orders].path"]
    assert value == "/new/*"
    assert "gateway.yaml" not in origin


def test_words_are_found_in_any_letters(api: Api) -> None:
    """In paths, values and origins, those that JSON has to escape too."""
    text = CONFIGURATION.replace("body: others", 'body: "a \\"Quoted\\" ü"')
    api.path.write_text(text)
    assert api.reload()
    assert list(values(api, "search=%22quoted%22%20%C3%9C")) == ["routes[/others].respond.body"]
    assert api.ask("GET", "/live/config?from=x").status == 400


def test_many_who_look_at_much_wait_for_one_look() -> None:
    """What takes seconds for thousands of routes is made once; changes of the configuration need not queue for it."""
    routes = [{"path": f"/{number}/*", "respond": {"status": 200, "body": "x"}} for number in range(101)]
    configured = Configured({"routes": routes}, {}, lambda: None)
    asked: list[tuple[Deferred[Any], partial[Any]]] = []

    class Threads:
        def aside(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
            asked.append((Deferred(), partial(work, *arguments)))
            return asked[-1][0]

    configured.read_by(cast("Any", Threads()))
    looks = [ensureDeferred(configured.origins("path", 0, 1, written=False)) for _ in range(5)]
    made = []
    while asked:
        [(there, work)] = asked
        asked.clear()
        made.append(work.func)
        there.callback(work())

    assert len({str(look.result) for look in looks}) == 1
    assert len(made) == 1 + len(looks), "placed once, and looked up by each"


def test_pages_of_other_origins_are_refused(api: Api) -> None:
    """Whichever process answers."""
    assert api.ask("GET", "/live/config", token="", sec_fetch_site="cross-site").status == 403
