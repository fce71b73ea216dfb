"""APISIX's proxy-rewrite, response-rewrite and redirect.

Tests: `tests/importing/apisix/test_rewriting.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gateway.config.patterns import expression, header_name, header_value
from gateway.config.problems import Unexpected
from gateway.importing.cases import Said
from gateway.importing.draft import Data, Draft, Template
from gateway.importing.parts import Part

VARIABLE: Final = re.compile(r"\$[A-Za-z_{]")
STATUSES: Final = (301, 302, 303, 307, 308)
RUNTIME: Final = {
    "$remote_addr": "${client_ip}", "$request_method": "${method}", "$request_id": "${request_id}", "$uri": "${path}",
}  # fmt: skip
"""Variables of nginx that have a counterpart, where they are all of a value."""


def rewrite_request(config: Part, route: Data, said: Said, draft: Draft) -> None:
    """Put a proxy-rewrite into a route."""
    changes: Data = {}
    _path(config, changes, said, draft)
    for key, why in (
        ("host", "the host that backends see is the upstream's to say: `host_header`"),
        ("method", "methods are not changed"),
        ("scheme", "the scheme is the backend's"),
    ):
        if (part := config.get(key)) is not None:
            draft.leave(part, why, "write it there" if key == "host" else "")
    draft.only(config, "use_real_request_uri_unsafe", False, "paths go on as they came unless they are rewritten")
    headers = config.get("headers")
    if headers is not None:
        _fields(headers, changes, said.sent_headers if said.upstream else {}, draft)
        for name in changes.get("remove_headers", []):
            if said.upstream:
                said.sent_headers[name] = None
                said.headers.setdefault(name, "of-the-client")
    if changes:
        _merge(route.setdefault("transformations", {}).setdefault("request", {}), changes)


def rewrite_response(config: Part, route: Data, said: Said, draft: Draft) -> None:
    """Put a response-rewrite into a route."""
    changes: Data = {}
    for key, why in (
        ("status_code", "one status becomes another here, and not all of them one"),
        ("body", "bodies are changed where they are JSON"),
        ("filters", "bodies are changed where they are JSON"),
        ("vars", "answers are changed whatever they are"),
    ):
        if (part := config.get(key)) is not None:
            draft.leave(part, why, "see `transformations.response`, or `respond`")
    draft.only(config, "body_base64", False, "bodies are texts")
    headers = config.get("headers")
    if headers is not None:
        _fields(headers, changes, said.returned if said.upstream else {}, draft)
    if changes:
        _merge(route.setdefault("transformations", {}).setdefault("response", {}), changes)


def redirect(config: Part, route: Data, said: Said, draft: Draft) -> None:
    """Put a redirect into a route, in the place of its upstream."""
    made: Data = {}
    code = config.whole("ret_code")
    if config.flag("http_to_https"):
        made = {"scheme": "https", "status": 301 if code is None else code}
        location = f"https://{said.host}{said.path}"
        draft.remark(
            "A route with `redirect` redirects every request: put it on the listener without TLS (`listeners`)."
        )
    else:
        uri = config.text("uri")
        if uri is None or VARIABLE.search(uri.removeprefix("$uri")) or "?" in uri or not uri.startswith(("/", "$uri")):
            draft.leave(config, "it goes where a variable or an expression says", "write `redirect` with its parts")
            route["ip_deny"] = ["0.0.0.0/0", "::/0"]
            said.shut = True
            return
        literal = not uri.startswith("$uri")
        made = {"path": uri if literal else Template("${path}" + uri.removeprefix("$uri")), "status": code or 302}
        location = f"http://{said.host}{uri if literal else said.path + uri.removeprefix('$uri')}"
        draft.only(config, "append_query_string", True, "the query is kept")
    if made["status"] not in STATUSES:
        draft.leave(config, f"{made['status']} is no status of a redirect")
        made.pop("status")
        code = 308
    for key in ("upstream", "timeout", "retry", "transformations", "cache", "request_body", "mirror"):
        route.pop(key, None)
    route["redirect"] = made
    said.status, said.upstream, said.sent = made.get("status", code or 308), None, None
    where = re.sub("[.]", "[.]", re.sub("^https?:", "https?:", location))
    said.sent_headers, said.returned = {}, {"Location": f"~^{where}$"}


def _path(config: Part, changes: Data, said: Said, draft: Draft) -> None:
    uri, pair = config.text("uri"), config.each("regex_uri")
    if uri is not None:
        if VARIABLE.search(uri) or "?" in uri:
            where = config.get("uri")
            assert where is not None  # it has a text
            draft.leave(where, "a path with variables", "write `transformations.request.path`")
            said.sent = None
            return
        changes["path"] = {"replace": {"pattern": "^.*$", "with": uri.replace("\\", "\\\\")}}
        if said.sent is not None:
            said.sent = uri
        for part in pair:
            draft.leave(part, "`uri` is taken where both are written")
        return
    if not pair:
        return
    texts = [part.text() or "" for part in pair]
    if len(texts) != 2 or "?" in texts[1]:
        where = config.get("regex_uri")
        assert where is not None  # it has members
        draft.leave(where, "one expression and its replacement are taken, without a query", "write a route for each")
        said.sent = None
        return
    pattern, template = texts
    try:
        expression(pattern)
    except Unexpected as error:
        draft.leave(pair[0], f"expected {error.expected}", "write it in RE2's syntax")
        said.sent = None
        return
    # In APISIX the template becomes the whole path, also where the pattern matches only a part of it.
    changes["path"] = {"replace": {"pattern": pattern, "with": re.sub(r"\$(\d)", r"\\\1", template)}}
    if said.sent is not None:
        found = re.search(pattern, said.sent)
        said.sent = said.sent if found is None else re.sub(r"\$(\d)", lambda one: _group(found, int(one[1])), template)


def _group(found: re.Match[str], number: int) -> str:
    return (found[number] or "") if number <= found.re.groups else ""


def _fields(headers: Part, changes: Data, expected: dict[str, str | None] | dict[str, str], draft: Draft) -> None:
    """Put changes of fields into a route: in the new words (`set`, `add`, `remove`), or as a plain mapping."""
    for name in headers.texts("remove"):
        changes.setdefault("remove_headers", []).append(name)
    parted = {"set", "add", "remove"} & set(headers.names())
    for kind, ours in (("set", "set_headers"), ("add", "add_headers")) if parted else ((None, "set_headers"),):
        where = headers if kind is None else headers.get(kind)
        for part, name, value in [] if where is None else _pairs(where):
            try:
                header_name(name)
                header_value(value)
            except Unexpected as error:
                draft.leave(part, f"expected {error.expected}")
                continue
            if value in RUNTIME:
                changes.setdefault(ours, {})[name] = Template(RUNTIME[value])
                expected[name] = "*"
            elif VARIABLE.search(value):
                draft.leave(part, "a variable of nginx", "use runtime names such as `${header.NAME}`")
            elif not value and kind != "add":
                changes.setdefault("remove_headers", []).append(name)
            else:
                changes.setdefault(ours, {})[name] = value
                if value[:1] not in "~*":
                    expected[name] = value


def _merge(before: Data, changes: Data) -> None:
    """Put changes beside those that another plugin has made."""
    for key, value in changes.items():
        if isinstance(value, dict):
            before.setdefault(key, {}).update(value)
        elif isinstance(value, list):
            before.setdefault(key, []).extend(value)
        else:
            before[key] = value


def _pairs(where: Part) -> Iterator[tuple[Part, str, str]]:
    for name, part in where.entries():
        if (value := part.text()) is not None:
            yield part, name, value
    for part in where.each():  # `add` may be a list of lines
        name, _, value = (part.text() or "").partition(":")
        yield part, name.strip(), value.strip()
