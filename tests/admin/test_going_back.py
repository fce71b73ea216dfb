"""Versions are gone back to whatever they have, and nothing secret is shown of what was put."""

from __future__ import annotations

from pathlib import Path

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
