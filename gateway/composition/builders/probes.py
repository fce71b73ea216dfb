"""Settings of active checks into probers.

Tests: `tests/flow/test_active_health.py::test_who_fails_its_checks_gets_no_traffic_and_gets_it_back`.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IProtocol
from twisted.python.failure import Failure

from gateway.composition.foundation import Foundation
from gateway.config.problems import below
from gateway.config.schema.resilience import HealthCheck
from gateway.config.schema.upstreams import Backend, Upstream
from gateway.dialling.dialer import Dialer, OneServer
from gateway.dialling.failures import failure_to_error, words
from gateway.dialling.fetching import Fetcher
from gateway.dialling.tls import client_tls_options
from gateway.errors import InternalError
from gateway.http2.codes import H2
from gateway.probing.probe_http import MOST, HttpProbe
from gateway.probing.probe_script import ScriptProbe
from gateway.probing.probe_tcp import TcpProbe
from gateway.probing.prober import Probe, Prober
from gateway.transport.proxy_greeting import OF_ITSELF
from gateway.upstream.standing import Standing


def build_prober(
    backend: Backend,
    upstream: Upstream,
    check: HealthCheck,
    standing: Standing,
    foundation: Foundation,
    tls: IOpenSSLClientConnectionCreator | None,
    take: Callable[[bool, str], bool] | None = None,
) -> Prober:
    """Make what checks a backend and tells its standing; `take` is told in its place where there is one."""
    return Prober(
        _probe(backend, upstream, check, foundation, tls),
        check.interval,
        check.timeout,
        foundation.random,
        foundation.reactor,
        take or standing.checked,
        _describe,
    )


def _probe(
    backend: Backend,
    upstream: Upstream,
    check: HealthCheck,
    foundation: Foundation,
    tls: IOpenSSLClientConnectionCreator | None,
) -> Probe:
    if check.type == "script":
        environment = {
            "GATEWAY_UPSTREAM": upstream.name,
            "GATEWAY_BACKEND_URL": backend.url,
            "GATEWAY_BACKEND_HOST": backend.host,
            "GATEWAY_BACKEND_PORT": str(backend.port or ""),
        }
        return ScriptProbe(check.command, environment, foundation.reactor)
    port = check.port or backend.port
    # A check is nobody's. Another port than the backend's is another server's, and has headers of its own, if any.
    version = upstream.proxy_protocol if port == backend.port else None
    first = b"" if version is None else OF_ITSELF[version]
    if check.type in ("tcp", "grpc"):
        if check.type == "grpc" and tls is not None:
            with below("tls."):
                tls = client_tls_options(backend.host, upstream.tls_of_backends, (H2,))

        def connect(make: Callable[[], IProtocol]) -> Deferred[IProtocol]:
            return foundation.dialer.dial(backend.host, port, tls, make, check.timeout, first)

        if check.type == "tcp":
            return TcpProbe(connect, says=bool(first) and tls is None)
        from gateway.probing.probe_grpc import GrpcProbe  # loads ngh2

        scheme2 = b"http" if tls is None else b"https"
        return GrpcProbe(connect, scheme2, upstream.host_sent(backend) or backend.authority, check.service)
    dialer: Dialer = foundation.dialer
    if backend.socket is not None:
        host = backend.authority.decode()
        dialer = OneServer(dialer, backend.socket, 0, first)
    else:
        dialer = OneServer(dialer, backend.host, port, first) if first else dialer
        host = f"[{backend.host}]:{port}" if ":" in backend.host else f"{backend.host}:{port}"
    scheme = "http" if tls is None else "https"
    sent = upstream.host_sent(backend)
    return HttpProbe(
        Fetcher(foundation.reactor, dialer, tls, check.timeout, MOST, glance=True),
        f"{scheme}://{host}{backend.base}{check.path}",
        host if sent is None else sent.decode(),
        check.headers,
        check.expected_status,
        check.expected_headers,
        check.expected_body,
    )


def _describe(failure: Failure) -> str:
    """Put what the dialer failed with into the words of the access log, and those of the system behind them."""
    error = failure_to_error(failure)
    said = words(failure.value).rstrip(".")[:200]
    return said if isinstance(error, InternalError) else f"{error.reason}: {said}"
