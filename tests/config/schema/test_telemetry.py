from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.config.schema.telemetry import HEADER_FIELD, RECORD_FIELDS, AccessLog
from gateway.middleware.access_log import FIELDS


def test_the_schema_knows_the_fields_that_the_access_log_can_write() -> None:
    """A list that passes here is one that the step can compile."""
    assert set(RECORD_FIELDS) == FIELDS


def test_a_field_of_the_request_head_may_be_written() -> None:
    """Any of them; redaction is another key."""
    assert AccessLog.model_validate({"fields": ["path", f"{HEADER_FIELD}referer"]}).fields == (
        "path",
        "request.headers.referer",
    )


@pytest.mark.parametrize("name", ["pathh", HEADER_FIELD, "response.headers.server"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """At load, not when the first record is due."""
    with pytest.raises(ValidationError):
        AccessLog.model_validate({"fields": ["path", name]})
