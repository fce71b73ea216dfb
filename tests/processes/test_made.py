"""Settings as one process tells them to another."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import config
from gateway.processes import made
from gateway.processes.made import NotTold, heard, told


def settings(*names: str, **more: Any) -> config.Settings:
    """A configuration with these routes."""
    routes = [{"name": name, "path": f"/{name}", "respond": {"body": name}} for name in names]
    return config.from_mapping({"routes": routes, **more})


def changed(before: config.Settings, after: config.Settings) -> config.Settings:
    """As the parent has it: what is the same is the same object."""
    known = {route.name: route for route in before.routes}
    after.__dict__["routes"] = tuple(known.get(route.name, route) for route in after.routes)
    return after


def test_what_is_the_same_is_the_same_object_at_the_other_end() -> None:
    """The rest is equal: order, secrets, what was written and what was not."""
    ours, theirs = settings("a", "b", "c"), settings("a", "b", "c")
    after = changed(ours, settings("c", "new", "a", admin={"token": "sesame-sesame-sesame"}))

    taken = heard(told(after, ours), theirs)

    assert taken == after
    assert taken.model_fields_set == after.model_fields_set
    assert taken.admin.token.get_secret_value() == "sesame-sesame-sesame"
    assert taken.routes[0] is theirs.routes[2]
    assert taken.routes[2] is theirs.routes[0]


def test_what_is_large_is_told_by_what_has_changed() -> None:
    """One route of a thousand takes no more than one of ten."""
    few, many = (settings(*(f"r{number}" for number in range(count))) for count in (10, 1000))
    sizes = [
        len(told(changed(each, settings(*(route.name for route in each.routes), "new")), each)[2])
        for each in (few, many)
    ]

    assert sizes[1] < sizes[0] + 5 * 1000


@pytest.mark.parametrize("other", ["code", "names", "order", "octets"])
def test_what_is_for_another_process_is_not_taken(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another version, with something else in force, or not whole."""
    ours = settings("a", "b")
    said = told(settings("a"), ours)
    if other == "code":
        monkeypatch.setattr(made, "CODE", "another")
    theirs = {"names": settings("a", "c"), "order": settings("b", "a")}.get(other, ours)

    with pytest.raises(NotTold):
        heard([*said[:2], said[2][: len(said[2]) // 8 * 4]] if other == "octets" else said, theirs)


def test_what_cannot_be_pickled_is_not_told() -> None:
    """A plugin's model may hold anything."""
    ours = settings("a")
    after = settings("a").model_copy()
    after.__dict__["admin"] = lambda: None

    with pytest.raises(NotTold):
        told(after, ours)
