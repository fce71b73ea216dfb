from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway.config import ConfigError, Settings
from gateway.config.schema.shipping import LogShipping

Load = Callable[..., Settings]


def test_what_is_meant_where_only_the_url_is_given() -> None:
    """As the contract has it."""
    said = LogShipping.model_validate({"url": "http://127.0.0.1:3100/x"})

    assert {key: value for key, value in said if key != "url"} == {
        "format": "ndjson", "what": ("access",), "headers": {}, "labels": {"job": "gateway"},
        "index": "gateway-access", "ca": None, "compression": "none", "batch": 1000, "interval": 1.0,
        "queue": 16 * 1024 * 1024, "drop": "newest",
    }  # fmt: skip


@pytest.mark.parametrize("what", ["application", "[access, application]"])
def test_one_log_or_several(load_text: Load, what: str) -> None:
    """One needs no list."""
    said = load_text(f"log_shipping: {{url: 'http://a/x', what: {what}}}").log_shipping

    assert said is not None
    assert said.what[-1] == "application"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{format: loki}", "log_shipping.url: expected a value"),
        ("{url: 'ftp://a/x'}", "log_shipping.url"),
        ("{url: 'http://u:p@a/x'}", "a URL without user and password"),
        ("{url: 'http://a/x', format: loky}", "did you mean `loki`?"),
        ("{url: 'http://a/x', labels: {job: a}}", "`labels` only where `format` is `loki`"),
        ("{url: 'http://a/x', format: loki, index: a}", "`index` only where `format` is `elasticsearch`"),
        ("{url: 'http://a/x', format: loki, labels: {}}", "a mapping of names of labels"),
        ("{url: 'http://a/x', format: loki, labels: {a-b: c}}", '"a-b"'),
        ("{url: 'http://a/x', format: loki, labels: {log: c}}", "another name than `log`"),
        ("{url: 'http://a/x', format: loki, labels: {a: ''}}", "a mapping of names of labels"),
        ("{url: 'http://a/x', format: elasticsearch, index: Logs}", "the name of an index"),
        ("{url: 'http://a/x', queue: 1KiB}", "a size from 64KiB up"),
        ("{url: 'http://a/x', what: []}", "at least one entry"),
        ("{url: 'http://a/x', what: [audit]}", "log_shipping.what"),
        ("{url: 'http://a/x', batch: 0}", "log_shipping.batch"),
    ],
)
def test_what_is_refused(load_text: Load, written: str, words: str) -> None:
    """With the key, what was wanted and what was there."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        load_text(f"log_shipping: {written}")


def test_secrets_in_fields_are_not_shown(load_text: Load) -> None:
    """Whatever the field."""
    text = "log_shipping: {url: 'http://a/x', headers: {Authorization: Bearer s3cret}}"
    said = load_text(text).log_shipping

    assert said is not None
    assert "s3cret" not in said.model_dump_json()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("log_shipping: {url: 'http://h/', headers: {Authorization: \"Bearer hush\\n\"}}", "log_shipping.headers"),
        ('tracing: {headers: {Authorization: "hush\\r\\nX: y"}}', "tracing.headers"),
        ('admin: {token: "hush\\n"}', "admin.token"),
        (
            'upstreams: [{name: u, discovery: {type: consul, service: u, token: "hush "}}]',
            "upstreams[0].discovery.token",
        ),
    ],
)
def test_a_secret_that_goes_into_a_field_is_one_line(load_text: Load, text: str, key: str) -> None:
    """Files and their variables end with a line end: it would be another secret, or a field of its own."""
    with pytest.raises(ConfigError) as caught:
        load_text(text)

    [problem] = caught.value.problems
    assert str(problem).split(": ")[1].startswith(key)
    assert "expected a header value: one line" in str(problem)
    assert "hush" not in str(problem)
