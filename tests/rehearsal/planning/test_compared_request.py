"""One request through two configurations."""

from __future__ import annotations

from pathlib import Path

from gateway.config.loading import Loaded, load_with_places
from gateway.config.schema.cases import CaseRequest
from gateway.rehearsal.planning.compared_request import make
from tests.rehearsal.test_decisions import FILE

REQUEST = CaseRequest(url="http://x/api/users/7")
CLAIMS = {"sub": "u", "roles": ["admin"]}


def loaded(directory: Path, before: str = "", after: str = "") -> Loaded:
    """The configuration of one route for administrators, with a change."""
    file = directory / f"{len(list(directory.iterdir()))}.yaml"
    file.write_text(FILE.replace(before, after, 1) if before else FILE)
    return load_with_places(file, {})


def test_the_same_configuration_does_the_same(tmp_path: Path) -> None:
    """Also where it is written elsewhere: identifiers of exchanges are no difference."""
    found = make(REQUEST, CLAIMS, loaded(tmp_path), loaded(tmp_path, "routes:", "\n\nroutes:"))

    assert found.same, found.lines
    assert found.after.outcome.answer.status == 200


def test_what_is_otherwise_is_told(tmp_path: Path) -> None:
    """Which decision, and what came of it."""
    found = make(REQUEST, CLAIMS, loaded(tmp_path), loaded(tmp_path, "admin", "owner"))

    assert not found.same
    assert [one.outcome.answer.status for one in (found.before, found.after)] == [200, 403]
    assert "+ step authentication: ended it: auth.forbidden" in found.lines
    assert "- upstream gets GET /users/7 HTTP/1.1" in found.lines
