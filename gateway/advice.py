"""What an operator does about each reason: for the page of reasons, and for who asks why one exchange failed.

Layer 0. Whoever makes a class in `gateway.errors` with a reason of its own writes its line here.
"""

from __future__ import annotations

from typing import Final

ADVICE: Final = {
    "plugin.failed": (
        "Look for the plugin's name in the log: it raised, took longer than its `timeout`, or returned what no hook "
        "may; its traceback is there once a minute. `on_error: continue` lets requests pass without it."
    ),
    "internal": "Look for the traceback under the request id in the log, and report it.",
    "shutdown": (
        "Nothing: the instance is stopping. Clients that get it through a load balancer: let it watch `/ready`."
    ),
    "request.malformed": (
        "Look at the client: it is broken, or somebody looks for a hole. `detail` of the answer names the rule; so "
        "does `gateway why`."
    ),
    "request.ambiguous": (
        "Look at the client: somebody may look for a hole. Where such paths are meant: `paths` of the route says how "
        "its servers read them (docs/routing.md)."
    ),
    "request.method": "Look at the client.",
    "request.misdirected": (
        "Nothing, where a browser asks again by itself. Else put the name into the certificate (docs/guides/http2.md), "
        "or the proxy that shares the connection into `trusted_proxies`."
    ),
    "request.version": "Look at the client; HTTP/0.9 and probes of other protocols look like this.",
    "request.too_large": "Raise `request_body` of the route where such uploads are meant.",
    "request.header_too_large": (
        "Look for cookies or tokens that grow; raise `limits.request_header` where they are meant."
    ),
    "request.timeout": (
        "Slow clients are normal, many at once may be an attack (slowloris). `timeouts.client_*` are the bounds. "
        "Of calls of gRPC: compare `grpc-timeout` with how long the backend takes."
    ),
    "request.aborted": "Compare with the durations: clients that give up are often the first sign of slow backends.",
    "route.none": "See how it was routed: `log.format: text`, or `log.levels: {gateway.routing: debug}`.",
    "route.method": "Add the method to the route's `methods` where it is meant; TRACE goes only where it is named.",
    "auth.missing": "Look at the client: it sends no credential, or none where `auth` looks for one.",
    "auth.invalid": (
        "One client: its credential is old or for another audience. All at once: keys were rotated, a clock is wrong."
    ),
    "auth.forbidden": (
        "Compare what the caller has with `scopes`, `roles`, `ip_allow` and `ip_deny` of the route; for a token in a "
        "cookie, the request's `Origin` with `origins` and, behind a proxy that ends TLS, `trusted_proxies`."
    ),
    "transform.too_large": (
        "Raise `max_body` of the route's `transformations.response` where the backend means to answer so much; each "
        "such answer is held in memory as a whole."
    ),
    "cors.refused": (
        "Where the page is meant to call, list its origin, method or header field in `cors` of the route; the answer's "
        "`detail` says which of them is missing."
    ),
    "auth.refused": "Ask the authority of `auth.forward`: the client got its answer.",
    "config.invalid": "See `problems` in the answer: each says where, what was wanted and what was there.",
    "config.version": "Read what is in force now, and make the change again for its `ETag`.",
    "oauth.refused": "Look at the client: the answer has RFC 6749's code for what is wrong.",
    "auth.unavailable": (
        "Look at the authority or key store; `gateway_store_up`, `gateway_jwks_*` and the log say which."
    ),
    "limit.exceeded": "Raise the limit, or speak to the caller; `gateway_rate_limit_violations_total` shows the route.",
    "limit.unavailable": "Bring Redis back, or let `on_store_failure` be `local`.",
    "limit.in_flight": (
        "Compare `gateway_admission_in_flight` with the limit: backends have become slow, or it is too low."
    ),
    "limit.overload": (
        "Add instances or cores; `gateway_event_loop_lag_seconds` and the process's memory show what is short."
    ),
    "cache.miss": "The client asks for what is kept only; without `only-if-cached` it gets an answer of the backend.",
    "breaker.open": (
        "Look at the backends: `GET /upstreams` has the cause. The breaker closes by itself when they are well."
    ),
    "pool.exhausted": (
        "Backends are slow, or `pool.max_connections` is low for the traffic; see `gateway_pool_pending`."
    ),
    "upstream.no_backend": (
        "Look at `GET /upstreams`: every backend fails its checks, is drained, or none is configured."
    ),
    "upstream.connect": "The backend is down, its port or name is wrong, or a firewall refuses: the log says which.",
    "upstream.tls": (
        "The log says what was wrong: check the backend's certificate, its name (`tls.server_name`) and `tls.ca`."
    ),
    "upstream.reset": (
        "The backend crashes or closes too early: its log says why. `retry` hides it for idempotent requests."
    ),
    "upstream.refused_stream": (
        "The backend goes away, or has as many streams as it takes: `pool.max_streams` lower, or more backends. It is "
        "asked once more by itself; `retry` asks others."
    ),
    "upstream.protocol": "The backend breaks HTTP; `gateway why`, or the live page, names the rule.",
    "aggregate.part": (
        "`detail` names the part, and `parts` of the access log says what became of each. `on_failure` of the part "
        "says what is answered without it."
    ),
    "upstream.timeout": "The backend is slow or hangs; raise the route's `timeout` only where it may be that slow.",
}
"""By reason."""
