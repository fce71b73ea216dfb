"""What the receivers of log records want: lines of JSON, Loki, Elasticsearch, OTLP (`Sink`s of a shipper).

Records go as they stand in the log: none is parsed. Their time, level and trace id are found by the name that the
record's schema has for them (`Places`); in JSON a quote inside a text is escaped, so what a client sent is never taken
for a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from gateway.telemetry.shipped_lines import ACCESS, APPLICATION, HEAD
from gateway.telemetry.shipping.contract import OK, Parcel, Receipt, Verdict, judge_status, squeezed

_NAMES: Final = {ACCESS[0]: "access", APPLICATION[0]: "application"}
_LATER: Final = frozenset({408, 429})
_LONGEST_REASON: Final = 200

SEVERITIES: Final = {"debug": 5, "info": 9, "warn": 13, "error": 17, "critical": 21}
"""Numbers of OpenTelemetry's log data model for our levels."""


class Places(NamedTuple):
    """What the members of a record are called that receivers want to know of; empty where it does not have them."""

    time: str = "timestamp"
    level: str = "level"
    trace_id: str = "trace_id"
    event: str = "event"


class Manner(NamedTuple):
    """What all sinks have in common.

    Attributes:
        url: Where it goes.
        where: The same without credentials, for the log.
        fields: Of the requests, beside those of the format.
        access: What members of records of the access log are called.
        compress: Whether batches are compressed.
    """

    url: bytes
    where: str
    fields: Sequence[tuple[bytes, bytes]] = ()
    access: Places = Places()
    compress: bool = False

    def parcel(self, kind: bytes, body: bytes) -> Parcel:
        """Make the request for a batch in its format."""
        body, fields = squeezed(body, [(b"Content-Type", kind), *self.fields], self.compress)
        return Parcel(self.url, fields, body)


class _Reading:
    """Finds the time, level, trace id and event of records of one log."""

    def __init__(self, places: Places) -> None:
        self._time, self._level, self._trace_id, self._event = (
            b'"%b":"' % orjson.dumps(name)[1:-1] if name else b"" for name in places
        )

    def time(self, item: bytes) -> int:
        """Return Unix nanoseconds: those of the record or, where it has none, of the moment it was collected."""
        said = _text(item, self._time)
        try:
            return round(datetime.fromisoformat(said).timestamp() * 1000) * 1_000_000 if said else _collected(item)
        except ValueError:
            return _collected(item)

    def level(self, item: bytes) -> str:
        """Return the level; empty where it is not in the record."""
        return _text(item, self._level)

    def trace_id(self, item: bytes) -> str:
        """Return the trace id; empty likewise."""
        return _text(item, self._trace_id)

    def event(self, item: bytes) -> str:
        """Return the name of the event; empty likewise."""
        return _text(item, self._event)


def _text(item: bytes, marker: bytes) -> str:
    begin = item.find(marker) if marker else -1
    if begin < 0:
        return ""
    begin += len(marker)
    return item[begin : item.find(b'"', begin)].decode("utf-8", "replace")


def _collected(item: bytes) -> int:
    return int(item[1:HEAD])


class LogSink:
    """What all sinks have in common; one is made for each configuration.

    Args:
        manner: How it sends.
    """

    name = ""
    what = "log records"

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._readings = {ACCESS[0]: _Reading(manner.access), APPLICATION[0]: _Reading(Places())}

    @property
    def where(self) -> str:
        """The URL, for the log."""
        return self._manner.where

    def pack(self, items: Sequence[bytes]) -> Parcel:
        """Make the request for a batch."""
        raise NotImplementedError

    def judge(self, items: Sequence[bytes], receipt: Receipt) -> Verdict:
        """By the status."""
        return judge_status(items, receipt)


class NDJSON(LogSink):
    """A record a line, for Vector, Fluent Bit, Logstash and whatever else takes lines by HTTP."""

    name = "ndjson"

    def pack(self, items: Sequence[bytes]) -> Parcel:
        """One line after the other."""
        return self._manner.parcel(b"application/x-ndjson", b"\n".join([*(item[HEAD:] for item in items), b""]))


class Loki(LogSink):
    """Loki's push API: a stream for each log. https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs.

    Args:
        manner: As of `LogSink`.
        labels: Of both streams; `log` tells them apart.
    """

    name = "loki"

    def __init__(self, manner: Manner, labels: Mapping[str, str]) -> None:
        super().__init__(manner)
        self._labels: dict[str, str] = {**labels}

    def pack(self, items: Sequence[bytes]) -> Parcel:
        """Each stream in the order in which its records came."""
        streams: dict[int, list[tuple[str, str]]] = {}
        for item in items:
            at = self._readings[item[0]].time(item)
            streams.setdefault(item[0], []).append((str(at), item[HEAD:].decode("utf-8", "replace")))
        said = [
            {"stream": self._labels | {"log": _NAMES[letter]}, "values": values} for letter, values in streams.items()
        ]
        return self._manner.parcel(b"application/json", orjson.dumps({"streams": said}))


class Elasticsearch(LogSink):
    """The bulk API of Elasticsearch and OpenSearch.

    `create` without an id: data streams take nothing else, and an index takes it too.

    Args:
        manner: As of `LogSink`.
        index: The index or data stream.
    """

    name = "elasticsearch"

    def __init__(self, manner: Manner, index: str) -> None:
        super().__init__(manner)
        self._action = orjson.dumps({"create": {"_index": index}}) + b"\n"

    def pack(self, items: Sequence[bytes]) -> Parcel:
        """An action and a record, line by line."""
        action = self._action
        body = b"".join([part for item in items for part in (action, item[HEAD:], b"\n")])
        return self._manner.parcel(b"application/x-ndjson", body)

    def judge(self, items: Sequence[bytes], receipt: Receipt) -> Verdict:
        """By the status of each record: the whole is 200 whatever became of its parts."""
        if not 200 <= receipt.status < 300:
            return judge_status(items, receipt)
        try:
            answer = orjson.loads(receipt.body)
            if not answer["errors"]:
                return OK
            results = [next(iter(result.values())) for result in answer["items"]]
            statuses = [int(result["status"]) for result in results]
        except (ValueError, LookupError, TypeError, AttributeError, StopIteration):
            return Verdict(again=items, said="it answered 200 with something else than the result of a bulk request")
        if len(statuses) != len(items):
            return Verdict(again=items, said=f"it answered for {len(statuses)} records of {len(items)}")
        again, refused, said = [], 0, ""
        for item, status, result in zip(items, statuses, results, strict=True):
            if 200 <= status < 300:
                continue
            said = said or f"it answered {status} for a record: {_reason(result)}"
            if status in _LATER or status >= 500:
                again.append(item)
            else:
                refused += 1
        return Verdict(again, refused, said)


def _reason(result: Any) -> str:
    error = result.get("error")
    if isinstance(error, dict):
        error = f"{error.get('type', '')}: {error.get('reason', '')}"
    return str(error)[:_LONGEST_REASON]


class OTLPLogs(LogSink):
    """OTLP over HTTP, in JSON: https://opentelemetry.io/docs/specs/otlp/#otlphttp.

    Args:
        manner: As of `LogSink`.
        resource: Attributes of who sends them.
    """

    name = "otlp"

    def __init__(self, manner: Manner, resource: Sequence[tuple[str, str | int]]) -> None:
        super().__init__(manner)
        self._resource = {"attributes": [{"key": key, "value": _value(value)} for key, value in resource]}

    def pack(self, items: Sequence[bytes]) -> Parcel:
        """A scope for each log; the record is the body, as it stands."""
        scopes: dict[int, list[dict[str, object]]] = {}
        for item in items:
            reading = self._readings[item[0]]
            level, trace_id, event = reading.level(item), reading.trace_id(item), reading.event(item)
            record: dict[str, object] = {
                "timeUnixNano": str(reading.time(item)),
                "observedTimeUnixNano": str(_collected(item)),
                "body": {"stringValue": item[HEAD:].decode("utf-8", "replace")},
            }
            if level in SEVERITIES:
                record |= {"severityNumber": SEVERITIES[level], "severityText": level}
            if len(trace_id) == 32:  # a W3C trace id
                record["traceId"] = trace_id
            if event:
                record["eventName"] = event
            scopes.setdefault(item[0], []).append(record)
        said = [
            {"scope": {"name": f"gateway.{_NAMES[letter]}"}, "logRecords": records}
            for letter, records in scopes.items()
        ]
        body = orjson.dumps({"resourceLogs": [{"resource": self._resource, "scopeLogs": said}]})
        return self._manner.parcel(b"application/json", body)

    def judge(self, items: Sequence[bytes], receipt: Receipt) -> Verdict:
        """By the status, and by what it says of records that it has refused; those are not to be sent again."""
        if not 200 <= receipt.status < 300:
            return judge_status(items, receipt)
        try:
            partial = orjson.loads(receipt.body or b"{}").get("partialSuccess") or {}
            refused = int(partial.get("rejectedLogRecords") or 0)
        except (ValueError, TypeError, AttributeError):
            return OK  # 2xx in another form than JSON: they were taken
        if refused <= 0:
            return OK
        return Verdict(refused=min(refused, len(items)), said=str(partial.get("errorMessage", ""))[:_LONGEST_REASON])


def _value(value: str | int) -> dict[str, str]:
    # 64-bit integers are texts in the JSON of protocol buffers.
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
