"""`--proxy LISTEN=BACKEND` into the configuration that it stands for, so that the first try needs no file.

    8080=http://127.0.0.1:9001      what is asked on port 8080 of this machine goes to that backend
    8080=9001                       the same
    0.0.0.0:8080=app.internal:80    for other machines too
    8080/api=9001                   only /api and what is below it; several may share a port
    8080=9001 8080=9002             two backends, in turn
    8080=9001 8081=9002             each port its own

Asked by `gateway.cli` and `gateway.tap`. The YAML that it makes is a configuration as any other.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Any, NamedTuple

import yaml

from gateway.config import patterns
from gateway.config.problems import Unexpected
from gateway.config.texts import without_credentials

PORT = 8080
"""The port of a form that names none."""

FORMS = "[[ADDRESS:]PORT][/PATH]=BACKEND, such as 8080=http://127.0.0.1:9001 or 8080/api=9001"

_LISTEN = re.compile(r"(?:(?:(?P<address>\[[^\]/]*\]|[^:/\[\]]*):)?(?P<port>[0-9]+))?(?P<path>/.*)?", re.DOTALL)
_BARE = re.compile(r"(?:(?P<host>\[[^\]/]*\]|[^:/\[\]@]*):)?(?P<port>[0-9]{1,5})")


class ProxyError(ValueError):
    """A form cannot be understood; the words say what was wanted."""


class Proxy(NamedTuple):
    """One form, read.

    Attributes:
        endpoint: Where it listens, as `listeners[].endpoint`.
        path: The path pattern.
        backend: The URL of the backend.
    """

    endpoint: str
    path: str
    backend: str


def parse(form: str) -> Proxy:
    """Read one form.

    Raises:
        ProxyError: It is none.
    """
    listen, equals, backend = form.partition("=")
    match = _LISTEN.fullmatch(listen)
    if not equals or not backend or match is None:
        raise ProxyError(f'expected {FORMS}, found "{without_credentials(form)}"')
    return Proxy(_endpoint(match["address"], match["port"]), _path(match["path"]), _backend(backend))


def as_mapping(forms: Sequence[str], admin: str | None = None) -> dict[str, Any]:
    """Make the configuration that some forms stand for together.

    Args:
        forms: As they were said; the same place twice is one upstream with two backends.
        admin: The operators' port, as `admin.endpoint`; None for the default.

    Raises:
        ProxyError: One of them is none, or a backend is named twice in one place.
    """
    places: dict[str, dict[str, list[str]]] = {}
    for form in forms:
        proxy = parse(form)
        urls = places.setdefault(proxy.endpoint, {}).setdefault(proxy.path, [])
        if proxy.backend in urls:
            raise ProxyError(f'expected each backend once, found "{without_credentials(form)}" twice')
        urls.append(proxy.backend)
    first, *others = places.values()
    listeners: list[dict[str, Any]] = [{"endpoint": endpoint} for endpoint in places]
    upstreams: list[dict[str, Any]] = []
    routes: list[dict[str, Any]] = []
    if all(other == first for other in others):
        for path, urls in first.items():
            _add(upstreams, routes, path, urls)
    else:
        for listener, paths in zip(listeners, places.values(), strict=True):
            listener["name"] = _of_port(listener["endpoint"], listeners)
            for path, urls in paths.items():
                _add(upstreams, routes, path, urls, listeners=[listener["name"]])
    made = {"listeners": listeners, "upstreams": upstreams, "routes": routes}
    return made if admin is None else {**made, "admin": {"endpoint": admin}}


def as_text(forms: Sequence[str], admin: str | None = None) -> str:
    """Write that configuration as a file has it.

    Raises:
        ProxyError: As for `as_mapping`.
    """
    mapping = as_mapping(forms, admin)
    said = shlex.join(word for form in forms for word in ("--proxy", form))
    head = f"# What `gateway run {said}` stands for.\n"
    return f"{head}# Saved as gateway.yaml, it is run by `gateway run gateway.yaml`.\n" + yaml.safe_dump(
        mapping, sort_keys=False, width=120
    )


def _add(
    upstreams: list[dict[str, Any]], routes: list[dict[str, Any]], path: str, urls: Sequence[str], **route: Any
) -> None:
    """Add a route and what is behind it, named after the path; `app` is what is behind all."""
    name = _unused(re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-") or "app", [one["name"] for one in routes])
    upstream: dict[str, Any] = {"name": name, "backends": [{"url": url} for url in urls]}
    if any(url.startswith("https:") for url in urls):
        upstream["host_header"] = "backend"  # a server on the Internet knows its own names only
    upstreams.append(upstream)
    routes.append({"name": name, "path": path, **route, "upstream": name})


def _of_port(endpoint: str, listeners: Sequence[dict[str, Any]]) -> str:
    return _unused(endpoint.split(":")[1], [one["name"] for one in listeners if "name" in one])


def _unused(name: str, taken: Sequence[str]) -> str:
    """Return the name, with a number where it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _endpoint(address: str | None, port: str | None) -> str:
    if port is not None and int(port) > 65535:
        raise ProxyError(f"expected a port from 0 to 65535, found {port}")
    number = PORT if port is None else int(port)
    if address in ("*", "0.0.0.0"):  # nosec B104 - compared, not opened
        return f"tcp:{number}"
    if address is None or address == "localhost":
        return f"tcp:{number}:interface=127.0.0.1"
    try:
        found = ip_address(address.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ProxyError(
            f'expected an address of this machine, `localhost` or `*` before the port, found "{address}"'
        ) from None
    written = str(found).replace(":", "\\:")
    return f"{'tcp6' if isinstance(found, IPv6Address) else 'tcp'}:{number}:interface={written}"


def _path(written: str | None) -> str:
    path = (written or "/").removesuffix("*").rstrip("/") + "/*"
    try:
        return patterns.path_pattern(path)
    except Unexpected as error:
        raise ProxyError(f'expected {error.expected}, found "{written}"') from None


def _backend(written: str) -> str:
    match = _BARE.fullmatch(written)
    url = written if match is None else f"http://{match['host'] or '127.0.0.1'}:{match['port']}"
    try:
        return patterns.backend_url(url)
    except Unexpected as error:
        expected = f"a port, HOST:PORT or {error.expected}"
        raise ProxyError(f'expected {expected}, found "{without_credentials(written)}"') from None
