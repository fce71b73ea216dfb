"""The document at /openapi.json says what the port does: schemathesis asks whatever the document allows, and more."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from gateway.admin.openapi import document
from tests.admin.api import CONFIGURATION, TOKEN, Api

IN_THE_ENVIRONMENT = {"GATEWAY__ADMIN__TOKEN": TOKEN, "GATEWAY__ADMIN__ENDPOINT": "tcp:9"}
"""So that a configuration that is put locks nobody out."""

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.ignored_auth,
]


class Served:
    """The admin port of a gateway in memory, as WSGI has it; what a request has changed is undone before the next."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._addresses = itertools.count(1)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        self.api.ask("DELETE", "/config/overlay")
        content = environ["wsgi.input"].read()
        target = environ["RAW_URI"] if "RAW_URI" in environ else environ["REQUEST_URI"]
        lines = [f"{environ['REQUEST_METHOD']} {target} HTTP/1.1", "Host: localhost", f"Content-Length: {len(content)}"]
        lines += [f"Content-Type: {environ['CONTENT_TYPE']}"] if environ.get("CONTENT_TYPE") else []
        lines += [
            f"{key.removeprefix('HTTP_').replace('_', '-')}: {value}"
            for key, value in environ.items()
            if key.startswith("HTTP_") and key not in ("HTTP_HOST", "HTTP_CONTENT_LENGTH")
        ]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        number = next(self._addresses)  # one that guesses would have to wait
        answer = self.api.send(head + content, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", list(answer.fields.items()))
        return [answer.body]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A running gateway."""
    api = Api(tmp_path_factory.mktemp("gateway") / "gateway.yaml", CONFIGURATION, IN_THE_ENVIRONMENT)
    yield api
    api.stop()


@pytest.fixture(scope="module")
def described(running: Api) -> Any:
    """Its document, as it is served."""
    return schemathesis.openapi.from_wsgi("/openapi.json", Served(running))


OPERATIONS = [
    (path, method, mode)
    for path, item in document()["paths"].items()
    for method, operation in item.items()
    for mode in ("positive", "negative")
    if mode == "positive" or {"parameters", "requestBody"} & operation.keys()
]


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_the_port_answers_as_the_document_says(described: Any, path: str, method: str, mode: str) -> None:
    """Statuses, media types, fields and bodies; nothing that needs a token is done without; nothing is a fault."""
    fields = {"Authorization": f"Bearer {TOKEN}"}

    @settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(described[path][method].as_strategy(generation_mode=GenerationMode(mode)))
    def ask(case: Any) -> None:
        case.validate_response(case.call(headers=fields), checks=CHECKS, headers=fields)

    with contextlib.suppress(Unsatisfiable):  # what has no parameters cannot be asked otherwise than is allowed
        ask()


@pytest.mark.parametrize("path", document()["paths"])
def test_other_methods_are_told_which_there_are(running: Api, path: str) -> None:
    """405 with Allow, and the same in the document and at the port."""
    there = {method.upper() for method in document()["paths"][path]}
    for method in {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"} - there:
        answer = running.ask(method, path.replace("{name}", "orders").replace("{number}", "0"))
        assert answer.status == 405
        assert set(answer.fields["Allow"].split(", ")) - {"HEAD"} == there


def test_the_document_is_served(running: Api) -> None:
    """To everybody."""
    assert running.get("/openapi.json") == document()


def test_every_leaf_is_in_the_document(running: Api) -> None:
    """What the page at `/` has."""
    links = running.ask("GET", "/", token="", accept="application/json").json["links"]
    known = {path.partition("{")[0].rstrip("/") for path in document()["paths"]}
    for_browsers = {"/ui", "/live/events"}  # a page, and what never ends
    assert {link["path"].rstrip("/") for link in links} - for_browsers <= known
