from __future__ import annotations

import pytest

from gateway.config import catalog, meant
from gateway.config.schema import Settings
from gateway.config.schema.answers import Redirect, Respond
from gateway.config.schema.base import Section
from gateway.config.schema.caching import Cache
from gateway.config.schema.listeners import Listener
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Backend, Upstream


@pytest.mark.parametrize(
    ("section", "written", "said"),
    [
        (Settings, "route", ", did you mean `routes`?"),
        (Route, "upstrem", ", did you mean `upstream`?"),
        (Route, "ipAllow", ", did you mean `ip_allow`?"),
        (Route, "proxy_pass", ", did you mean `upstream`?"),
        (Route, "server_name", ", did you mean `host`?"),
        (Upstream, "targets", ", did you mean `backends`?"),
        (Upstream, "lb_policy", ", did you mean `strategy`?"),
        (Route, "direct_response", ", did you mean `respond`?"),
        (Settings, "error_page", ", did you mean `error_pages`?"),
        (Settings, "services", ", did you mean `upstreams`?"),
        (Redirect, "code", ", did you mean `status`?"),
        (Redirect, "url", ", did you mean `path`?"),
        (Respond, "text", ", did you mean `body`?"),
        (Listener, "port", ", did you mean `endpoint`?"),
        (Backend, "port", ", did you mean `url`?"),
        (Upstream, "url", ", did you mean `backends`?"),
        (Route, "proxy_cache", ", did you mean `cache`?"),
        (Route, "proxy_cache_use_stale", ", did you mean `cache`?"),
        (Cache, "proxy_cache_valid", ", did you mean `ttl`?"),
        (Cache, "cache_ttl", ", did you mean `ttl`?"),
        (Cache, "vary_headers", ", did you mean `vary`?"),
        (Cache, "vary_query_params", ", did you mean `query`?"),
        (Cache, "proxy_cache_lock", ", did you mean `coalesce`?"),
        (Cache, "proxy_cache_use_stale", ", did you mean `stale_if_error`?"),
        (Cache, "max_body_bytes", ", did you mean `max_entry`?"),
        (Settings, "http2", "; it is one at `listeners[].http2`, `limits.http2`"),
        (Route, "client_idle", "; it is one at `timeouts.client_idle`"),
    ],
)
def test_a_key_that_was_meant(section: type[Section], written: str, said: str) -> None:
    """By its letters, by what other gateways call it, or by the place where it belongs."""
    assert meant.key(written, section) == said


def test_what_nobody_could_mean_is_answered_with_what_there_is() -> None:
    """All keys of the place."""
    assert meant.key("zyx", Upstream) == f"; known here: {', '.join(catalog.known(Upstream))}"


def test_words_of_other_gateways_lead_to_keys_of_ours() -> None:
    """Each to one that exists; none of them is a key where its own would be meant."""
    keys = {key.name for key in catalog.walk()}

    for ours in meant.ELSEWHERE.values():
        assert {ours} <= keys if isinstance(ours, str) else set(ours) <= keys
