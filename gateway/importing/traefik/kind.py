"""The file of a Traefik as a draft: routers in the order of their priorities, with services and middlewares.

The kind `traefik` of `gateway.importing.kinds`. Entry points of the static configuration are read where they stand in
the same file.

Tests: `tests/importing/traefik/test_kind.py::test_entry_points`.
"""

from __future__ import annotations

from typing import Final

from gateway.config.problems import ConfigError, Problem
from gateway.importing.draft import Draft, Hint
from gateway.importing.parts import Part
from gateway.importing.traefik import entry_points
from gateway.importing.traefik.middlewares import Middlewares
from gateway.importing.traefik.routers import Certificates, Routers
from gateway.importing.traefik.services import Services

REMARKS: Final = (
    "PathPrefix compares characters in Traefik: /orders is also for /ordersX there; here /orders/* ends at a slash.",
    "Permanent redirects are 308 here, others 307; Traefik sends GET with 301 and 302.",
    "Times of Traefik's own (no bound for an answer, 3 min for idle clients) are not written: see `timeouts`.",
)

PUBLIC: Final = frozenset({"web", "websecure", "http", "https"})
"""What everybody calls the entry points that are for everybody."""

HINTS: Final = {
    "tcp": Hint("the gateway speaks HTTP only"),
    "udp": Hint("the gateway speaks HTTP only"),
    "providers": Hint("members come from `discovery` here"),
    "certificatesResolvers": Hint("certificates are in files here", "see the guide on TLS"),
    "certResolver": Hint("certificates are in files here", "see the guide on TLS"),
    "stores": Hint("certificates are found by the endpoint", "write `default=NAME` into a `sni:` endpoint"),
    "options": Hint("the endpoint says so", "see `minTLS` and `clientCA` in the guide on TLS"),
    "plugin": Hint("plugins of Traefik do not run here", "see the guide on plugins"),
    "errors": Hint("pages for errors are files here", "see `error_pages`"),
    "passTLSClientCert": Hint("callers with certificates are known by `auth.mtls`"),
    "observability": Hint("logs, metrics and traces are of the whole gateway", "see `access_log` and `tracing`"),
    "accessLog": Hint("there is one access log", "see `access_log`"),
    "metrics": Hint("metrics are at /metrics of the admin port"),
    "tracing": Hint("see `tracing`"),
    "api": Hint("the live page is on the admin port"),
    "forwardingTimeouts": Hint("times are of the gateway and of routes", "see `timeouts.connect` and `timeout`"),
    "excludedContentTypes": Hint("`types` says what is compressed"),
    "log": Hint("see `log`"),
    "ping": Hint("/health is there by itself"),
}


def fill(source: Part, draft: Draft) -> None:
    """Put what a file of Traefik's says into a draft.

    Raises:
        ConfigError: There are no routers in it.
    """
    routers = source.entries("http", "routers")
    if not routers:
        raise ConfigError([Problem(*source.place, "", "expected `http.routers`, found none")])
    for sentence in REMARKS:
        draft.remark(sentence)
    draft.pass_over(source, "global")
    services = Services(
        draft, dict(source.entries("http", "services")), dict(source.entries("http", "serversTransports"))
    )
    middlewares = Middlewares(draft, dict(source.entries("http", "middlewares")))
    listeners = entry_points.fill(source, draft)
    certificates = Certificates(source.entries("tls", "options"), draft)
    named = {frozenset(part.texts("entryPoints")) for _, part in routers}
    public = PUBLIC | (next(iter(named)) if len(named) == 1 else frozenset())
    all_ = draft.top.get("listeners", [])
    Routers(draft, services, middlewares, listeners, all_, certificates, public).fill(routers)
    services.list_unused()
    middlewares.list_unused()
