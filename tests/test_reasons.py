"""The page of reasons is up to date."""

from __future__ import annotations

from pathlib import Path

from gateway.advice import ADVICE
from gateway.errors import reasons
from gateway.reasons import markdown

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "reasons.md"

CLOSED_LIST = {
    "route.none",
    "route.method",
    "request.malformed",
    "request.too_large",
    "request.header_too_large",
    "request.timeout",
    "auth.missing",
    "auth.invalid",
    "auth.forbidden",
    "limit.exceeded",
    "limit.in_flight",
    "breaker.open",
    "upstream.no_backend",
    "upstream.connect",
    "upstream.tls",
    "upstream.reset",
    "upstream.protocol",
    "upstream.timeout",
    "pool.exhausted",
    "shutdown",
    "internal",
}


def test_the_page_of_reasons_is_up_to_date() -> None:
    """`make docs` would change nothing."""
    assert PAGE.read_text() == markdown()


def test_the_reasons_that_the_contract_names_exist() -> None:
    """Tests outside the project know these tokens."""
    assert {kind.reason for kind in reasons()} >= CLOSED_LIST


def test_every_reason_has_one_status() -> None:
    """The same token never stands for two statuses."""
    seen: dict[str, int] = {}
    for kind in reasons():
        assert seen.setdefault(kind.reason, kind.status) == kind.status


def test_every_reason_has_its_advice() -> None:
    """And no advice is for a reason that does not exist."""
    assert set(ADVICE) == {kind.reason for kind in reasons()}
