"""The step of the access log: whether there is one, and what it never shows."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import config
from gateway.composition.builders.access_log import access_log
from gateway.testing import Harness


def test_without_an_access_log_there_is_no_step() -> None:
    """Absence is a shorter chain."""
    settings = config.from_mapping({"access_log": {"enabled": False}})

    assert access_log(settings, lambda line: None, lambda: 0.0, lambda: 0.0) is None


@pytest.mark.parametrize(("header", "query"), [("X-API-Key", None), ("X-Partner", "partner_key")])
def test_where_api_keys_are_shown_is_never_logged(header: str, query: str | None) -> None:
    """Wherever the configuration lets callers show them, and whatever fields it asks for."""
    keys: dict[str, Any] = {"header": header, "query": query, "keys": []}
    fields = ["path", f"request.headers.{header.lower()}", "request.headers.x-harmless"]
    gateway = Harness(auth={"api_keys": keys}, access_log={"fields": ["query", *fields]})
    shown = {header.replace("-", "_"): "s3cret", "X_Harmless": "shown"}
    gateway.get(f"/orders/7?{query or 'page'}=s3cret", **shown)

    logged = gateway.log.lines[-1]
    assert b"shown" in logged
    assert (b"s3cret" in logged) == (query is None)  # a parameter that is for something else is shown
