"""Spans as OTLP over HTTP has them: protocol buffers (opentelemetry-proto 1.x, `ExportTraceServiceRequest`).

See https://opentelemetry.io/docs/specs/otlp/#otlphttp. Jaeger takes the same at its own port for OTLP.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

from gateway.telemetry.protobuf import SHORT, fixed32, key_value, number, octets, read, text, varint
from gateway.telemetry.shipping.contract import Parcel, Receipt, Verdict, judge_status, squeezed
from gateway.telemetry.tracing.span import Attribute, Span, Value

SCOPE: Final = "gateway"
SCHEMA: Final = "https://opentelemetry.io/schemas/1.37.0"
"""The conventions that names of attributes are after."""

_TIMES: Final = Struct("<BQBQ").pack
_MOST_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 256
_ERROR: Final = 2
_REMOTE_KNOWN: Final = 0x100
_REMOTE: Final = 0x200


_NEW: Final = {
    key: b"\x0a%c%b" % (len(key), key.encode())
    for key in ("gateway.request_id", "http.response.body.size", "url.full", "url.path", "url.query")
}
"""How attributes begin that are not remembered: the next span would have another value."""


class SpanWriter:
    """Writes single spans; what most have alike is written once.

    Attributes:
        remembered: Attributes in their written form, by what they say.
    """

    __slots__ = ("remembered",)

    def __init__(self) -> None:
        self.remembered: dict[tuple[str, Value], bytes] = {}

    def write(self, span: Span) -> bytes:
        """Return a span as a field of `ScopeSpans`."""
        remembered = self.remembered
        parts = [b"\x0a\x10", unhexlify(span.trace_id), b"\x12\x08", unhexlify(span.span_id)]
        if span.state:
            parts.append(octets(3, span.state))
        if span.parent:
            parts += (b"\x22\x08", unhexlify(span.parent))
        parts.append(text(5, span.name))
        parts.append(b"\x30%c" % span.kind)
        parts.append(_TIMES(0x39, span.started, 0x41, span.ended))
        for attribute in span.attributes:
            beginning = _NEW.get(attribute[0])
            if beginning is not None:
                parts.append(_new(beginning, attribute))
            else:
                parts.append(remembered.get(attribute) or self._write(attribute))
        if span.error:
            parts.append(octets(15, text(2, span.error) + number(3, _ERROR)))
        parts.append(fixed32(16, span.flags | _REMOTE_KNOWN | (_REMOTE if span.remote else 0)))
        body = b"".join(parts)
        return b"\x12" + varint(len(body)) + body

    def _write(self, attribute: Attribute) -> bytes:
        key, value = attribute
        written = key_value(9, key, value)
        if not isinstance(value, str) or len(value) <= _LONGEST_REMEMBERED:
            if len(self.remembered) >= _MOST_REMEMBERED:
                self.remembered.clear()
            self.remembered[attribute] = written
        return written


def _new(beginning: bytes, attribute: Attribute) -> bytes:
    """Write an attribute that is not remembered; a short text, as most are, in one go."""
    key, value = attribute
    if isinstance(value, str):
        octets_of = value.encode("utf-8", "replace")
        length = len(octets_of)
        if length < 64:
            whole = SHORT[len(beginning) + length + 4]
            return b"".join([b"\x4a", whole, beginning, b"\x12", SHORT[length + 2], b"\x0a", SHORT[length], octets_of])
    return key_value(9, key, value)


class OtlpSpans:
    """The receiver (a `gateway.telemetry.shipping.contract.Sink`).

    Args:
        url: Where spans are taken, whole.
        shown: The same without what nobody is to read.
        resource: Who has made them.
        version: Of the gateway.
        fields: Sent with each request.
        compress: Whether bodies are compressed.
        name: What it is called in the configuration.
    """

    what = "spans"

    def __init__(
        self,
        url: bytes,
        shown: str,
        resource: Iterable[Attribute],
        version: str,
        fields: Sequence[tuple[bytes, bytes]] = (),
        compress: bool = True,
        name: str = "otlp",
    ) -> None:
        self.name = name
        self.where = shown
        self._url = url
        self._fields = [(b"Content-Type", b"application/x-protobuf"), *fields]
        self._compress = compress
        self._resource = octets(1, b"".join(key_value(1, key, value) for key, value in resource))
        self._scope = octets(1, text(1, SCOPE) + text(2, version))
        self._schema = text(3, SCHEMA)

    def pack(self, items: Sequence[bytes]) -> Parcel:
        scope_spans = b"".join([self._scope, *items, self._schema])
        body = octets(1, self._resource + octets(2, scope_spans) + self._schema)
        body, fields = squeezed(body, self._fields, self._compress)
        return Parcel(self._url, fields, body)

    def judge(self, items: Sequence[bytes], receipt: Receipt) -> Verdict:
        if receipt.status != 200 or not receipt.body:
            return judge_status(items, receipt)
        refused, said = partial_success(receipt.body)
        return Verdict(refused=min(refused, len(items)), said=said)


def partial_success(body: bytes) -> tuple[int, str]:
    """Return how many items an answer says were refused, and why; (0, "") for an answer that cannot be read."""
    refused, said = 0, ""
    try:
        for field, inside in read(body):
            if field == 1 and isinstance(inside, bytes):
                for below, value in read(inside):
                    if below == 1 and isinstance(value, int):
                        refused = value
                    elif below == 2 and isinstance(value, bytes):
                        said = value.decode("utf-8", "replace")[:200]
    except ValueError:
        return 0, ""
    return refused, said
