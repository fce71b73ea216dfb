"""The admin API: the configuration in force is read, checked, planned and changed."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, eventAsText

from gateway.admin.resources import REQUEST_BODY
from gateway.composition import overlay_file
from gateway.composition.reader import Reader
from gateway.config import from_mapping
from gateway.config.texts import MASK
from tests.admin.api import CONFIGURATION, KEPT, TOKEN, Api

ROUTE = {"path": "/new", "respond": {"status": 200, "body": "new"}}


@pytest.fixture(params=[False, True], ids=["itself", "parent"])
def api(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Api]:
    """A running gateway whose overlay lasts as long as the process: one that answers itself, or asks its parent."""
    made = Api(tmp_path / "gateway.yaml", passes=request.param)
    yield made
    made.stop()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Api]:
    """A running gateway whose overlay is kept in a file."""
    (tmp_path / "kept").mkdir()
    made = Api(tmp_path / "gateway.yaml", KEPT)
    yield made
    made.stop()


def test_what_is_in_force_is_read_without_a_token(api: Api) -> None:
    """Secrets masked, with the version as its tag."""
    answer = api.ask("GET", "/config", token="")

    assert (answer.status, answer.fields["ETag"]) == (200, api.tag(1))
    assert answer.json["admin"]["token"] == MASK
    assert [route["name"] for route in answer.json["routes"]] == ["orders", "/others"]


def test_a_head_has_the_tag_and_no_body(api: Api) -> None:
    """As everywhere."""
    answer = api.ask("HEAD", "/config", token="")

    assert (answer.status, answer.fields["ETag"], answer.body) == (200, api.tag(1), b"")


@pytest.mark.parametrize("path", ["/config/routes/%2Fothers", "/config/routes//others", "/config/routes/%2fothers"])
def test_a_name_with_slashes_may_be_encoded(api: Api, path: str) -> None:
    """Routes that have no name of their own are called by their path."""
    assert api.get(path)["respond"]["body"] == "others"


def test_names_are_listed(api: Api) -> None:
    """For who does not know any."""
    assert api.get("/config/routes") == {"routes": ["orders", "/others"]}
    assert api.get("/config/rate_limits/") == {"rate_limits": []}


@pytest.mark.parametrize("path", ["routes/none", "upstreams/none", "plugins/none", "rate_limits/0", "routes/%ff"])
def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    """404, for reads and for what would delete it."""
    assert api.ask("GET", f"/config/{path}", token="").status == 404
    assert api.ask("DELETE", f"/config/{path}").status == 404


def test_the_versions_are_listed(api: Api) -> None:
    """The one in force first."""
    api.ask("PUT", "/config/routes/new", ROUTE)

    first, second = api.get("/config/versions")["versions"]
    assert (first["version"], first["who"]) == (api.version(2), "admin:192.0.2.9")
    assert first["changes"] == [{"section": "routes", "name": "new", "kind": "added"}]
    assert second == {"version": api.version(1), "at": "1970-01-01T00:00:00+00:00", "who": "start", "changes": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/config"),
        ("POST", "/config/validate"),
        ("POST", "/config/plan"),
        ("PUT", "/config/routes/new"),
        ("DELETE", "/config/routes/orders"),
        ("DELETE", "/config/overlay"),
        ("POST", "/config/rollback"),
    ],
)
def test_all_but_reads_need_the_token(api: Api, method: str, path: str) -> None:
    """401 without it, 403 for a page of another origin that has it."""
    assert api.ask(method, path, ROUTE, token="").status == 401
    assert api.ask(method, path, ROUTE, token="wrong").status == 401
    assert api.ask(method, path, ROUTE, origin="https://evil.example").status == 403
    assert api.get("/config/versions")["versions"][0]["version"] == api.version(1)


@pytest.mark.parametrize("body", [CONFIGURATION, "{}", '\t{"routes":\t[]}'])
def test_a_configuration_is_valid(api: Api, body: str) -> None:
    """YAML, and JSON where it says so."""
    fields = {"content_type": "application/json"} if "\t" in body else {}
    answer = api.ask("POST", "/config/validate", body, **fields)

    assert (answer.status, answer.json["valid"]) == (200, True)
    assert api.get("/config/versions")["versions"][0]["version"] == api.version(1)


def test_all_that_is_wrong_is_told_with_its_place(api: Api) -> None:
    """In what was sent: line, column and key."""
    body = "routes:\n  - {name: a, path: 3, upstream: no}\n  - name: b\n    pth: /b\nlimit: {}\n"
    for method, path in (("POST", "/config/validate"), ("POST", "/config/plan"), ("PUT", "/config")):
        answer = api.ask(method, path, body)

        assert (answer.status, answer.fields["Gateway-Reason"]) == (422, "config.invalid")
        assert answer.places == [
            "2:21 routes[0].path",
            "2:34 routes[0].upstream",
            "3:5 routes[1].path",
            "3:5 routes[1].upstream",
            "4:5 routes[1].pth",
            "5:1 limit",
        ]
        assert {one["file"] for one in answer.json["problems"]} == {"body.yaml"}
        assert "expected" in answer.json["problems"][0]["message"]
    assert api.status("/orders/1") == 200


@pytest.mark.parametrize("body", [b"", b"# nothing\n", b"[]", b"routes: ]", b"\xff", b"a: b: c", b"[" * 100_000])
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/config"), ("PUT", "/config/routes/new"), ("POST", "/config/plan")]
)
def test_what_is_no_mapping_is_refused(api: Api, method: str, path: str, body: bytes) -> None:
    """Above all, nothing is not everything by default."""
    answer = api.ask(method, path, body)

    assert answer.status == 422
    assert answer.places[0].startswith("1:")


def test_a_plan_says_what_would_change(api: Api) -> None:
    """And changes nothing."""
    answer = api.ask("POST", "/config/plan", CONFIGURATION.replace("/others", "/another"))

    assert answer.status == 200
    assert answer.json["version"] == api.version(1)
    assert answer.json["changes"] == [
        {"section": "routes", "name": "/another", "kind": "added"},
        {"section": "routes", "name": "/others", "kind": "removed"},
    ]
    assert answer.json["summary"] == "routes +/another, -/others"
    assert api.status("/others") == 200


def test_a_route_is_put_and_deleted(api: Api) -> None:
    """201 for a new one, 200 for another in its place; in force at once."""
    assert api.status("/new") == 404
    answer = api.ask("PUT", "/config/routes/new", ROUTE)

    assert (answer.status, answer.fields["ETag"]) == (201, api.tag(2))
    assert answer.json["before"] == api.version(1)
    assert answer.json["durable"] is False
    assert "as long as the process" in answer.json["detail"]
    assert api.status("/new") == 200

    assert api.ask("PUT", "/config/routes/new", {**ROUTE, "path": "/newer"}).status == 200
    assert (api.status("/new"), api.status("/newer")) == (404, 200)
    assert api.ask("DELETE", "/config/routes/new").status == 200
    assert api.status("/newer") == 404
    assert api.get("/config/overlay")["overlay"] == {}  # no tombstone for what no file has


def test_what_the_files_hold_is_replaced_and_deleted(api: Api) -> None:
    """In its place in the list; what is deleted leaves a tombstone, so that it stays away."""
    api.ask("PUT", "/config/routes/orders", {"path": "/orders/*", "respond": {"status": 201}})
    assert api.status("/orders/1") == 201
    assert api.get("/config/routes")["routes"] == ["orders", "/others"]

    assert api.ask("DELETE", "/config/routes/%2Fothers").status == 200
    assert api.status("/others") == 404
    assert api.get("/config/overlay")["overlay"]["deleted"] == {"routes": ["/others"]}
    assert api.reload()
    assert (api.status("/others"), api.status("/orders/1")) == (404, 201)


def test_an_upstream_in_use_is_not_deleted(api: Api) -> None:
    """422: the route that names it is told, with its place in the file."""
    answer = api.ask("DELETE", "/config/upstreams/orders")

    assert answer.status == 422
    (problem,) = answer.json["problems"]
    assert problem["file"] == str(api.path)
    assert problem["path"] == "routes[0].upstream"
    assert api.status("/orders/1") == 200


def test_upstreams_come_and_go(api: Api) -> None:
    """By the same calls."""
    body = "backends:\n  - url: http://127.0.0.1:9001\n"
    assert api.ask("PUT", "/config/upstreams/more", body).status == 201
    assert api.ask("PUT", "/config/routes/more", {"path": "/more", "upstream": "more"}).status == 201
    assert api.status("/more") == 200


def test_rate_limits_are_called_by_number(api: Api) -> None:
    """PUT at the length appends, DELETE closes the gap, beyond the length there is nothing."""
    for number, path in enumerate(("/a/*", "/b/*", "/c/*")):
        assert api.ask("PUT", f"/config/rate_limits/{number}", {"endpoint": path, "limit": 5}).status == 201
    assert api.ask("PUT", "/config/rate_limits/4", {"endpoint": "/x", "limit": 5}).status == 404
    assert api.ask("PUT", "/config/rate_limits/01", {"endpoint": "/x", "limit": 5}).status == 404
    assert api.ask("PUT", "/config/rate_limits/-1", {"endpoint": "/x", "limit": 5}).status == 404

    assert api.ask("DELETE", "/config/rate_limits/1").status == 200
    assert [one["path"] for one in api.get("/config")["rate_limits"]] == ["/a/*", "/c/*"]
    assert api.get("/config/rate_limits/1")["path"] == "/c/*"


def test_the_name_in_the_body_is_that_in_the_address(api: Api) -> None:
    """Or is not there."""
    answer = api.ask("PUT", "/config/routes/new", "path: /new\nname: other\nrespond: {}\n")

    assert (answer.status, answer.places) == (422, ["2:7 name"])


def test_a_change_for_another_version_is_not_made(api: Api) -> None:
    """412, for each kind of write and for plans; `*`, a list with the version, and no field at all let it through."""
    api.ask("PUT", "/config/routes/new", ROUTE)
    for method, path, body in (
        ("PUT", "/config", CONFIGURATION),
        ("PUT", "/config/routes/new", "path: /x\nrespond: {}"),
        ("DELETE", "/config/routes/new", ""),
        ("DELETE", "/config/overlay", ""),
        ("POST", "/config/rollback", json.dumps({"version": api.version(1)})),
        ("POST", "/config/plan", CONFIGURATION),
    ):
        for tag in (
            api.tag(1),
            f"W/{api.tag(2)}",
            api.version(2),
            f"{api.tag(1)}, {api.tag(3)}",
            '"2"',
            '"2-00000000"',
            "",
        ):
            answer = api.ask(method, path, body, if_match=tag)
            assert (answer.status, answer.fields["Gateway-Reason"]) == (412, "config.version")
    assert api.get("/config/versions")["versions"][0]["version"] == api.version(2)
    for tag in (api.tag(2), "*", f'"9", {api.tag(4)}'):
        assert api.ask("PUT", "/config/routes/new", {**ROUTE, "path": f"/{len(tag)}"}, if_match=tag).status == 200


def test_all_is_replaced_until_the_overlay_is_deleted(api: Api) -> None:
    """The files are set aside: a reload brings nothing of them back."""
    body = f"admin: {{token: '{TOKEN}', endpoint: 'tcp:9'}}\nroutes: [{{name: only, path: /only, respond: {{}}}}]\n"
    assert api.ask("PUT", "/config", body).status == 200
    assert (api.status("/only"), api.status("/others")) == (200, 404)
    assert api.reload()
    assert (api.status("/only"), api.status("/others")) == (200, 404)
    api.ask("PUT", "/config/routes/new", ROUTE)
    assert api.status("/new") == 200

    assert api.ask("DELETE", "/config/overlay").status == 200
    assert (api.status("/only"), api.status("/others"), api.status("/new")) == (404, 200, 404)
    assert api.get("/config/overlay") == {"durable": False, "overlay": {}}


def test_what_is_shown_can_be_put_back(api: Api) -> None:
    """`GET /config` and the same to `PUT /config`: nothing changes, masked secrets stay what they are."""
    answer = api.ask("PUT", "/config", api.get("/config"))

    assert (answer.status, answer.json["changes"]) == (200, [])
    assert api.ask("PUT", "/config/routes/new", ROUTE).status == 201  # the token is still the token


def test_a_mask_without_a_secret_is_refused(api: Api) -> None:
    """422 at its place."""
    answer = api.ask("PUT", "/config/routes/new", "path: /new\nheaders:\n  X-Key: '***'\nrespond: {}\n")

    assert (answer.status, answer.places) == (422, ["3:10 headers.X-Key"])


def test_a_version_comes_back(api: Api) -> None:
    """As a new version; one that is not kept is not found."""
    api.ask("PUT", "/config/routes/new", ROUTE)
    api.ask("DELETE", "/config/routes/new")
    answer = api.ask("POST", "/config/rollback", {"version": api.version(2)})

    assert (answer.status, answer.json["version"], answer.json["before"]) == (200, api.version(4), api.version(3))
    assert api.status("/new") == 200
    assert list(api.get("/config/overlay")["overlay"]) == ["routes"]
    assert api.reload()
    assert api.status("/new") == 200
    for other in ("99", "2", "2-00000000"):
        assert api.ask("POST", "/config/rollback", {"version": other}).status == 404
    for body in ("", "[]", "{}", {"version": 2}, {"version": "2", "more": 1}, "[" * 50_000):
        assert api.ask("POST", "/config/rollback", body).status == 400


def test_a_version_comes_back_as_it_was_though_the_files_have_changed(api: Api) -> None:
    """They are set aside then."""
    api.path.write_text(CONFIGURATION.replace("/others", "/another"))
    assert api.reload()
    assert (api.status("/others"), api.status("/another")) == (404, 200)
    assert api.ask("POST", "/config/rollback", {"version": api.version(1)}).status == 200

    assert (api.status("/others"), api.status("/another")) == (200, 404)
    assert api.reload()
    assert (api.status("/others"), api.status("/another")) == (200, 404)


def test_what_is_rolled_back_to_is_kept_as_it_was_sent(kept: Api) -> None:
    """Variables too; a version with everything replaced is one of them."""
    body = f"admin: {{token: {TOKEN}, endpoint: 'tcp:9'}}\nroutes: [{{path: '${{X:-/x}}', respond: {{}}}}]\n"
    assert kept.ask("PUT", "/config", body).status == 200
    assert kept.ask("DELETE", "/config/overlay").status == 200
    assert kept.status("/x") == 404
    assert kept.ask("POST", "/config/rollback", {"version": kept.version(2)}).status == 200

    assert (kept.status("/x"), kept.status("/others")) == (200, 404)
    assert "${X:-/x}" in (kept.path.parent / "kept/overlay.yaml").read_text()
    assert kept.ask("POST", "/config/rollback", {"version": kept.version(1)}).status == 200
    assert (kept.status("/x"), kept.status("/others")) == (404, 200)
    assert not (kept.path.parent / "kept/overlay.yaml").exists()


def test_files_that_change_stay_below_the_overlay(api: Api) -> None:
    """A reload reads them, and the overlay goes on top."""
    api.ask("PUT", "/config/routes/new", ROUTE)
    api.path.write_text(CONFIGURATION.replace("/others", "/another"))
    assert api.reload()

    assert (api.status("/another"), api.status("/new")) == (200, 200)


def test_what_cannot_be_opened_changes_nothing(api: Api) -> None:
    """422, and the version stays."""
    api.taken.add("tcp:2")
    answer = api.ask("PUT", "/config", CONFIGURATION.replace("tcp:1", "tcp:2"))

    assert answer.status == 422
    assert "tcp:2" in answer.json["problems"][0]["message"]
    assert api.get("/config/overlay")["overlay"] == {}
    assert api.get("/config/versions")["versions"][0]["version"] == api.version(1)


def test_every_write_leaves_one_record(api: Api) -> None:
    """Who, what, from which version to which; of a refused one, that nothing has changed."""
    with capturedLogs() as events:
        api.ask("PUT", "/config/routes/new", ROUTE)
        api.ask("PUT", "/config/routes/new", "path: 3")
        api.ask("DELETE", "/config/routes/new", if_match=api.tag(1))

    records = [event for event in events if event.get("log_namespace") == "gateway.audit"]
    assert [(one["who"], one["what"], one["before"], one["after"], one["outcome"]) for one in records] == [
        ("admin:192.0.2.9", "PUT /config/routes/new", api.version(1), api.version(2), "done"),
        ("admin:192.0.2.9", "PUT /config/routes/new", api.version(2), api.version(2), "refused"),
        ("admin:192.0.2.9", "DELETE /config/routes/new", api.version(2), api.version(2), "refused"),
    ]
    assert TOKEN not in "".join(str(eventAsText(event)) for event in events)


def test_large_bodies_are_for_who_has_the_token(api: Api) -> None:
    """A configuration may be long; memory is for nobody else's taking."""
    body = "# " + "x" * (2 * REQUEST_BODY) + "\n" + CONFIGURATION
    assert api.ask("POST", "/config/validate", body).status == 200
    assert api.ask("POST", "/config/validate", body, token="wrong").status == 413
    assert api.ask("POST", "/auth/revocations", body).status == 413
    head = "POST /config/validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n"
    assert api.send(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode()).status == 413


def test_who_guesses_waits(api: Api) -> None:
    """429 with Retry-After, for that address."""
    for _ in range(10):
        assert api.ask("PUT", "/config/routes/new", ROUTE, token="wrong").status == 401
    answer = api.ask("PUT", "/config/routes/new", ROUTE)

    assert (answer.status, answer.fields["Retry-After"]) == (429, "6")
    assert api.ask("PUT", "/config/routes/new", ROUTE, address="192.0.2.10").status == 201


def test_the_overlay_is_written_before_the_answer(kept: Api) -> None:
    """For nobody else's eyes; a restart finds it."""
    answer = kept.ask("PUT", "/config/routes/new", ROUTE)
    file = kept.path.parent / "kept/overlay.yaml"

    assert answer.json["durable"] is True
    assert "detail" not in answer.json
    assert file.stat().st_mode & 0o777 == 0o600
    kept.stop()
    again = Api(kept.path, None)
    assert again.status("/new") == 200
    assert again.ask("DELETE", "/config/overlay").status == 200
    assert not file.exists()
    again.stop()


def test_what_cannot_be_written_is_not_done(kept: Api) -> None:
    """500 with the reason of the system; the version stays."""
    (kept.path.parent / "kept").rmdir()
    answer = kept.ask("PUT", "/config/routes/new", ROUTE)

    assert answer.status == 500
    assert "No such file or directory" in answer.json["detail"]
    assert kept.status("/new") == 404
    assert kept.get("/config/overlay")["overlay"] == {}


def test_what_may_be_lost_with_the_power_is_told(kept: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in force and in its file, so it is not refused; the next that is written for good says so."""
    file, really = kept.path.parent / "kept/overlay.yaml", os.fsync

    def synchronise(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        really(descriptor)

    # The system's own function: nothing between the admin port and the file has it for a parameter.
    monkeypatch.setattr(overlay_file.write, "__defaults__", (synchronise,))
    answer = kept.ask("PUT", "/config/routes/new", ROUTE)

    assert (answer.status, answer.json["durable"]) == (201, False)
    assert "may be lost with the power: its directory cannot be synchronised" in answer.json["detail"]
    assert kept.status("/new") == 200
    assert "/new" in file.read_text()
    assert kept.get("/config/overlay")["durable"] is False
    monkeypatch.undo()
    assert kept.ask("DELETE", "/config/routes/new").json["durable"] is True


def test_a_route_that_takes_keys_from_the_defaults_means_the_same_when_it_is_put_back(tmp_path: Path) -> None:
    """`null` is said for what it has put off."""
    text = CONFIGURATION + "defaults: {route: {rate_limit: {limit: 5}}}\n"
    text = text.replace("upstream: orders}\n", "upstream: orders, rate_limit: null}\n")
    api = Api(tmp_path / "gateway.yaml", text)
    for name in api.get("/config/routes")["routes"]:
        path = f"/config/routes/{name}"
        answer = api.ask("PUT", path, api.get(path))
        assert (answer.status, answer.json["changes"]) == (200, []), name
    api.stop()


def test_variables_are_filled_in_and_not_written_down(tmp_path: Path) -> None:
    """In what is sent, as in the files."""
    (tmp_path / "kept").mkdir()
    api = Api(tmp_path / "gateway.yaml", KEPT, {"WHERE": "/there", "SECRET": "hunter2"})
    api.ask("PUT", "/config/routes/new", "path: ${WHERE}\nrespond: {}\nheaders: {X-Key: '${SECRET}'}\n")

    assert api.get("/config/routes/new")["path"] == "/there"
    written = (tmp_path / "kept/overlay.yaml").read_text()
    assert "${WHERE}" in written
    assert "hunter2" not in written
    api.stop()


def test_a_secret_does_not_travel_by_an_alias(api: Api) -> None:
    """What `***` stands for is put there, and not where an alias leads."""
    body = "admin: {endpoint: 'tcp:9', token: &t '***'}\nroutes: [{name: a, path: /a, respond: {body: *t}}]\n"
    assert api.ask("PUT", "/config", body).status == 200

    assert api.get("/config/routes/a")["respond"]["body"] == "***"
    assert api.ask("DELETE", "/config/overlay").status == 200  # the token is still the token


def test_keys_of_ones_own_are_masked_in_the_overlay(api: Api) -> None:
    """They may hold a secret that is merged in elsewhere."""
    body = f"x-parts: {{a: &a {{token: {TOKEN}}}}}\nadmin: {{<<: *a, endpoint: 'tcp:9'}}\n"
    assert api.ask("PUT", "/config", body).status == 200
    answer = api.ask("GET", "/config/overlay", token="")

    assert TOKEN not in answer.body.decode()
    assert answer.json["overlay"]["replace"]["x-parts"] == {"a": {"token": MASK}}


def test_one_route_of_many_is_changed_without_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it leaves is what the files and the overlay make; what is wrong is told as if it had been read whole."""
    many = "".join(f"  - {{name: r{one}, path: /r{one}, respond: {{}}}}\n" for one in range(100))
    api = Api(tmp_path / "gateway.yaml", KEPT + many)
    (tmp_path / "kept").mkdir()
    reads = []
    compose = Reader.compose

    def counted(reader: Reader, question: Any, before: Any) -> Any:
        reads.append(question)
        return compose(reader, question, before)

    monkeypatch.setattr(Reader, "compose", counted)
    assert api.ask("PUT", "/config/routes/new", ROUTE).status == 201
    assert api.ask("PUT", "/config/routes/r7", {**ROUTE, "path": "/seven"}).status == 200
    assert api.ask("DELETE", "/config/routes/r8").status == 200
    assert (api.status("/new"), api.status("/seven"), api.status("/r8"), reads) == (200, 200, 404, [])
    shown = api.get("/config")
    assert api.ask("PUT", "/config/routes/r9", "path: /nine\nupstream: order").places == ["2:11 routes[10].upstream"]
    assert len(reads) == 1
    assert api.ask("POST", "/config/rollback", {"version": api.version(2)}).status == 200
    assert (api.status("/new"), api.status("/seven"), api.status("/r8")) == (200, 404, 200)
    assert api.ask("POST", "/config/rollback", {"version": api.version(4)}).status == 200
    assert len(reads) == 1
    assert api.reload()
    assert api.get("/config") == shown
    api.stop()
    again = Api(tmp_path / "gateway.yaml", None)
    assert again.get("/config") == shown
    again.stop()


def test_where_the_overlay_is_kept_changes_with_a_restart_only(kept: Api) -> None:
    """A reload that says otherwise is refused: there would be two."""
    kept.ask("PUT", "/config/routes/new", ROUTE)
    kept.path.write_text(KEPT.replace("overlay.yaml", "other.yaml").replace("/others", "/another"))
    with capturedLogs() as events:
        assert not kept.reload()

    assert "admin.overlay: expected the file that it named at the start" in "".join(map(str, map(eventAsText, events)))
    assert (kept.status("/others"), kept.status("/new")) == (200, 200)


def test_a_route_that_was_put_takes_over_from_its_group(tmp_path: Path) -> None:
    """Groups are in the files; what the route says itself wins."""
    api = Api(tmp_path / "gateway.yaml", CONFIGURATION + "groups: {g: {methods: [PUT], timeout: 7s}}\n")
    assert api.ask("PUT", "/config/routes/new", {"path": "/n", "upstream": "orders", "group": "g"}).status == 201

    shown = api.get("/config/routes/new")
    assert (shown["methods"], shown["timeout"]) == (["PUT"], "7s")
    api.stop()


def test_an_application_that_hands_over_settings_has_an_overlay_too(api: Api) -> None:
    """What the API has put stays over them."""
    api.ask("PUT", "/config/routes/new", ROUTE)
    done: list[Any] = []
    mapping = {
        "admin": {"endpoint": "tcp:9", "token": TOKEN},
        "listeners": [{"endpoint": "tcp:1"}],
        "routes": [{"path": "/mapping", "respond": {}}],
    }
    api.service.apply(mapping).addBoth(done.append)

    assert done == [None]
    assert [api.status(path) for path in ("/mapping", "/new", "/others")] == [200, 200, 404]
    api.service.apply(from_mapping(mapping | {"routes": []})).addBoth(done.append)
    assert done == [None, None]
    assert [api.status(path) for path in ("/mapping", "/new")] == [404, 200]
    assert api.ask("DELETE", "/config/overlay").status == 200
    assert api.status("/new") == 404
