"""Settings of `discovery` into finders, each with its source.

Tests: `tests/flow/test_discovery.py::test_a_reload_asks_nobody_again`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.problems import below
from gateway.config.regular import read_regular
from gateway.config.schema.discovery import Discovery
from gateway.config.schema.upstreams import BackendTLS, Upstream
from gateway.dialling.fetching import Fetcher
from gateway.dialling.streaming import Streamer
from gateway.dialling.tls import client_tls_options, files_digest
from gateway.discovery.asking import LARGEST, TIMEOUT, Asking
from gateway.discovery.cache import Cache
from gateway.discovery.contract import Source
from gateway.discovery.file import FileSource
from gateway.discovery.finder import Counts, Finder
from gateway.transport.threads import Threads

if TYPE_CHECKING:
    from gateway.discovery.documents import EtcdDocuments

ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod finds the token of its service account, and whom to trust."""
IN_CLUSTER: Final = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")


def build_finder(said: Upstream, settings: Settings, foundation: Foundation, before: Finder | None) -> Finder:
    """Return what finds the members of an upstream, that of the configuration before where it asks the same.

    Args:
        said: The upstream's settings, with `discovery`.
        settings: The whole configuration.
        foundation: What it is built on.
        before: What finds them in the configuration in force; None for nothing.

    Raises:
        gateway.config.ConfigError: The file with whom to trust cannot be used.
    """
    discovery = said.discovery
    assert discovery is not None
    metrics = foundation.metrics
    cache = _cache(settings.discovery_cache, foundation)
    with below("discovery."):
        files = b"" if discovery.ca is None else files_digest(BackendTLS(ca=discovery.ca))
    counts = Counts(
        changed=metrics.counter("gateway_discovery_changes_total").add,
        failed=metrics.counter("gateway_discovery_failures_total").add,
        refused=metrics.counter("gateway_discovery_refused_total").add,
    )

    def source() -> Source:
        with below("discovery."):
            return _source(said.name, discovery, foundation)

    def make() -> Finder:
        # What answers the same question is known, whoever is asked now.
        known = before.members if before is not None and before.question == discovery.question else ()
        if not known and cache is not None:
            known = tuple(cache.known(said.name, discovery.question))
        return Finder(
            said.name,
            discovery.type,
            discovery.question,
            source(),
            discovery.keep_empty,
            known,
            foundation.reactor,
            foundation.random,
            counts,
            (lambda members: None) if cache is None else partial(cache.keep, said.name, discovery.question),
            (lambda: True) if foundation.whole is None else foundation.whole.elected,
        )

    return foundation.carried.get(("discovery", said.name, discovery, files, settings.discovery_cache), make)


def _source(upstream: str, said: Discovery, foundation: Foundation) -> Source:
    source = build_source(said, foundation)
    whole = foundation.whole
    if whole is None:
        return source
    return whole.source(f"{upstream} {sha256(said.model_dump_json().encode()).hexdigest()}", source)


def build_source(said: Discovery, foundation: Foundation, environ: Mapping[str, str] = os.environ) -> Source:
    """Make what asks.

    Args:
        said: Where, and for what.
        foundation: What it is built on.
        environ: Says where the cluster's API server is.

    Raises:
        gateway.config.ConfigError: The file with whom to trust cannot be used.
    """
    reactor = foundation.reactor
    if said.type == "file":
        assert said.path is not None
        return FileSource(said.path, reactor)
    if said.type in ("dns", "dns_srv"):
        return _dns(said, reactor)
    if said.type == "etcd":
        from gateway.discovery.etcd import EtcdSource

        return EtcdSource(etcd_keys(said, foundation))
    if said.type == "consul":
        from gateway.discovery.consul import PATIENCE, ConsulSource

        assert said.service is not None
        api = (said.url or "http://127.0.0.1:8500").rstrip("/")
        token = None if said.token is None else said.token.get_secret_value()
        asking = _asking([api], said.ca, foundation, PATIENCE)
        return ConsulSource(
            asking, api, said.service, said.tag, said.passing, token, said.datacenter, said.scheme, reactor
        )
    from gateway.discovery.kubernetes import KubernetesSource

    assert said.service is not None
    url, ca, token_file = said.url, said.ca, said.token_file
    if url is None:
        host, port = (environ.get(name, "") for name in IN_CLUSTER)
        url = f"https://[{host}]:{port}" if ":" in host else f"https://{host or 'kubernetes.default.svc'}:{port or 443}"
        own = f"{ACCOUNT}/ca.crt"
        ca = ca or (own if Path(own).exists() else None)
        token_file = token_file or f"{ACCOUNT}/token"
    return KubernetesSource(
        _asking([url], ca, foundation, TIMEOUT),
        url.rstrip("/"),
        said.namespace,
        said.service,
        said.port,
        partial(_token, token_file),
        said.scheme,
        foundation.now,
    )


def etcd_keys(said: Discovery, foundation: Foundation) -> Any:
    """Make what follows the keys of etcd."""
    from gateway.discovery.etcd import EtcdKeys

    assert said.prefix is not None
    endpoints = [url.rstrip("/") for url in said.endpoints]
    credentials = None
    if said.user is not None and said.password is not None:
        credentials = (said.user, said.password.get_secret_value())
    asking = _asking(endpoints, said.ca, foundation, TIMEOUT)
    return EtcdKeys(asking, endpoints, said.prefix, credentials, foundation.reactor)


def read_documents(url: str | None, environ: Mapping[str, str]) -> EtcdDocuments:
    """Return a configuration in etcd, read; waits, and so is for the time before the reactor runs.

    Raises:
        gateway.config.ConfigError: It cannot be read.
    """
    from gateway.discovery.documents import EtcdDocuments

    documents = EtcdDocuments(url or "", environ)
    documents.fetch()
    return documents


def follow_documents(documents: EtcdDocuments, foundation: Foundation, changed: Callable[[], object]) -> None:
    """Let a configuration in etcd be followed.

    Args:
        documents: It.
        foundation: What it is built on.
        changed: Applies what has changed.
    """
    from gateway.discovery.etcd import EtcdKeys

    asking = _asking([documents.endpoint], None, foundation, TIMEOUT)
    keys = EtcdKeys(asking, [documents.endpoint], documents.prefix, documents.credentials, foundation.reactor)
    documents.follow(keys, changed, foundation.reactor, foundation.random)


def _dns(said: Discovery, reactor: Any) -> Source:
    from twisted.names.client import Resolver

    from gateway.discovery.dns import DnsSource, Names, SrvSource

    assert said.name is not None
    if said.resolver is None:
        resolver = Resolver("/etc/resolv.conf", reactor=reactor)
    else:
        host, _, port = said.resolver.rpartition(":")
        resolver = Resolver(servers=[(host.strip("[]"), int(port))], reactor=reactor)
    names = Names(resolver)
    if said.type == "dns_srv":
        return SrvSource(names, said.name, said.resolver is not None, said.scheme, reactor)
    assert not isinstance(said.port, str)
    return DnsSource(names, said.name, said.port, said.scheme, reactor)


def _asking(urls: list[str], ca: str | None, foundation: Foundation, timeout: float) -> Asking:
    tls: IOpenSSLClientConnectionCreator | None = None
    secure = [url for url in urls if url.startswith("https:")]
    if secure:
        from hyperlink import URL

        tls = client_tls_options(URL.from_text(secure[0]).host, BackendTLS(ca=ca))
    parts = (foundation.reactor, foundation.dialer, tls)
    return Asking(Fetcher(*parts, timeout, LARGEST), Streamer(*parts, TIMEOUT, LARGEST))


def _cache(path: str | None, foundation: Foundation) -> Cache | None:
    if path is None:
        return None
    threads: Threads = foundation.carried.get(
        ("threads", "discovery cache"), lambda: foundation.threads(1, "discovery cache")
    )
    return foundation.carried.get(("discovery cache", path), lambda: Cache(path, foundation.reactor, threads.call))


def _token(file: str | None) -> bytes:
    return b"" if file is None else read_regular(file).strip()
