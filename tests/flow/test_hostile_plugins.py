"""Plugins that leave behind what raises, or lies, where the gateway looks at it: their exchanges go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.testing import Harness
from tests.flow.test_plugins import route

Make = Callable[..., Harness]


@pytest.mark.parametrize("where", ["target", "method", "upstream", "fields", "status", "reason"])
def test_what_cannot_be_shown_is_taken_out_all_the_same(make: Make, where: str) -> None:
    """Its `__repr__` raises, where it is to be said what was wrong."""
    leaves = {"name": "leaves", "class": "tests.hostile.Leaves", "config": {"where": where}}
    gateway = make(plugins=[leaves], routes=[route("leaves")])

    response = gateway.get("/orders/1")

    assert response.status == 200
    assert gateway.last_log["plugin_errors"].startswith("leaves.on_re")
    assert gateway.backend("orders").requests[-1].headers.get(b"x-a") == (b"1" if where == "fields" else None)


def test_octets_are_counted_as_they_are(make: Make) -> None:
    """A class of a plugin's may say that there are more: its client would wait for them."""
    gateway = make(plugins=[{"name": "o", "class": "tests.hostile.AnswersOctets"}], routes=[route("o")])

    response = gateway.get("/orders/1")

    assert (response.body, response.headers.get(b"content-length")) == (b"three", b"5")
