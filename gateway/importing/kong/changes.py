"""Kong's request-transformer and response-transformer as transformations.

Tests: `tests/importing/kong/test_changes.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.config.patterns import TOKEN, header_name, header_value
from gateway.config.problems import Unexpected
from gateway.importing.cases import Said
from gateway.importing.draft import Data, Draft
from gateway.importing.parts import Part

ADDS: Final = (
    "`add_headers` adds a field where there is one already, and `set_headers` sets one where there is none: Kong's "
    "`add` and `replace` do not."
)


def change_request(config: Part, route: Data, said: Said, draft: Draft) -> None:
    """Put a request-transformer into a route."""
    changes = route.setdefault("transformations", {}).setdefault("request", {})
    if (method := config.get("http_method")) is not None:
        draft.leave(method, "methods are not changed")
    _fields(config, changes, draft)
    query: Data = {}
    if removed := config.texts("remove", "querystring"):
        query["remove"] = removed
    for kind, ours in (("replace", "set"), ("add", "add"), ("append", "add")):
        for part, name, value in _pairs(config, kind, "querystring", draft):
            query.setdefault(ours, {})[name] = value
            part.text()
    for part in config.each("rename", "querystring"):
        draft.leave(part, "parameters are not renamed", "add it under its new name if it matters")
    if query:
        changes["query"] = query
    _body(config, changes, "body", draft)
    for part in (one for key in ("replace", "add", "append") if (one := config.get(key, "uri")) is not None):
        draft.leave(part, "a template of a path", "write `transformations.request.path.replace`")
        said.sent = None
    draft.pass_over(config, "dots_in_keys")
    if said.upstream is not None:
        fields = _said(config, draft)
        said.sent_headers |= fields
        for name in config.texts("remove", "headers"):
            if name not in fields:
                said.sent_headers[name] = None
                said.headers.setdefault(name, "of-the-client")
    _tidy(route, "request")


def change_response(config: Part, route: Data, said: Said, draft: Draft) -> None:
    """Put a response-transformer into a route."""
    changes = route.setdefault("transformations", {}).setdefault("response", {})
    _fields(config, changes, draft)
    _body(config, changes, "json", draft)
    for kind in ("add", "append", "replace"):
        if (types := config.get(kind, "json_types")) is not None:
            draft.leave(types, "values are added as texts", "write them under `body.add` as JSON")
    if said.upstream is not None:
        said.returned |= _said(config, draft)
    _tidy(route, "response")


def _fields(config: Part, changes: Data, draft: Draft) -> None:
    for part in config.one_or_each("remove", "headers"):
        if (name := _name(part, part.text(), draft)) is not None:
            changes.setdefault("remove_headers", []).append(name)
    for part, old, new in _pairs(config, "rename", "headers", draft):
        if _name(part, old, draft) and _name(part, new, draft):
            changes.setdefault("rename_headers", {})[old] = new
    for kind, ours in (("replace", "set_headers"), ("add", "add_headers"), ("append", "add_headers")):
        for part, name, value in _pairs(config, kind, "headers", draft):
            if _name(part, name, draft) is None:
                continue
            try:
                changes.setdefault(ours, {})[name] = header_value(value)
            except Unexpected as error:
                draft.leave(part, f"expected {error.expected}")
            if kind != "append":
                draft.remark(ADDS)


def _body(config: Part, changes: Data, key: str, draft: Draft) -> None:
    body: Data = {}
    if removed := config.texts("remove", key):
        body["remove"] = removed
    for _, old, new in _pairs(config, "rename", key, draft):
        body.setdefault("rename", {})[old] = new
    for kind in ("replace", "add"):
        for _, name, value in _pairs(config, kind, key, draft):
            body.setdefault("add", {})[name] = value
    for part in config.each("append", key):
        draft.leave(part, "values are not appended to lists of a body")
    if body:
        changes["body"] = body


def _pairs(config: Part, kind: str, what: str, draft: Draft) -> Iterator[tuple[Part, str, str]]:
    """Yield names and values, which Kong writes as `name:value`."""
    for part in config.one_or_each(kind, what):
        name, colon, value = (part.text() or "").partition(":")
        if not colon or "$(" in value:
            why = "a template of Kong's, which is Lua" if colon else "expected `name:value`"
            draft.leave(part, why, "use runtime names such as `${header.NAME}`")
            continue
        yield part, name, value


def _name(part: Part, name: str | None, draft: Draft) -> str | None:
    try:
        return header_name(name or "")
    except Unexpected as error:
        draft.leave(part, f"expected {error.expected}, found {name!r}")
        return None


def _said(config: Part, draft: Draft) -> dict[str, str]:
    """Return the fields that the source says are there afterwards."""
    return {
        name: value
        for kind in ("append", "add", "replace")
        for _, name, value in _pairs(config, kind, "headers", draft)
        if value[:1] not in "~*" and TOKEN.fullmatch(name)  # in a test these say that it is an expression
    }


def _tidy(route: Data, side: str) -> None:
    if not route["transformations"][side]:
        del route["transformations"][side]
    if not route["transformations"]:
        del route["transformations"]
