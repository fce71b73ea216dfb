"""What is done with answers."""

from __future__ import annotations

from gateway.importing.nginx.responses import cache, compression, fields
from tests.importing.nginx.test_passing import Lines, scope


def test_fields() -> None:
    """Added ones, hidden ones, and those that cannot be."""
    left = Lines()
    text = """add_header A 1 always; add_header B $request_id; add_header A 2; add_header C $upstream_cache_status;
    add_header D $upstream_addr; proxy_hide_header X-Powered-By;"""

    found = fields(scope(text), {}, left)

    assert found == {"remove_headers": ["X-Powered-By"], "add_headers": {"A": "1", "B": "${request_id}"}}
    assert left == ["add_header A 2", "add_header C $upstream_cache_status", "add_header D $upstream_addr"]


def test_compression() -> None:
    """`text/html` is always among the types."""
    text = "gzip on; gzip_types application/json text/html; gzip_min_length 1k;"

    assert compression(scope(text)) == {
        "algorithms": ["gzip"],
        "min_size": "1KiB",
        "types": ["text/html", "application/json"],
    }
    assert compression(scope("gzip off;")) is None


def test_what_is_kept() -> None:
    """For how long, also while the backend fails; a key of one's own is told."""
    left = Lines()
    text = """proxy_cache shop; proxy_cache_valid 200 60s; proxy_cache_lock on; proxy_cache_key $uri;
    proxy_cache_use_stale error updating;"""

    assert cache(scope(text), left) == {"ttl": "60s", "stale_if_error": "1h", "stale_while_revalidate": "1m"}
    assert left == ["proxy_cache_use_stale error updating", "proxy_cache_key $uri"]
    assert cache(scope("proxy_cache off;"), left) is None
