"""`GET /exchanges` and `/exchanges/ID`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.admin.exchanges import PREFIX
from tests.admin.api import Api


@pytest.mark.parametrize("passes", [False, True], ids=["one process", "several"])
def test_what_failed_is_listed_and_found(tmp_path: Path, passes: bool) -> None:
    """The newest first; each with everything known of it, by its id or its trace's. Nobody needs a token."""
    api = Api(tmp_path / "gateway.yaml", passes=passes)
    assert api.get("/exchanges") == []
    assert (api.status("/orders/7"), api.status("/nothing"), api.status("/others")) == (200, 404, 200)

    api.status("/none")
    newest, oldest = api.get("/exchanges")

    assert (newest["path"], oldest["path"]) == ("/none", "/nothing")
    found = api.get(f"{PREFIX.decode()}{newest['id']}")
    assert found.items() >= {key: newest[key] for key in newest if key != "attempts"}.items()
    assert api.get(f"{PREFIX.decode()}{found['trace_id']}") == found


@pytest.mark.parametrize("path", ["/exchanges/nothing", "/exchanges/%2F..%2F", "/exchanges/a/b", "/exchanges/%ff"])
def test_what_is_not_kept_is_not_found(tmp_path: Path, path: str) -> None:
    """A problem says so."""
    api = Api(tmp_path / "gateway.yaml")

    answer = api.ask("GET", path, token="")

    assert (answer.status, answer.fields["Gateway-Reason"]) == (404, "route.none")
    assert "kept" in answer.json["detail"]


def test_an_id_with_other_characters_is_found(tmp_path: Path) -> None:
    """A trusted proxy may send what is no UUID: `a/b+c=`."""
    api = Api(tmp_path / "gateway.yaml")
    api.status("/nothing")
    failures = api.service.gateway.foundation.failures
    assert failures._kept is not None
    next(iter(failures._kept._groups.values()))[0][1].name = "a/b+c="

    assert api.get("/exchanges/a%2Fb%2Bc%3D")["reason"] == "route.none"
    assert api.get("/exchanges/a/b+c=")["reason"] == "route.none"


def test_it_writes_nothing(tmp_path: Path) -> None:
    """POST and DELETE are refused."""
    api = Api(tmp_path / "gateway.yaml")

    assert [api.ask(method, "/exchanges/x").status for method in ("POST", "DELETE", "PUT")] == [405, 405, 405]
