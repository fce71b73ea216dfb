"""The methods that the gateway forwards.

Layer 1. The parsers of requests refuse every other method, and the
configuration refuses routes for them: no request would ever take such a route.
"""

from __future__ import annotations

from typing import Final

FORWARDED: Final = frozenset(
    # The methods of the registry (RFC 9110 section 16.1) that llhttp knows, and PURGE, by which caches are emptied.
    # Left out: CONNECT, which asks for a tunnel, and llhttp's methods of other protocols (ICE, RTSP).
    b"GET HEAD POST PUT DELETE OPTIONS TRACE PATCH QUERY "
    b"ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE "
    b"REBIND REPORT SEARCH SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE".split()
)
"""Every other method is 501."""
