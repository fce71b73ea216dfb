"""The methods that the gateway forwards.

Layer 1, asked by the parsers of requests, and by the configuration, where a
route for any other method would be one that no request ever takes.
"""

from __future__ import annotations

FORWARDED = frozenset(
    # Those of the registry (RFC 9110 section 16.1) that llhttp knows, and PURGE, which caches take. CONNECT asks for a
    # tunnel; what llhttp knows of other protocols (ICE, RTSP) is none of HTTP.
    b"GET HEAD POST PUT DELETE OPTIONS TRACE PATCH QUERY "
    b"ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE "
    b"REBIND REPORT SEARCH SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE".split()
)
"""Every other method is 501."""
