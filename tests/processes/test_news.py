"""What stands, and until when."""

from __future__ import annotations

from typing import Any

from gateway.processes.news import Hearers, Standing


def test_news_with_a_key_stands_until_it_is_replaced_or_over() -> None:
    """Other news is told once."""
    now = [100.0]
    standing = Standing(lambda: now[0])
    standing.add("order", "jti a", "a", 150.0)
    standing.add("order", "jti b", "b", None)
    standing.add("order", "", "passes", None)
    standing.add("order", "jti b", "b again", None)

    assert standing.all() == [("order", "jti a", "a", 150.0), ("order", "jti b", "b again", None)]
    now[0] = 150.0
    assert standing.all() == [("order", "jti b", "b again", None)]
    standing.add("order", "jti c", "c", 160.0)
    assert len(standing._news["order"]) == 2  # what is over has made room


def test_who_begins_to_hear_is_told_what_stands() -> None:
    """Once: what it hears it keeps."""
    hearers = Hearers(lambda: 100.0)
    hearers.heard(("order", "a", 1, None))
    hearers.heard(("order", "", 2, None))
    said: list[Any] = []

    hearers.hear("order", said.append)
    hearers.heard(("order", "a", 3, None))
    again: list[Any] = []
    hearers.hear("order", again.append)

    assert (said, again) == ([1, 3], [])


def test_one_that_cannot_hear_stops_nobody() -> None:
    """The next news is heard."""
    hearers = Hearers(lambda: 100.0)
    said: list[int] = []

    def hear(body: int) -> None:
        if not body:
            raise ValueError("nothing")
        said.append(body)

    hearers.hear("order", hear)
    for body in (1, 0, 2):
        hearers.heard(("order", "", body, None))

    assert said == [1, 2]
