"""The whole of a description: its operations, where they are answered, and how often they may be asked.

Tests: `tests/importing/openapi/test_source.py`.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from gateway.config import ConfigError
from gateway.config.patterns import backend_url
from gateway.config.problems import Problem, Unexpected
from gateway.config.units import parse_duration
from gateway.importing.cases import Said, add_tests
from gateway.importing.draft import Data, Draft, Hint, Made, Template
from gateway.importing.openapi.paths import Paths
from gateway.importing.openapi.security import Security
from gateway.importing.parts import Part
from gateway.importing.values import seconds

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
ABOUT: Final = ("summary", "description", "tags", "externalDocs")
CHECKED_BY_BACKENDS: Final = ("requestBody", "responses")
OF_COMPONENTS: Final = (
    *("schemas", "responses", "parameters", "examples", "requestBodies", "headers", "links", "callbacks", "pathItems"),
)
LIMITS: Final = ("x-rate-limit", "x-ratelimit", "x-rateLimit", "x-rate-limiting")
UNITS: Final = {
    "second": "1s",
    "sec": "1s",
    "s": "1s",
    "minute": "1m",
    "min": "1m",
    "m": "1m",
    "hour": "1h",
    "h": "1h",
    "day": "1d",
}
_RATE: Final = re.compile(r"([0-9]+) ?(?:/|per) ?([0-9]*[a-z]+)")
WITHOUT_HOST: Final = Template("${API_URL:-http://127.0.0.1:8000}")

HINTS: Final = {
    "deprecated": Hint("the gateway does not say so", "add `Deprecation` to its answers if it matters"),
    "webhooks": Hint("these are requests that the backend makes", "nothing needs to be done"),
    "callbacks": Hint("these are requests that the backend makes", "nothing needs to be done"),
    "trace": Hint("no route takes TRACE"),
}


def fill(source: Part, draft: Draft) -> None:
    """Put all that is carried over into a draft.

    Raises:
        ConfigError: It is no description, or of a version that is not known.
    """
    version = source.text("openapi")
    if version is None or not version.startswith(("3.0", "3.1")):
        found = version or ("Swagger 2.0, which converters make into 3.0" if source.text("swagger") else "none")
        raise ConfigError([Problem(*source.place, "", f"expected `openapi` 3.0 or 3.1, found {found}")])
    draft.pass_over(source, "info", "tags", "externalDocs", "jsonSchemaDialect")
    draft.remark("The server of the description is the backend here; clients ask the gateway for the same paths.")
    draft.remark("Parameters, bodies and answers are not checked by the gateway: that is left to the backend.")
    reader = _Reader(source, draft)
    for path, item in source.entries("paths"):
        reader.item(path, item)
    if (components := source.get("components")) is not None:
        reader.security.list_unused()
        draft.pass_over(components, *OF_COMPONENTS)
    draft.share()


class _Reader:
    def __init__(self, source: Part, draft: Draft) -> None:
        self._draft = draft
        self._paths = Paths(source, draft)
        self.security = Security(source, draft)
        self._made: dict[str | None, tuple[str, str]] = {}
        self._servers = source.each("servers")
        self._limit = _limit(source, draft)

    def item(self, path: str, item: Part) -> None:
        """Read all operations of a path."""
        draft = self._draft
        draft.pass_over(item, "summary", "description")
        item = self._paths.resolved(item) or item
        for method in METHODS:
            operation = item.get(method)
            if operation is not None:
                self._operation(path, method.upper(), item, operation)
        item.entries()

    def _operation(self, path: str, method: str, item: Part, operation: Part) -> None:
        draft = self._draft
        draft.pass_over(operation, *ABOUT, *CHECKED_BY_BACKENDS)
        own = operation.each("servers") or item.each("servers")
        base, upstream = self._upstream(own or self._servers, operation)
        found = self._paths.read(base + path, item, operation)
        if found is None:
            return
        name = draft.name(operation.text("operationId") or f"{method} {path}", "routes")
        data: Data = {"name": name, "path": found.pattern, "methods": [method], "upstream": upstream}
        said = Said(name, operation.place, found.sample or base + path, method=method, upstream=upstream)
        said.sent = found.sample
        self.security.protect(operation, data, said)
        limit = _limit(operation, draft) or _limit(item, draft) or self._limit
        if limit is not None:
            data["rate_limit"] = dict(limit)
            said.limit = limit["limit"] if limit["scope"] == "ip" or said.claims is not None else None
        draft.routes.append(Made(data, operation.place))
        if found.sample is None:
            why = "no path was found that its expressions are for, so that no test was made of it"
            draft.leave(operation, why, "write one", what=f"{operation.path} (test)")
        else:
            add_tests(said, draft)

    def _upstream(self, servers: list[Part], operation: Part) -> tuple[str, str]:
        """Return the base path and the upstream of an operation, which is made where it is not there."""
        draft = self._draft
        first = servers[0] if servers else None
        url = None if first is None else _server_url(first, draft)
        if url in self._made:
            return self._made[url]
        place = operation.place if first is None else first.place
        scheme, authority, base = (lambda one: (one.scheme, one.netloc, one.path.rstrip("/")))(urlsplit(url or ""))
        address: str = f"{scheme}://{authority}"
        try:
            if authority:
                backend_url(address)
        except Unexpected as error:
            assert first is not None  # it has a URL
            draft.leave(first, f"expected {error.expected}, found {url}", "set API_URL")
            authority = ""
        if not authority:
            if first is not None:
                first.mark_read()
            draft.remark("No server with a host is named: set API_URL to where the backend is.")
            address = WITHOUT_HOST
        for other in servers[1:]:
            draft.leave(other, "one server is asked", "add it to `backends` if it has the same content")
        name = draft.name(urlsplit(url or "").hostname or "api", "upstreams")
        backend: Data = {"name": name, "backends": [{"url": address}]}
        if authority:
            backend["host_header"] = "backend"
        draft.upstreams.append(Made(backend, place))
        self._made[url] = base, name
        return base, name


def _server_url(server: Part, draft: Draft) -> str:
    """Return the URL of a server, its variables replaced by their defaults."""
    draft.pass_over(server, "description", "name")
    url = server.text("url") or "/"
    for name, variable in server.entries("variables"):
        draft.pass_over(variable, "description")
        url = url.replace(f"{{{name}}}", variable.text("default") or "")
        if (others := variable.get("enum")) is not None:
            draft.leave(others, "the default is taken", "write another `url` of the upstream if it matters")
    try:
        urlsplit(url)
    except ValueError:
        draft.leave(server, f"{url!r} is no URL", "set API_URL")
        return "/"
    return url


def _limit(part: Part, draft: Draft) -> Data | None:
    """Return the rate limit that an extension of a part says; None where there is none that is understood."""
    for key in LIMITS:
        found = part.get(key)
        if found is None:
            continue
        number: int | None = None
        window, scope = "", "ip"
        if found.is_mapping:
            number = next((one for word in ("limit", "requests", "max", "rate") if (one := found.whole(word))), None)
            times = (found.text(word) for word in ("window", "period", "interval", "per"))
            window = next((time for time in times if time), "60")
            scope = found.text("scope") or "ip"
        elif (match := _RATE.fullmatch(found.text() or "")) is not None:
            number, window = int(match[1]), match[2]
        try:
            within = parse_duration(UNITS.get(window, window))
        except Unexpected:
            within = 0.0
        if not number or not within or scope not in ("ip", "user", "api_key", "route"):
            draft.leave(found, "its words are not known", "write `rate_limit`")
            return None
        return {"limit": number, "window": seconds(within), "scope": scope}
    return None
