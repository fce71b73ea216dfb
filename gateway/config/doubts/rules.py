"""The rules that a configuration is doubted by, each with its code: why it is there, and what to do.

A code is a promise to who wrote it behind `# gateway: ignore` (`gateway.config.ignoring`): it is not renamed.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Level = Literal["warning", "advice"]
"""`warning`: `gateway check` tells it, and `strict` makes an error of it; `advice`: only `gateway lint` tells it."""


class Rule(NamedTuple):
    """A rule.

    Attributes:
        code: What it is called.
        level: Who tells of it.
        reason: Why it is doubted.
        fix: What to do.
    """

    code: str
    level: Level
    reason: str
    fix: str


_RULES = (
    Rule(
        "admin-open",
        "advice",
        "The operators' port can be reached from other machines: whoever can, reads the configuration, its figures and "
        "who calls.",
        "Write `interface=127.0.0.1` or a `unix:` endpoint; where figures are fetched from elsewhere, let in only who "
        "fetches them.",
    ),
    Rule(
        "answer",
        "warning",
        "An answer of the gateway's own sends clients round in a circle, says something as it stands that was meant to "
        "be filled in, or lacks a field that its status has.",
        "Write the target that the message names, or the field.",
    ),
    Rule(
        "authority-in-clear",
        "advice",
        "An authority is asked over http://: whoever is on the way can answer in its place, with keys of their own, or "
        "reads the secret that it is asked with.",
        "Write `https://`.",
    ),
    Rule(
        "base-path",
        "warning",
        "The path of a backend's URL is put before every path that it is asked for: one that begins with it already "
        "has it twice.",
        "Take the base out of the URL, or out of the path (`transformations.request.path.strip_prefix`).",
    ),
    Rule(
        "cache",
        "warning",
        "The cache keeps nothing of this route, or changes an answer that it should leave alone.",
        "Correct the bound or the field that the message names, or take `cache` out.",
    ),
    Rule(
        "circuit-breaker",
        "warning",
        "Another bound makes a key of the breaker say nothing, or what it falls back to is too old or too large.",
        "Bring the two bounds that the message names into line.",
    ),
    Rule(
        "clear-text",
        "warning",
        "Passwords come over a listener without TLS: whoever is on the way can read them.",
        "Use a `sni:` or `ssl:` endpoint, or name in `trusted_proxies` the proxy that ends TLS.",
    ),
    Rule(
        "client-address",
        "warning",
        "Where clients are is not known, or is believed of who should not be: limits and rules by address go wrong.",
        "Write `trusted_proxies` and `proxy_protocol` as the message says.",
    ),
    Rule(
        "cors",
        "warning",
        "Pages of other origins are meant to call, and none can; or a method is offered that the route does not take.",
        "Write the origins and methods that pages use.",
    ),
    Rule(
        "cors-any-origin",
        "advice",
        "Every page of the web may read this route, and callers are known by what a browser adds by itself: a cookie. "
        "Browsers keep cookies out of such calls, so either nobody is known, or an origin is allowed that must not be.",
        "Name the origins (`allowed_origins`), and write `allow_credentials: true` where cookies have to go along.",
    ),
    Rule(
        "discovery",
        "warning",
        "What asks a registry sends a secret in the clear, cannot check who a member is, or keeps nothing.",
        "Write `https://` for the registry, `tls.server_name` for members, or take `discovery_cache` out.",
    ),
    Rule(
        "dry-run",
        "warning",
        "A rule in dry run is counted and logged, and refuses nobody.",
        "Take `dry_run` out when its figures are as wished.",
    ),
    Rule(
        "grpc-web",
        "warning",
        "No call of a page comes through.",
        "Use a backend of HTTP/2 (`h2c://`, `https://`, `protocol: http2`), and let the route take POST.",
    ),
    Rule(
        "impossible-timeout",
        "warning",
        "Of two bounds on the same wait the shorter one always ends it: the longer one is never reached.",
        "Make the inner wait shorter than the outer one, or take one of them out.",
    ),
    Rule(
        "jwt-audience",
        "advice",
        "A verifier without `audience` takes tokens that its issuer made for other services: one that a user gave to "
        "another application opens this one too.",
        "Write `audience`: what the issuer calls this service.",
    ),
    Rule(
        "jwt-issuer",
        "advice",
        "A verifier without `issuer` takes whatever its key has signed, whoever was meant to: keys are shared more "
        "widely than one thinks, by environments and tenants.",
        "Write `issuer`: the `iss` of the tokens, letter by letter.",
    ),
    Rule(
        "limit-for-nobody",
        "warning",
        "The exceptions of a limit are all addresses there are.",
        "Name the networks that are meant.",
    ),
    Rule(
        "limit-tier",
        "warning",
        "A tier of a limit is for nobody, or for whoever says so: clients choose their fields.",
        "Make tiers by what `auth` has found out: `claim.`, `key`, `role`.",
    ),
    Rule(
        "limit-without-auth",
        "warning",
        "A limit for each user, key or claim, where nobody is asked who is calling: all callers have one limit "
        "together.",
        "Add `auth` to the routes, or limit by `ip`.",
    ),
    Rule(
        "listener-routes",
        "warning",
        "A listener has no route, or a route that was kept off it is reached there by way of another one.",
        "Name the listener in a route's `listeners`; keep requests off with a route of `respond: {status: 404}`.",
    ),
    Rule(
        "log-delivery",
        "warning",
        "Records or spans are sent where nobody takes them, or nothing is there to be sent.",
        "Write the URL and the format that the receiver has.",
    ),
    Rule(
        "mirror-twice",
        "warning",
        "Copies of requests go to the upstream that the requests go to: its backends do everything twice.",
        "Mirror to an upstream of its own.",
    ),
    Rule(
        "no-effect",
        "warning",
        "A key says something that nothing asks for, or that another key has the say over.",
        "Take it out, or write what it depends on.",
    ),
    Rule("no-routes", "warning", "Every request is answered with 404.", "Write `routes`."),
    Rule(
        "nobody-admitted",
        "warning",
        "What is asked of callers cannot be shown by any of them.",
        "Correct the addresses, issuers, roles or ways that the message names.",
    ),
    Rule(
        "plugin",
        "warning",
        "A plugin is asked by no route, or twice, or lets requests pass unprotected when it fails.",
        "Name it in `routes[].plugins` once; `on_error: reject` where it protects something.",
    ),
    Rule(
        "port-taken",
        "warning",
        "Two listeners want the same port: the gateway does not start.",
        "Give one of them another port.",
    ),
    Rule(
        "retry-repeats",
        "advice",
        "Requests that change something may be made twice: the route lets what is not idempotent be tried again.",
        "Make sure that backends know a repeated request (by its Idempotency-Key, say), or leave out what lets it be "
        "sent again.",
    ),
    Rule(
        "retry-in-vain",
        "advice",
        "The route takes only methods that must not be repeated (POST, PATCH): what a backend has begun with is never "
        "tried again, so `retry` helps only where no connection was made.",
        "Write `on: [connect, refused]`, which says as much; or `idempotency_key: true` where backends know repeated "
        "requests by that field.",
    ),
    Rule(
        "secret-in-file",
        "advice",
        "A secret stands in the file: it gets into the history of its repository, into backups and onto screens.",
        "Write `${VARIABLE}`, and set it in the environment or the `.env` beside the file; of API keys and clients "
        "write the hash (`gateway hash-secret`).",
    ),
    Rule(
        "sticky",
        "warning",
        "The cookie that binds clients to backends tells more than it should, is not kept, or is in another's way.",
        "Write a `secret` of 16 octets or more, and what else the message names.",
    ),
    Rule(
        "tls-unverified",
        "advice",
        "Backends are spoken to by TLS, and any server in their place is believed: whoever is on the way reads and "
        "changes everything.",
        "Write `tls.ca` with who has signed their certificates, and `tls.server_name` where these have another name.",
    ),
    Rule(
        "unknown-code",
        "advice",
        "A comment is to ignore a rule that there is not: it ignores nothing.",
        "Write a code of the list.",
    ),
    Rule(
        "unreachable-route",
        "warning",
        "Other routes take all requests that this one, or one of its paths, is for.",
        "Take it out, or make its host, path, methods or conditions others than theirs.",
    ),
    Rule("unused", "warning", "No route is in this group.", "Take it out, or name it in a route's `group`."),
    Rule(
        "unused-ignore",
        "advice",
        "A comment is to ignore what is not there: it would hide it when it comes back.",
        "Take the comment out.",
    ),
    Rule(
        "unused-upstream",
        "advice",
        "No route leads to this upstream, and none falls back to it: it is probed and shown, and gets nothing.",
        "Take it out, or name it in a route.",
    ),
    Rule(
        "upstream-tls",
        "warning",
        "What is said of TLS is for nobody, since the backends are spoken to in the clear; or TLS and `Host` ask for "
        "different servers.",
        "Write `https://` in the backends' `url`; make `tls.server_name` and `host_header` agree.",
    ),
    Rule(
        "variable",
        "warning",
        "A variable of the environment looks like one that overrides a key, and is none.",
        "Write `GATEWAY__SECTION__KEY`.",
    ),
)

RULES: Final = {rule.code: rule for rule in _RULES}
"""By their codes, in the order of these."""
