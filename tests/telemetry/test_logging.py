"""The application log: levels by module, lines that can be trusted."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from twisted.logger import LogEvent, Logger, LogLevel, capturedLogs
from twisted.python.failure import Failure

from gateway.telemetry.logging import Levels, as_json, as_text, observer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def event(message: str = "{what} happened", **more: Any) -> LogEvent:
    """An event as `twisted.logger` makes it."""
    return {
        "log_format": message,
        "log_level": LogLevel.warn,
        "log_namespace": "gateway.upstream.pool",
        "log_time": 1_700_000_000.0625,
        "what": "it",
        **more,
    }


@pytest.mark.parametrize(
    ("namespace", "level", "allowed"),
    [
        ("gateway.routing", "info", True),
        ("gateway.routing", "debug", False),
        ("gateway.upstream", "debug", True),
        ("gateway.upstream.pool", "debug", True),
        ("gateway.upstreams", "debug", False),
        ("gateway.upstream.dns", "warn", False),
        ("gateway.upstream.dns", "critical", True),
        ("", "info", True),
    ],
)
def test_the_longest_prefix_decides(namespace: str, level: str, allowed: bool) -> None:
    """A level is that of the namespace or of the nearest one above it."""
    levels = Levels()
    levels.configure("info", {"gateway.upstream": "debug", "gateway.upstream.dns": "error"})

    assert levels.allows(namespace, level) is allowed


def test_levels_can_be_changed_while_running() -> None:
    """A reload's levels hold at once, for namespaces that were seen before too."""
    levels = Levels()
    assert not levels.allows("gateway.routing", "debug")

    levels.configure("debug", {})

    assert levels.allows("gateway.routing", "debug")


def test_twisted_s_own_chatter_is_quiet_unless_it_is_asked_for() -> None:
    """Every factory that starts or stops is told of at `info`."""
    levels = Levels()
    assert not levels.allows("log_legacy", "info")

    levels.configure("warn", {"log_legacy": "debug"})

    assert levels.allows("log_legacy", "info")


def test_events_below_the_level_are_not_written() -> None:
    """The observer asks the levels it was given."""
    levels = Levels()
    levels.configure("error", {"gateway.loud": "info"})
    stream = io.StringIO()
    observe = observer(stream, "text", levels)

    Logger("gateway.quiet", observer=observe).warn("no")
    Logger("gateway.loud", observer=observe).info("yes")

    assert stream.getvalue().endswith("gateway.loud: yes\n")
    assert stream.getvalue().count("\n") == 1


def test_text_says_when_how_bad_where_and_what() -> None:
    """In this order, on one line."""
    assert as_text(event()) == "2023-11-14T22:13:20.062Z warn     gateway.upstream.pool: it happened\n"


def test_text_from_the_network_cannot_forge_a_line() -> None:
    """Line ends are set in, control characters spelled out."""
    text = as_text(event(what="x\n2023 info forged\r\x1b[2J"))

    assert text.splitlines()[1:] == ["    2023 info forged\\r\\x1b[2J happened"]


def test_a_failure_brings_its_traceback() -> None:
    """In text as further lines, in JSON as a field."""
    try:
        raise ValueError("seven")
    except ValueError:
        failure = Failure()

    assert "ValueError: seven" in as_text(event(log_failure=failure))
    record = json.loads(as_json(event(log_failure=failure)))
    assert "ValueError: seven" in record["traceback"]
    assert record["message"] == "it happened"


def test_what_is_broken_has_an_event() -> None:
    """A traceback without another event is one, whoever has logged it; what is foreseen has its own name."""
    with capturedLogs() as events:
        Logger("gateway.test").failure("It broke", Failure(ValueError("seven")))
        Logger("gateway.test").failure("It broke", Failure(ValueError("seven")), event="plugin.failed")

    assert [json.loads(as_json(event))["event"] for event in events] == ["internal.error", "plugin.failed"]


def test_json_has_the_parts_of_the_message_as_fields() -> None:
    """What a search is for: values beside the sentence they were put into."""
    assert json.loads(as_json(event(count=3, thing=object()))) == {
        "timestamp": "2023-11-14T22:13:20.062Z",
        "level": "warn",
        "logger": "gateway.upstream.pool",
        "message": "it happened",
        "what": "it",
        "count": 3,
    }


@pytest.mark.parametrize("odd", ["\udcff", 1 << 80])
def test_json_comes_out_whatever_the_values_are(odd: object) -> None:
    """Values that JSON writers refuse do not lose the line."""
    record = json.loads(as_json(event(odd=odd)))

    assert "it happened" in record["message"]
    assert "odd" in record


def test_colours_are_for_terminals() -> None:
    """A file gets none, nor does who wants none."""
    terminal, file, plain = Terminal(), io.StringIO(), Terminal()
    for stream, environ in ((terminal, {"NO_COLOR": ""}), (file, {}), (plain, {"NO_COLOR": "1"})):
        Logger("gateway", observer=observer(stream, "text", Levels(), environ)).error("bad")

    assert terminal.getvalue().startswith("\x1b[31m")
    assert "\x1b" not in file.getvalue() + plain.getvalue()


def test_json_is_one_line_each_without_separators() -> None:
    """What `json` writes, any reader of JSON lines reads."""
    stream = io.StringIO()
    log = Logger("gateway", observer=observer(stream, "json", Levels()))
    log.info("one")
    log.info("two\nlines")

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["one", "two\nlines"]
