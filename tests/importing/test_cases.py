"""Tests of the result, made of what a source says."""

from __future__ import annotations

import pytest

from gateway.config.problems import Place
from gateway.importing.cases import Said, add_tests
from gateway.importing.draft import Data, Draft


@pytest.fixture
def said() -> Said:
    """A route that goes to an upstream."""
    return Said("r", Place("s.yaml", 3, 1), "/a b/7", upstream="u", sent="/7")


def made_of(said: Said) -> dict[str, Data]:
    """The tests of a route, by name."""
    draft = Draft("kong", "s.yaml")
    add_tests(said, draft)
    return {made.data["name"]: made.data for made in draft.tests}


def test_where_it_goes_and_what_is_sent(said: Said) -> None:
    """Characters that a URL has to escape are escaped."""
    assert made_of(said) == {
        "r goes to u": {
            "name": "r goes to u",
            "request": {"url": "http://gateway.example/a%20b/7"},
            "expect": {"status": 200, "route": "r", "upstream": "u", "sent": {"path": "/7"}},
        }
    }


def test_who_shows_nothing_is_refused(said: Said) -> None:
    """Beside who shows something; alone, where nobody can be made up."""
    said.refuses_strangers = True
    assert list(made_of(said)) == ["r refuses who shows nothing"]

    said.claims = {"sub": "ada"}
    found = made_of(said)
    assert found["r goes to u"]["given"] == {"claims": {"sub": "ada"}}
    assert "given" not in found["r refuses who shows nothing"]


def test_limits_up_to_a_bound(said: Said) -> None:
    """A larger one is not tried."""
    said.limit = 5
    assert made_of(said)["r refuses more than 5"]["given"] == {"repeat": 6}

    said.limit = 1000
    assert list(made_of(said)) == ["r goes to u"]


def test_addresses_and_pages(said: Said) -> None:
    """Who is refused by address, and who may ask from another origin."""
    said.client, said.refused, said.origin = "10.0.0.1", "192.0.2.9", "https://a.example"
    found = made_of(said)

    assert found["r goes to u"]["request"]["client"] == "10.0.0.1"
    assert found["r refuses 192.0.2.9"]["expect"] == {"status": 403, "upstream": None}
    assert found["r lets pages of https://a.example ask"]["request"]["method"] == "OPTIONS"


def test_a_route_that_was_closed(said: Said) -> None:
    """That nobody gets in is all that there is to say."""
    said.shut = True

    assert [one["expect"] for one in made_of(said).values()] == [{"status": 403}]
