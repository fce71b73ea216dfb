"""How tests of a configuration are written."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import ConfigError, from_mapping
from gateway.config.effective import effective
from gateway.config.schema import Settings
from gateway.config.schema.cases import CLIENT, TIME

BASE: dict[str, Any] = {
    "upstreams": [{"name": "a", "backends": [{"url": "http://127.0.0.1:9001"}]}],
    "routes": [{"name": "a", "path": "/a", "upstream": "a"}],
}


def settings(**test: Any) -> Settings:
    """Read a configuration with one test."""
    return from_mapping({**BASE, "tests": [{"request": "http://x/a", "expect": {"status": 200}, **test}]})


def test_a_short_way_means_the_same_as_the_long_one() -> None:
    """A request that is a URL, an answer that is no list, and what is said where nothing is."""
    (case,) = settings(given={"backends": {"a": {"status": 201}}}).tests

    assert (case.request.method, case.request.url, case.request.client) == ("GET", "http://x/a", CLIENT)
    assert [answer.status for answer in case.given.backends["a"]] == [201]
    assert (case.given.time, case.given.repeat, case.given.interval) == (TIME, 1, 0.0)
    assert case.title == "GET http://x/a"


def test_what_is_written_is_known_from_what_is_not() -> None:
    """Null is compared where it means something: no reason, no route, no upstream, nothing sent; else it is absence."""
    null = dict.fromkeys(["status", "reason", "route", "upstream", "attempts", "body", "sent"])
    (case,) = settings(expect={**null, "headers": {"X-A": None}}).tests

    assert case.expect is not None
    assert case.expect.model_fields_set == {"reason", "route", "upstream", "sent", "headers"}
    assert case.expect.headers == {"X-A": None}


def test_each_exchange_has_what_is_expected_of_it() -> None:
    """The request is made as often as there are members; who says `repeat` too, says the same."""
    many = from_mapping(
        {**BASE, "tests": [{"request": "http://x/a", "expect_all": [{"status": 200}, {"status": 429}]}]}
    )

    assert many.tests[0].given.repeat == 2


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        (
            {"request": "x/a"},
            'tests[0].request: expected a URL such as https://api.example.com/users/7, found "x/a"',
        ),
        ({"request": "http:///a"}, "tests[0].request: expected a URL"),
        ({"request": "http://x/ü"}, "tests[0].request: expected a URL without a fragment, with characters other"),
        ({"request": {"url": "http://x/", "client": "10.0.0.0/8"}}, "request.client: expected an address such as"),
        (
            {"request": "http://x:99999/"},
            "request: expected a URL with the name or the address of a host, and a port",
        ),
        ({"request": "http://[::1/"}, "request: expected a URL with the name or the address of a host"),
        ({"request": "http://x:abc/"}, "request: expected a URL with the name or the address of a host"),
        (
            {"request": "http://x/", "given": {"backends": {"a": {"status": 103}}}},
            "given.backends.a.status: expected 101, or an integer from 200 to 599",
        ),
        ({"given": {"backends": {"a": {"refuse": True, "reset": True}}}}, "expected one of an answer, `refuse` and"),
        ({"given": {"repeat": 0}}, "tests[0].given.repeat: expected an integer from 1 to 100000, found 0"),
        ({"expect": {"body": {"a": ["~("]}}}, "tests[0].expect.body: expected a regular expression"),
        ({"expect": {"status": "~("}}, "tests[0].expect.status: expected a regular expression"),
        ({"expect_all": [{}]}, "tests[0]: expected one of `expect` and `expect_all`, found both"),
        ({"expect": None}, "tests[0]: expected one of `expect` and `expect_all`, found neither"),
        (
            {"expect": None, "given": {"repeat": 2}, "expect_all": [{}]},
            "tests[0]: expected 2 members in `expect_all`, as `repeat` says, found 1",
        ),
    ],
)
def test_what_a_test_cannot_say(test: dict[str, Any], problem: str) -> None:
    """Each with its key."""
    with pytest.raises(ConfigError) as raised:
        settings(**test)

    assert problem in str(raised.value.problems[0])


def test_what_is_written_back_means_the_same() -> None:
    """As `gateway config` and the admin API show it."""
    before = settings(
        given={"backends": {"a": [{"body": {"n": [1, None]}}, {"delay": "1s"}]}, "claims": {"sub": "u"}},
        expect={"status": "~2..", "reason": None, "body": {"n": ["*", {"m": 1}]}, "headers": {"X-A": None}},
    )

    assert from_mapping(before.model_dump(mode="json", by_alias=True, exclude_unset=True)).tests == before.tests


def test_what_is_in_force_means_the_same() -> None:
    """With every key that there is: what was not written is not said to be null, nor beside what excludes it."""
    before = settings(
        given={"backends": {"a": [{"refuse": True}, {"reset": True}, {"status": 201}, {}]}},
        expect={"status": 200, "sent": None, "upstream": None},
    )

    (after,) = from_mapping(effective(before)).tests
    assert after == before.tests[0]
    assert after.expect is not None
    assert after.expect.model_fields_set == {"status", "sent", "upstream"}


def test_what_a_test_shows_is_shown_to_nobody_else() -> None:
    """A token that somebody has pasted is masked where the configuration is shown."""
    shown = effective(settings(request={"url": "http://x/a", "headers": {"Authorization": "Bearer of-somebody"}}))

    assert "of-somebody" not in str(shown)
    assert shown["tests"][0]["request"]["url"] == "http://x/a"
