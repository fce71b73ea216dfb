"""Where records of the logs are sent.

Tests: `tests/config/schema/test_shipping.py`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gateway.config.problems import Unexpected
from gateway.config.schema.base import Varied, expected
from gateway.config.schema.types import URL, Duration, File, HeaderName, Parsed, Positive, SecretField, Size, form

_OF = {"labels": "loki", "index": "elasticsearch"}
"""Keys that one format has."""


def _labels(value: object) -> dict[str, str]:
    words = "a mapping of names of labels to texts, such as `{job: gateway}`"
    if not isinstance(value, dict) or not value:
        raise Unexpected(words)
    for name, text in value.items():
        if not isinstance(name, str) or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) or name.startswith("__"):
            raise Unexpected("labels whose names are letters, digits and `_`", f'"{name}"')
        if name == "log":
            raise Unexpected("another name than `log`, which says which of the logs it is", '"log"')
        if not isinstance(text, str) or not text:
            raise Unexpected(words)
    return dict(value)


_LABELS = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}


class LogShipping(Varied):
    """Where records of the logs are sent, beside the file of the access log. Absent: nowhere."""

    secret_keys = frozenset({"headers"})

    url: URL = Field(description="The whole URL that batches are posted to.")
    format: Literal["ndjson", "loki", "elasticsearch", "otlp"] = Field(
        default="ndjson",
        description="How: lines of JSON, Loki's push API, Elasticsearch's bulk API, or OTLP logs (HTTP, JSON).",
    )
    what: tuple[Literal["access", "application"], ...] = Field(
        default=("access",), min_length=1, description="Which logs are sent."
    )
    headers: dict[HeaderName, SecretField] = Field(
        default={}, description="Fields of the requests: `{authorization: Bearer …, x-scope-orgid: …}`."
    )
    labels: Annotated[dict[str, str], Parsed(_labels, _LABELS, "mapping of names to texts", dict)] = Field(
        default={"job": "gateway"}, description="loki: of both streams, beside `log` (access or application)."
    )
    index: Annotated[str, form(r"(?![-_+.])[^A-Z\s\\/*?\"<>|,#:]{1,255}", "the name of an index, in lower case")] = (
        Field(default="gateway-access", description="elasticsearch: the index or data stream that takes the records.")
    )
    ca: File | None = Field(default=None, description="Whom to trust, for https; absent: the system's authorities.")
    compression: Literal["none", "gzip"] = Field(default="none", description="How batches are compressed.")
    batch: Positive = Field(default=1000, description="Records that are sent together, at most.")
    interval: Duration = Field(default=1.0, description="How long a record waits for others.")
    queue: Size = Field(default=16 * 1024 * 1024, description="Memory for records that are not delivered yet.")
    drop: Literal["newest", "oldest"] = Field(
        default="newest", description="Which records are lost when there is no room for all."
    )

    @field_validator("queue")
    @classmethod
    def _has_room(cls, queue: int) -> int:
        if queue < 64 * 1024:
            raise expected("a size from 64KiB up")
        return queue

    def foreign(self) -> list[str]:
        """Return the keys of other formats."""
        return [key for key, form in _OF.items() if form != self.format]

    @field_validator("labels", "index")
    @classmethod
    def _fits(cls, value: object, info: ValidationInfo) -> object:
        wanted, form = _OF[str(info.field_name)], info.data.get("format")
        if form not in (None, wanted):
            raise expected(f"`{info.field_name}` only where `format` is `{wanted}`", f"`{form}`")
        return value

    @model_validator(mode="before")
    @classmethod
    def _one_log(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("what"), str):
            return {**data, "what": [data["what"]]}
        return data
