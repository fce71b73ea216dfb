"""The shop window: every name is there, and the helpers do what they say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway import plugin
from gateway.plugin import Exchange, content, redirect_to, replace_content
from gateway.testing import Harness


class Helped:
    """Does with the request what the configuration says."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.does = config["does"]
        self.seen: bytes | None = None

    async def on_request(self, exchange: Exchange) -> None:
        if self.does == "reads":
            SEEN.append(await content(exchange, 10))
        elif self.does == "replaces":
            replace_content(exchange, b"other content")
        else:
            redirect_to(exchange, b"/other?a=b")


SEEN: list[bytes] = []


@pytest.fixture
def helped() -> Iterator[Callable[[str], Harness]]:
    """A gateway whose plugin does this."""
    made: list[Harness] = []
    SEEN.clear()

    def gateway(does: str) -> Harness:
        made.append(
            Harness(
                plugins=[{"name": "p", "class": "tests.test_plugin.Helped", "config": {"does": does}}],
                routes=[{"name": "o", "path": "/*", "upstream": "orders", "plugins": ["p"]}],
            )
        )
        return made[-1]

    yield gateway
    for harness in made:
        harness.check_quiet()


def test_every_name_is_there() -> None:
    """None is promised that cannot be imported."""
    assert [name for name in plugin.__all__ if not hasattr(plugin, name)] == []
    assert list(plugin.__all__) == sorted(plugin.__all__)


def test_content_is_read_and_goes_on(helped: Callable[[str], Harness]) -> None:
    """However it comes; too much of it is 413."""
    gateway = helped("reads")

    gateway.request("POST", "/a", body=b"0123456789")
    client = gateway.send(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    gateway.send(b"0\r\n\r\n", client)
    gateway.get("/a")

    assert SEEN == [b"0123456789", b"abc", b""]
    assert [one.body for one in gateway.backend("orders").requests] == SEEN
    assert gateway.request("POST", "/a", body=b"0123456789a").status == 413


def test_content_is_replaced(helped: Callable[[str], Harness]) -> None:
    """What the client sends is read to its end."""
    gateway = helped("replaces")

    for body in (b"x" * 100_000, None):
        assert gateway.request("POST", "/a", body=body).status == 200
        assert gateway.backend("orders").last.body == b"other content"


def test_another_path_is_asked(helped: Callable[[str], Harness]) -> None:
    """With its query."""
    gateway = helped("redirects")

    gateway.get("/a?c=d")

    assert gateway.backend("orders").last.target == b"/other?a=b"


def test_it_loads_little() -> None:
    """An author's tests import it: no reactor, no configuration, no treq."""
    code = "import sys, gateway.plugin; print([n for n in sys.modules if n in ('twisted.internet.reactor', 'treq')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
