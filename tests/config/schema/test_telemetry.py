from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from gateway.config import ConfigError, Settings
from gateway.config.records import HEADER_FIELD, RECORD_FIELDS
from gateway.config.schema.telemetry import AccessLog, Metrics
from gateway.config.schema.types import METRIC_LABELS
from gateway.middleware.log_fields import FIELDS
from gateway.telemetry.catalog import METRICS

Load = Callable[..., Settings]


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


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("schema: esc", '"esc", did you mean `ecs`?'),
        ("schema: {}", "a mapping of at least one name"),
        ("schema: [a]", "`default`, `compact`, `ecs` or a mapping"),
        ("schema: {t: stauts}", '"stauts", did you mean `status`?'),
        ("schema: {t: 7}", "`t` without the name of a field"),
        ('schema: {"": path}', "names of members"),
        ('schema: {"a\\n": path}', "names of members"),
        ('schema: {t: "=1"}', "a mapping of names to fields"),
        ("{schema: compact, fields: [status, query]}", '"query"'),
        ("{schema: ecs, fields: [url.pth]}", '"url.pth", did you mean `url.path`?'),
        ("{schema: {t: path}, fields: [path]}", '"path"'),
    ],
)
def test_a_schema_that_is_none(load_text: Load, written: str, words: str) -> None:
    """The error says where, and what is meant."""
    written = written if written.startswith("{") else "{" + written + "}"
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        load_text(f"access_log: {written}")
    assert "access_log." in str(caught.value)


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ("{schema: ecs, fields: [url.path, request.headers.X-A]}", ("url.path", "request.headers.X-A")),
        ("{schema: {t: path, u: request.headers.x-b}, fields: [u]}", ("u",)),
        ("{schema: compact}", "default"),
    ],
)
def test_fields_are_chosen_among_the_names_of_a_schema(load_text: Load, written: str, fields: object) -> None:
    """And any field of the request's head."""
    assert load_text(f"access_log: {written}").access_log.fields == fields


@pytest.mark.parametrize(
    "template", ["json", "combined", "common", "%{path}", "%{request.headers.X-Tenant} 100% %s {x} %{status}"]
)
def test_a_format_is_a_name_or_a_template(template: str) -> None:
    """As it was written."""
    assert AccessLog.model_validate({"format": template}).format == template


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("combine", "`json`, `combined`, `common` or a template"),
        ("$remote_addr", "a template with %{FIELD}"),
        ("", "a template with %{FIELD}"),
        ("%{stauts}", "names of fields"),
        ("%{}", "names of fields"),
        ("%{status", "each %{ has its }"),
        ("%{status} %{", "each %{ has its }"),
        ("%{status}\n", "one line"),
        ("%{status}\0", "one line"),
    ],
)
def test_a_format_that_is_none(template: str, words: str) -> None:
    """The error has the words for it."""
    with pytest.raises(ValidationError, match=re.escape(words)):
        AccessLog.model_validate({"format": template})


@pytest.mark.parametrize("path", ["static", "/a/*/b", "/a?b", "/a/../b", "//a", "/%61", "*", ""])
def test_a_path_that_would_exclude_nothing(path: str) -> None:
    """Paths in their normal form are what it is compared with."""
    with pytest.raises(ValidationError):
        AccessLog.model_validate({"exclude_paths": [path]})


def test_no_label_of_the_gateway_may_be_given() -> None:
    """Prometheus would refuse the whole scrape for one that is there twice."""
    assert {label for spec in METRICS for label in spec.labels} | {"le"} <= set(METRIC_LABELS)
    for name in METRIC_LABELS:
        with pytest.raises(ValidationError):
            Metrics.model_validate({"labels": {name: "x"}})


@pytest.mark.parametrize("name", ["__name", "a-b", "1a", "", "é", "a" * 65, "a b", "a\n"])
def test_what_is_no_name_of_a_label(name: str) -> None:
    """Nor what Prometheus keeps for itself."""
    with pytest.raises(ValidationError):
        Metrics.model_validate({"labels": {name: "x"}})


def test_labels_of_the_operators_own() -> None:
    """Any text is a value."""
    labels = {"environment": 'pro"d', "_a1": "ä"}
    assert Metrics.model_validate({"labels": labels}).labels == labels
