"""Versions are gone back to whatever they have, and nothing secret is shown of what was put."""

from __future__ import annotations

from pathlib import Path

from twisted.logger import capturedLogs

from gateway.admin.guard import BURST
from tests.admin.api import CONFIGURATION, Api

MORE = """
compression: {types: [text/*]}
log_shipping: {url: "http://127.0.0.1:1/", format: elasticsearch, headers: {authorization: hunter2}}
"""
FOUND = (
    CONFIGURATION.replace("routes:", "  - {name: found, discovery: {type: file, path: members.yaml}}\nroutes:", 1)
    .replace("upstreams: [{name", "upstreams:\n  - {name")
    .replace("}]}]\n  - {name: found", "}]}\n  - {name: found")
)


def test_an_object_is_put_only_where_there_is_none(tmp_path: Path) -> None:
    """`If-None-Match: *`: two who make the same at once do not write over each other."""
    api = Api(tmp_path / "gateway.yaml", CONFIGURATION)
    try:
        route = {"path": "/new", "upstream": "orders"}
        statuses = [api.ask("PUT", "/config/routes/new", route, if_none_match="*").status for _ in range(2)]
        assert statuses == [201, 412]
        limit = {"limit": 1, "window": "1s"}
        statuses = [api.ask("PUT", "/config/rate_limits/0", limit, if_none_match="*").status for _ in range(2)]
        assert statuses == [201, 412]
        assert api.ask("PUT", "/config/routes/new", route, if_none_match=api.tag(3)).status == 412
        assert api.ask("PUT", "/config/routes/new", route, if_none_match=f"W/{api.tag(3)}").status == 412
        assert api.ask("PUT", "/config/routes/new", route, if_none_match='"another"').status == 200
        for method, path in (("DELETE", "/config/routes/new"), ("DELETE", "/config/overlay"), ("PUT", "/config")):
            assert api.ask(method, path, {}, if_none_match="*").status == 412
        assert api.status("/new") == 200
    finally:
        api.stop()


def test_who_is_not_let_in_leaves_a_record_too(tmp_path: Path) -> None:
    """Of one address as many as it may guess: guesses do not fill the log."""
    api = Api(tmp_path / "gateway.yaml", CONFIGURATION)
    try:
        with capturedLogs() as events:
            api.ask("PUT", "/config/routes/new", "{}", token="")
            api.ask("DELETE", "/auth/cache", token="wrong-token")
            api.ask("POST", "/config/plan", "{}", origin="http://evil.example")
            for _ in range(30):
                api.ask("POST", "/cache/purge", "{}", token="")
        records = [event for event in events if event["log_namespace"] == "gateway.audit"]
        assert [(one["who"], one["what"], one["reason"], one["outcome"]) for one in records[:3]] == [
            ("admin:192.0.2.9", "PUT /config/routes/new", "auth.missing", "refused"),
            ("admin:192.0.2.9", "DELETE /auth/cache", "auth.invalid", "refused"),
            ("admin:192.0.2.9", "POST /config/plan", "auth.forbidden", "refused"),
        ]
        assert len(records) == BURST
        assert "wrong-token" not in str(events)
    finally:
        api.stop()


def test_what_each_kind_of_section_writes_can_be_read_again(tmp_path: Path) -> None:
    """After the files have changed a version is gone back to by all that it says; what GET shows may be PUT."""
    (tmp_path / "members.yaml").write_text("- {url: 'http://127.0.0.1:9001'}\n")
    api = Api(tmp_path / "gateway.yaml", FOUND + MORE)
    try:
        first = api.service.changes.version
        shown = api.get("/config")
        api.path.write_text(CONFIGURATION)
        assert api.reload()
        assert api.get("/config") != shown

        answer = api.ask("POST", "/config/rollback", {"version": first})

        assert answer.status == 200, answer.json
        assert api.get("/config") == shown
        overlay = api.ask("GET", "/config/overlay", token="").body.decode()
        assert "elasticsearch" in overlay
        assert "hunter2" not in overlay
        assert api.ask("PUT", "/config", shown).json["changes"] == []
        assert api.service.settings.log_shipping is not None
        assert api.service.settings.log_shipping.headers["authorization"].get_secret_value() == "hunter2"
    finally:
        api.stop()
