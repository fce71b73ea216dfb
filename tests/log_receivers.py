"""Doubles of what takes log records: each looks at every field of what comes, as the real one does.

Loki: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs. Elasticsearch:
https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk. OTLP: opentelemetry-proto's
`collector/logs/v1/logs_service.proto` in the JSON of protobuf.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Answer = tuple[int, bytes]
"""Status and content."""


class Wrong(AssertionError):
    """What came is not what the receiver takes."""


def want(right: bool, words: str, found: object) -> None:
    """Complain about what is not right."""
    if not right:
        raise Wrong(f"{words}: {found!r}")


def content(fields: Mapping[str, str], body: bytes, *kinds: str) -> bytes:
    """Return what a request has in it, as its fields say."""
    want(fields.get("content-type", "").partition(";")[0] in kinds, "content-type", fields)
    coding = fields.get("content-encoding", "identity")
    want(coding in ("identity", "gzip"), "content-encoding", coding)
    return gzip.decompress(body) if coding == "gzip" else body


class Receiver:
    """Keeps the records that came, by stream or index.

    Attributes:
        taken: Records by where they were put.
        answers: What is answered next in place of taking what comes; the first ones first.
    """

    path = ""

    def __init__(self) -> None:
        self.taken: dict[str, list[Any]] = {}
        self.answers: list[Answer] = []
        self.fields: list[Mapping[str, str]] = []

    def __call__(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request."""
        want((method, path) == ("POST", self.path), "method and path", (method, path))
        self.fields.append(fields)
        if self.answers:
            return self.answers.pop(0)
        return self.take(fields, body)

    def take(self, fields: Mapping[str, str], body: bytes) -> Answer:
        """Check a batch, and keep it."""
        raise NotImplementedError


class Lines(Receiver):
    """Takes lines of JSON."""

    path = "/logs"

    def take(self, fields: Mapping[str, str], body: bytes) -> Answer:
        text = content(fields, body, "application/x-ndjson")
        want(text.endswith(b"\n"), "the end of the last line", text[-20:])
        for line in text.splitlines():
            record = json.loads(line)
            want(isinstance(record, dict), "an object", record)
            self.taken.setdefault("", []).append(record)
        return 204, b""


class Loki(Receiver):
    """Takes streams; within each, times do not go back."""

    path = "/loki/api/v1/push"

    def take(self, fields: Mapping[str, str], body: bytes) -> Answer:
        said = json.loads(content(fields, body, "application/json"))
        want(set(said) == {"streams"} and bool(said["streams"]), "streams", said)
        for stream in said["streams"]:
            want(set(stream) == {"stream", "values"}, "a stream", stream)
            labels = stream["stream"]
            want(bool(labels), "at least one label", labels)
            for name, value in labels.items():
                want(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) is not None, "the name of a label", name)
                want(isinstance(value, str) and bool(value), "the value of a label", value)
            kept = self.taken.setdefault(",".join(f"{name}={value}" for name, value in sorted(labels.items())), [])
            for value in stream["values"]:
                want(isinstance(value, list) and len(value) == 2, "time and line", value)
                at, line = value
                want(isinstance(at, str) and re.fullmatch("[0-9]{19}", at) is not None, "nanoseconds, as text", at)
                want(isinstance(line, str) and "\n" not in line, "a line", line)
                want(not kept or int(kept[-1][0]) <= int(at), "in order", (kept[-1:], at))
                kept.append((at, line))
        return 204, b""


class Elasticsearch(Receiver):
    """Takes bulk requests; `judge` says which records it refuses, and with which status."""

    path = "/_bulk"

    def __init__(self, judge: Callable[[dict[str, Any]], int] = lambda record: 201) -> None:
        super().__init__()
        self.judge = judge

    def take(self, fields: Mapping[str, str], body: bytes) -> Answer:
        text = content(fields, body, "application/x-ndjson", "application/json")
        want(text.endswith(b"\n"), "the end of the last line", text[-20:])
        lines = text.split(b"\n")[:-1]
        want(len(lines) % 2 == 0 and bool(lines), "pairs of lines", lines)
        items: list[dict[str, Any]] = []
        for action_line, source in zip(lines[::2], lines[1::2], strict=True):
            action = json.loads(action_line)
            want(set(action) <= {"create", "index"} and len(action) == 1, "an action", action)
            ((name, where),) = action.items()
            want(set(where) == {"_index"}, "an index and no id", where)
            record = json.loads(source)
            want(isinstance(record, dict), "a document", record)
            status = self.judge(record)
            if status < 300:
                self.taken.setdefault(where["_index"], []).append(record)
                items.append({name: {"_index": where["_index"], "_id": str(len(items)), "status": status}})
            else:
                error = {"type": "document_parsing_exception", "reason": "failed to parse"}
                items.append({name: {"_index": where["_index"], "status": status, "error": error}})
        errors = any("error" in next(iter(item.values())) for item in items)
        return 200, json.dumps({"took": 1, "errors": errors, "items": items}).encode()


class OTLP(Receiver):
    """Takes logs of OpenTelemetry."""

    path = "/v1/logs"

    def __init__(self) -> None:
        super().__init__()
        self.resources: list[dict[str, str]] = []

    def take(self, fields: Mapping[str, str], body: bytes) -> Answer:
        said = json.loads(content(fields, body, "application/json"))
        for resource in said["resourceLogs"]:
            want(set(resource) == {"resource", "scopeLogs"}, "a resource", resource)
            named = {each["key"]: next(iter(each["value"].items())) for each in resource["resource"]["attributes"]}
            want(named.get("service.name", ("", ""))[0] == "stringValue", "service.name", named)
            for kind, value in named.values():
                want(isinstance(value, str), "a text", value)
                want(kind == "stringValue" or (kind == "intValue" and value.isdigit()), "a text or a number", kind)
            self.resources.append({key: value for key, (_, value) in named.items()})
            for scope in resource["scopeLogs"]:
                want(set(scope) == {"scope", "logRecords"}, "a scope", scope)
                for record in scope["logRecords"]:
                    for key in ("timeUnixNano", "observedTimeUnixNano"):
                        want(re.fullmatch("[0-9]{19}", record[key]) is not None, key, record[key])
                    want(set(record["body"]) == {"stringValue"}, "a body", record["body"])
                    want(record.get("severityNumber") in (None, 5, 9, 13, 17, 21), "a severity", record)
                    trace_id = record.get("traceId", "0" * 32)
                    want(re.fullmatch("[0-9a-f]{32}", trace_id) is not None, "a trace id", trace_id)
                    want(isinstance(record.get("eventName", ""), str), "the name of an event", record)
                    self.taken.setdefault(scope["scope"]["name"], []).append(record)
        return 200, b'{"partialSuccess":{}}'
