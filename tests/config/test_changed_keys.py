"""Which keys of a thing say something else."""

from __future__ import annotations

from typing import Any

from gateway.config import Settings, from_mapping
from gateway.config.changed_keys import KeyChange, changed_keys, leaves

NAMES = {"routes": {"r"}, "upstreams": {"a"}}


def settings(secret: str = "s" * 32, backends: tuple[str, ...] = ("http://x",), **route: Any) -> Settings:
    """A configuration with one route."""
    return from_mapping(
        {
            "auth": {"jwt": {"default": {"algorithms": ["HS256"], "secret": secret}}},
            "upstreams": [{"name": "a", "backends": [{"url": url} for url in backends]}],
            "routes": [
                {"name": "other", "path": "/o", "upstream": "a"},
                {"name": "r", "path": "/", "upstream": "a"} | route,
            ],
        }
    )


def changes(before: Settings, after: Settings, *thing: str) -> list[KeyChange]:
    """What a thing says otherwise."""
    section, name = thing
    return list(changed_keys(leaves(before, NAMES)[section, name], leaves(after, NAMES)[section, name]))


def test_a_key_is_told_with_its_values_in_the_normal_form() -> None:
    """And its path from the top, with the number that the route has."""
    found = changes(settings(timeout=90), settings(timeout="2m", request_timeout="2m"), "routes", "r")

    assert KeyChange("timeout", "90s", "2m", "routes[1].timeout", "routes[1].timeout") in found


def test_members_of_a_list_are_known_by_their_url() -> None:
    """Whatever their order is: only the weight of one is another."""
    found = changes(settings(backends=("http://x", "http://y")), settings(backends=("http://y",)), "upstreams", "a")

    assert {one.key.partition("]")[0] for one in found} == {"backends[http://x"}
    assert {one.after for one in found} == {None}


def test_a_secret_is_never_shown() -> None:
    """That it is another one is."""
    before, after = settings("first" * 10), settings("other" * 10)

    (found,) = changes(before, after, "auth", "")

    assert (found.key, found.before == found.after) == ("jwt.default.secret", True)
    assert not {"first", "other"} & {str(found.before)[:5], str(found.after)[:5]}


def test_what_is_not_asked_for_is_not_looked_into() -> None:
    """There may be thousands of routes of which one is other."""
    assert ("routes", "other") not in leaves(settings(), NAMES)


def test_long_values_are_cut() -> None:
    """The whole is compared."""
    one, other = ({"team": "x" * 200 + end} for end in "ab")

    (found,) = changes(settings(labels=one), settings(labels=other), "routes", "r")

    assert (found.key, len(found.before or "")) == ("labels.team", 101)
