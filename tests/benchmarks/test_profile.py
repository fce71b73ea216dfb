from __future__ import annotations

from benchmarks.peers import ROOT
from benchmarks.profile import own_time, short_module

TWISTD = "<module> (/root/venv/bin/twistd)"
CHANNEL = f"dataReceived ({ROOT}/gateway/listening/channel.py"
EPOLL = "/root/venv/lib/python3.11/site-packages/twisted/internet/epollreactor.py"
STACKS = [
    f"{TWISTD};doRead (twisted/internet/tcp.py);{CHANNEL}) 7",
    f"{TWISTD};{CHANNEL}:120) 2",
    f"{TWISTD};_poll ({EPOLL}) 1",
    "",
]


def test_a_sample_belongs_to_the_innermost_function() -> None:
    """Callers get nothing: shares add up to one."""
    modules, functions = own_time(STACKS)

    assert modules == {"gateway.listening.channel": 9, "twisted.internet.epollreactor": 1}
    assert functions["gateway.listening.channel:dataReceived"] == 9


def test_modules_are_named_as_they_are_imported() -> None:
    """Wherever they are installed."""
    assert short_module(f"{ROOT}/gateway/http/__init__.py") == "gateway.http"
    assert short_module("/usr/lib/python3.11/json/encoder.py") == "json.encoder"
