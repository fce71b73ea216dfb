"""One exchange out of an access log."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.commands.why.logged import NotOurs, find, found_in
from gateway.testing import Harness


def lines(**access_log: Any) -> tuple[str, list[bytes]]:
    """The log of three exchanges, the second of which failed; its id and trace id."""
    made = Harness(access_log=access_log)
    made.get("/orders/1")
    response = made.request("GET", "/nothing?token=x", {"User-Agent": "probe/1"})
    made.get("/other")
    name = response.headers.get(b"x-request-id")
    assert name is not None
    return name.decode(), list(made.log.lines)


@pytest.mark.parametrize("schema", ["default", "compact", "ecs"])
def test_every_schema_is_known(schema: str) -> None:
    """By the names that `/exchanges/ID` has."""
    name, log = lines(schema=schema)

    found = found_in(log, "log", name)

    assert found is not None
    assert (found["id"], found["method"], found["path"], found["status"]) == (name, "GET", "/nothing", 404)
    assert found["duration_ms"] >= 0
    if schema != "compact":
        assert (found["reason"], found["client"], found["user_agent"]) == ("route.none", "192.0.2.1", "probe/1")
        assert found["host"] == "gateway.test"


def test_names_that_are_levels_are_known() -> None:
    """As records come back from Elasticsearch."""
    name, log = lines(schema="ecs")
    record = orjson.loads(next(line for line in log if name.encode() in line))
    nested: dict[str, Any] = {}
    for key, value in record.items():
        *levels, last = key.split(".")
        place = nested
        for level in levels:
            place = place.setdefault(level, {})
        place[last] = value

    found = found_in([orjson.dumps(nested)], "log", name)

    assert found is not None
    assert found["path"] == "/nothing"


def test_by_trace_id() -> None:
    """Which other programs know it by."""
    name, log = lines()
    trace = orjson.loads(next(line for line in log if name.encode() in line))["trace_id"]

    found = found_in(log, "log", trace)

    assert found is not None
    assert found["id"] == name


def test_an_id_that_stands_elsewhere_in_a_line_is_another_exchange() -> None:
    """Such as in its path."""
    _, log = lines()
    assert found_in(log, "log", "nothing") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no records"),
        (b"root:x:0:0\n", "its first line is no JSON object"),
        (b'{"a": 1, "b": 2}\n', "its records have none of the members"),
        (b'1.2.3.4 - - [29/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 2\n', "lines of text"),
    ],
)
def test_another_file_is_told_from_a_log_without_the_id(tmp_path: Path, content: bytes, words: str) -> None:
    """Whoever looks into the wrong file is told so."""
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(NotOurs, match=words):
        find(str(tmp_path / "file"), "id")


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    """As rotation leaves it."""
    name, log = lines()
    (tmp_path / "access.log.1.gz").write_bytes(gzip.compress(b"".join(log)))

    assert find(str(tmp_path / "access.log.1.gz"), name) is not None
    assert find(str(tmp_path / "access.log.1.gz"), "none") is None
