from __future__ import annotations

from benchmarks.peers import ROOT
from benchmarks.profile import own_time, short_module

CHANNEL = f"{ROOT}/gateway/serving/http1_channel.py"


def test_samples_add_up_by_module_and_by_function() -> None:
    """Two functions of one module are one line of the first table."""
    modules, functions = own_time([(CHANNEL, "Channel.dataReceived", 7), (CHANNEL, "Channel._begin", 2)])

    assert modules == {"gateway.serving.http1_channel": 9}
    assert functions["gateway.serving.http1_channel:Channel.dataReceived"] == 7


def test_modules_are_named_as_they_are_imported() -> None:
    """Wherever they are installed."""
    assert short_module(f"{ROOT}/gateway/http/__init__.py") == "gateway.http"
    assert short_module("/usr/lib/python3.11/json/encoder.py") == "json.encoder"
    assert short_module("/v/lib/python3.12/site-packages/twisted/internet/tcp.py") == "twisted.internet.tcp"
