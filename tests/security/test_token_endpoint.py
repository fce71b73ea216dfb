"""The token endpoint is asked whatever its form allows, and what it does not: schemathesis, by our description."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from gateway.testing import Harness

CHECKS = [not_a_server_error, checks.status_code_conformance, checks.content_type_conformance]
TEXT = {"type": "string", "maxLength": 60}
FORM = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials", "refresh_token", "password", ""]},
        "client_id": TEXT,
        "client_secret": TEXT,
        "scope": TEXT,
        "refresh_token": TEXT,
    },
}
ANSWER = {"schema": {"type": "object"}}
PLAIN = {"description": "", "content": {"application/json": ANSWER}}
PROBLEM = {"description": "", "content": {"application/problem+json": ANSWER, "application/json": ANSWER}}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "The token endpoint", "version": "1"},
    "paths": {
        "/oauth/token": {
            "post": {
                "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": FORM}}},
                "responses": {"200": PLAIN, **dict.fromkeys(("400", "401", "413", "415", "429"), PROBLEM)},
            }
        }
    },
}
"""RFC 6749 sections 4.4, 5.2 and 6."""


class Served:
    """A gateway in memory, as WSGI has it; requests come from many addresses, so that none has to wait for guesses."""

    def __init__(self) -> None:
        self._gateway = Harness(
            "orders", auth={"oauth": {"issuer": "https://g.example", "secret": "s" * 40, "clients": []}}
        )
        self._asked = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == "/openapi.json":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(DOCUMENT).encode()]
        content = environ["wsgi.input"].read()
        fields = {
            "Host": "localhost",
            "Content-Length": str(len(content)),
            "Content-Type": environ.get("CONTENT_TYPE", ""),
        }
        lines = [
            f"{environ['REQUEST_METHOD']} /oauth/token HTTP/1.1",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        self._asked += 1
        client = self._gateway.client(f"10.0.{self._asked >> 8 & 255}.{self._asked & 255}")
        self._gateway.send("\r\n".join([*lines, "", ""]).encode("latin-1") + content, client)
        (answer,) = client.responses(b"POST")
        client.close()
        heads = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", heads)
        return [answer.body]


@pytest.fixture(scope="module")
def described() -> Any:
    """The description, with the gateway that it is of."""
    return schemathesis.openapi.from_wsgi("/openapi.json", Served())


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_the_token_endpoint_answers_as_its_description_says(described: Any, mode: str) -> None:
    """No form is a fault, and each refusal is JSON with a status of RFC 6749."""
    asked = []

    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(described["/oauth/token"]["POST"].as_strategy(generation_mode=GenerationMode(mode)))
    def ask(case: Any) -> None:
        answer = case.call()
        asked.append(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    ask()
    assert len(asked) >= 10
    assert 200 not in asked  # it knows no client
