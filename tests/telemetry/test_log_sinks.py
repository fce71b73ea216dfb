"""What receivers get, and what their answers mean; whole batches are in `tests/flow/test_log_shipping.py`."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from gateway.headers import Headers
from gateway.telemetry.log_sinks import NDJSON, Elasticsearch, Loki, Manner, OTLPLogs, Places
from gateway.telemetry.shipping.contract import Receipt

MANNER = Manner(b"http://logs.test/x", "http://logs.test/x", [(b"x-scope-orgid", b"t1")])
AT = b"1700000000350000128"


def item(record: dict[str, Any] | bytes, log: bytes = b"A") -> bytes:
    """An item of a shipper."""
    return log + AT + (record if isinstance(record, bytes) else json.dumps(record, separators=(",", ":")).encode())


def answer(said: object, status: int = 200) -> Receipt:
    """An answer of a receiver."""
    return Receipt(status, Headers(), said if isinstance(said, bytes) else json.dumps(said).encode())


def test_the_fields_of_the_configuration_go_with_each_batch() -> None:
    """Beside those of the format; compressed where that is wanted."""
    parcel = NDJSON(MANNER._replace(compress=True)).pack([item({"a": 1})])

    assert parcel.url == b"http://logs.test/x"
    assert (b"x-scope-orgid", b"t1") in parcel.fields
    assert (b"Content-Encoding", b"gzip") in parcel.fields
    assert gzip.decompress(parcel.body) == b'{"a":1}\n'


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"timestamp": "2023-11-14T22:13:20.062Z"}, "1700000000062000000"),
        (
            {"path": '","timestamp":"2001-01-01T00:00:00.000Z', "timestamp": "2023-11-14T22:13:20.999Z"},
            "1700000000999000000",
        ),
        ({"timestamp": "yesterday"}, AT.decode()),
        ({"timestamp": None}, AT.decode()),
        (b'{"timestamp":"', AT.decode()),
        (b"a line of text", AT.decode()),
    ],
)
def test_the_time_of_a_record(record: Any, expected: str) -> None:
    """Its own where it has one, and never what a client has written."""
    body = json.loads(Loki(MANNER, {"job": "g"}).pack([item(record)]).body)

    assert body["streams"][0]["values"][0][0] == expected


def test_text_that_is_no_text_can_be_sent() -> None:
    """A plugin may have put anything into a line."""
    body = json.loads(Loki(MANNER, {"job": "g"}).pack([item(b"\xff\xfe")]).body)

    assert body["streams"][0]["values"][0][1] == "\ufffd\ufffd"


def test_members_are_found_by_the_names_of_the_schema() -> None:
    """Quotes in a name are as they are in the record."""
    places = Places('t"', "l", "i")
    record = {'t"': "2023-11-14T22:13:20.000Z", "l": "error", "i": "ab" * 16}
    sink = OTLPLogs(MANNER._replace(access=places), [("service.name", "edge"), ("process.pid", 7)])

    (resource,) = json.loads(sink.pack([item(record)]).body)["resourceLogs"]
    (log,) = resource["scopeLogs"][0]["logRecords"]

    assert resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "edge"}},
        {"key": "process.pid", "value": {"intValue": "7"}},
    ]
    assert log["timeUnixNano"] == "1700000000000000000"
    assert (log["severityNumber"], log["severityText"], log["traceId"]) == (17, "error", "ab" * 16)


def test_a_trace_id_that_is_none_is_left_out() -> None:
    """So is a level that is none."""
    (resource,) = json.loads(OTLPLogs(MANNER, []).pack([item({"trace_id": "", "level": "loud"})]).body)["resourceLogs"]

    assert set(resource["scopeLogs"][0]["logRecords"][0]) == {"timeUnixNano", "observedTimeUnixNano", "body"}


ITEMS = [item({"n": number}) for number in range(3)]


def results(*statuses: int) -> dict[str, Any]:
    """An answer of the bulk API."""
    items = [
        {"create": {"status": status} | ({} if status < 300 else {"error": {"type": "t", "reason": "r"}})}
        for status in statuses
    ]
    return {"errors": any(status >= 300 for status in statuses), "items": items}


@pytest.mark.parametrize(
    ("receipt", "again", "refused"),
    [
        (answer(results(201, 201, 201)), [], 0),
        (answer(results(201, 429, 400)), [1], 1),
        (answer(results(503, 408, 500)), [0, 1, 2], 0),
        (answer(results(409, 404, 201)), [], 2),
        (answer(results(400)), [0, 1, 2], 0),
        (answer(b"<html>"), [0, 1, 2], 0),
        (answer({"errors": True}), [0, 1, 2], 0),
        (answer({"errors": True, "items": [{}, {}, {}]}), [0, 1, 2], 0),
        (answer([]), [0, 1, 2], 0),
        (answer(b"", 429), [0, 1, 2], 0),
        (answer(b"", 401), [], 3),
    ],
)
def test_what_elasticsearch_says(receipt: Receipt, again: list[int], refused: int) -> None:
    """Of each record by itself; an answer that is none of its own (a proxy's) has taken nothing."""
    verdict = Elasticsearch(MANNER, "i").judge(ITEMS, receipt)

    assert list(verdict.again) == [ITEMS[number] for number in again]
    assert verdict.refused == refused
    assert bool(verdict.said) == bool(again or refused)


@pytest.mark.parametrize(
    ("receipt", "again", "refused"),
    [
        (answer(b""), 0, 0),
        (answer({}), 0, 0),
        (answer({"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "too old"}}), 0, 2),
        (answer({"partialSuccess": {"rejectedLogRecords": 9}}), 0, 3),
        (answer({"partialSuccess": {"errorMessage": "a warning"}}), 0, 0),
        (answer(b"\x0a\x00"), 0, 0),
        (answer([]), 0, 0),
        (answer(b"", 503), 3, 0),
        (answer(b"", 400), 0, 3),
    ],
)
def test_what_a_collector_says(receipt: Receipt, again: int, refused: int) -> None:
    """Records that it has refused are not to be sent again."""
    verdict = OTLPLogs(MANNER, []).judge(ITEMS, receipt)

    assert (len(verdict.again), verdict.refused) == (again, refused)
