"""How the form of a log is found."""

from __future__ import annotations

import json
import re

import pytest

from gateway.config import from_mapping
from gateway.recorded.forms import UnknownForm, named, of_settings, recognised
from tests.recorded.test_json_lines import written
from tests.recorded.test_text_lines import COMBINED

ENVOY = {"start_time": "2026-11-30T09:14:00Z", "method": "GET", "path": "/a", "response_code": 200, "duration": 1}
NGINX = {
    "time_local": "30/Nov/2026:09:14:00 +0000",
    "request": "GET /a HTTP/1.1",
    "status": "200",
    "request_time": "0.1",
}


@pytest.mark.parametrize("schema", ["default", "ecs", "compact"])
def test_our_own_log_is_recognised(schema: str) -> None:
    """In every schema that has a name."""
    lines, _ = written({"schema": schema})

    assert recognised(lines).name == "gateway"


@pytest.mark.parametrize(
    ("line", "name"),
    [(json.dumps(ENVOY).encode(), "envoy"), (json.dumps(NGINX).encode(), "nginx"), (COMBINED, "combined")],
    ids=["envoy", "nginx", "combined"],
)
def test_those_of_others_are_recognised(line: bytes, name: str) -> None:
    """By what their lines tell; the longer form wins where two fit."""
    assert recognised([line]).name == name


def test_some_lines_that_do_not_fit_are_no_hindrance() -> None:
    """Most decide."""
    assert recognised([b"junk\n", COMBINED, COMBINED, json.dumps(ENVOY).encode()]).name == "combined"


def test_a_template_of_the_configuration_is_tried() -> None:
    """The log is likely to be its own."""
    log = {"format": "%{status}|%{timestamp}|%{request_line}"}
    lines, settings = written(log)

    assert recognised(lines, of_settings(settings)).name == "access_log.format"


def test_a_template_without_a_request_is_not_tried() -> None:
    """No request can be made of its lines."""
    settings = from_mapping({"routes": [], "access_log": {"format": "%{status}"}})

    assert of_settings(settings) == []


def test_what_nobody_knows_names_the_forms() -> None:
    """With the option that says which it is."""
    with pytest.raises(UnknownForm, match=r"--format says which it is: gateway, envoy, nginx, combined, common"):
        recognised([b"hello\n"])


def test_a_name_that_nobody_knows_is_refused() -> None:
    """With what was there."""
    with pytest.raises(
        UnknownForm, match=re.escape('or a template with %{FIELD}, $variable or %OPERATOR% in it, found "csv"')
    ):
        named("csv")
