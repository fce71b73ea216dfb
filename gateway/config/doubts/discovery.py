"""Doubts about `discovery`: secrets that go in the clear, certificates that name no address, a cache of nothing."""

from __future__ import annotations

from collections.abc import Iterator

from hyperlink import URL

from gateway.config.doubts.common import Doubt
from gateway.config.schema import Settings
from gateway.config.schema.discovery import Discovery
from gateway.config.schema.upstreams import Upstream

_HERE = ("localhost", "::1")


def discovery(settings: Settings) -> Iterator[Doubt]:
    """Doubt where members are found, of all upstreams."""
    for index, upstream in enumerate(settings.upstreams):
        found = upstream.discovery
        if found is None:
            continue
        for key, words in [*_in_the_clear(found), *_unnamed(upstream, found)]:
            yield ("upstreams", index, "discovery", key), words
    if settings.discovery_cache is not None and all(one.discovery is None for one in settings.upstreams):
        yield ("discovery_cache",), "nothing is ever kept: no upstream has `discovery`"


def _in_the_clear(found: Discovery) -> Iterator[tuple[str, str]]:
    secrets: dict[str, object] = {"token": found.token, "password": found.password, "token_file": found.token_file}
    key = next((name for name, secret in secrets.items() if secret is not None), None)
    if key is None:
        return
    for url in found.endpoints if found.type == "etcd" else filter(None, [found.url]):
        parsed = URL.from_text(url)
        if parsed.scheme == "http" and parsed.host not in _HERE and not parsed.host.startswith("127."):
            yield key, f"it goes to {parsed.host} in the clear: whoever is on the way has it; write https:// there"
            return


def _unnamed(upstream: Upstream, found: Discovery) -> Iterator[tuple[str, str]]:
    by_address = found.type in ("consul", "kubernetes") or (found.type == "dns_srv" and found.resolver is not None)
    named = upstream.tls.server_name is not None or upstream.host_header not in ("client", "backend")
    if found.scheme == "https" and by_address and not named and upstream.tls.verify:
        yield "scheme", "members are found by their addresses, which few certificates have: say `tls.server_name`"
