"""The files that `gateway new` writes: a configuration, its tests, and a file for `docker compose`.

Texts only: who asks, and who writes, is `gateway.commands.new.command`. What is written carries comments, since it is
made to be changed.

Tests: `tests/commands/new/test_starter.py`.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

DIRECTORY: Final = "etc"
"""Where `gateway run` looks by itself; all YAML files in it are read."""

CONFIGURATION: Final = f"{DIRECTORY}/gateway.yaml"
TESTS: Final = f"{DIRECTORY}/tests.yaml"
COMPOSE: Final = "compose.yaml"

NAME: Final = "app"
"""What the service is called, as route and as upstream."""

WINDOW: Final = "60s"

_HEAD = """\
# `gateway check etc` names every mistake by line and key. A gateway that runs takes what is saved here at once.
# Every key there is: docs/reference/configuration.md, or in your editor: gateway schema --install.

listeners:
  - endpoint: tcp:{port}

admin:                                  # health, metrics, and a live page: http://127.0.0.1:9090/ui/
  endpoint: tcp:9090:interface=127.0.0.1
"""

_KEYS = """
auth:
  api_keys:
    keys:                               # of each key only a hash; for another: gateway apikey create --config etc
      - {{id: {id}, hash: "{hash}"}}
"""

_JWT = """
auth:
  jwt:
    default:
      algorithms: [RS256]
      issuer: {issuer}
      audience: [{audience}]
      jwks_url: {jwks}
"""

_SERVICE = """
upstreams:
  - name: app
{host_header}    backends:
      - url: ${{BACKEND_URL:-{backend}}}

routes:
  - name: app
    path: {path}
    upstream: app
"""

_TESTS = """\
# Run by `gateway test etc`, through the real gateway, in memory: no service is asked, and time passes at once.

tests:
  - name: what is asked reaches the service
    request: {inside}
    given: {{{claims}backends: {{app: {{body: hello}}}}}}
    expect: {{status: 200, route: app, upstream: app, body: hello}}

  - name: a service that is down is a 502
    request: {inside}
    given: {{{claims}backends: {{app: {{refuse: true}}}}}}
    expect: {{status: 502, reason: upstream.connect}}
"""

_REFUSED = """
  - name: nobody gets in who does not say who it is
    request: {inside}
    expect: {{status: 401, route: app, sent: null}}
"""

_OUTSIDE = """
  - name: other paths lead nowhere
    request: {outside}
    expect: {{status: 404, route: null, sent: null}}
"""

_LIMITED = """
  - name: one request more than {limit} in a minute is one too many
    request: {inside}
    given: {{{claims}repeat: {more}}}
    expect: {{status: 429, headers: {{Retry-After: "*"}}}}
"""

_COMPOSE = """\
# docker compose up, with an image `gateway`: `make image` in a checkout of the gateway builds it.

services:
  gateway:
    image: ${{GATEWAY_IMAGE:-gateway}}
    ports:
      - "{port}:{port}"
    environment:
      BACKEND_URL: {backend}
{reaching}    volumes:
      # The directory, not the file: a mounted file stays the old one when an editor puts a new one in its place.
      - ./etc:/etc/gateway:ro
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    stop_grace_period: 40s              # exchanges under way may take `timeouts.shutdown`, 30 s where nothing is said
    restart: unless-stopped
"""

_REACHING = """\
    extra_hosts:                        # the machine that the container runs on
      - host.docker.internal:host-gateway
"""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_HOST: Final = "host.docker.internal"


class Key(NamedTuple):
    """An API key that gets in.

    Attributes:
        id: What logs call it.
        hash: What the configuration has of it, `sha256:…`.
    """

    id: str
    hash: str


class Issuer(NamedTuple):
    """Who gives out tokens that get in.

    Attributes:
        url: What `iss` says; the key set is looked for below it.
        audience: Of which `aud` must have this.
    """

    url: str
    audience: str


class Starter(NamedTuple):
    """What the questions found out.

    Attributes:
        port: Where the gateway listens.
        path: The path pattern that goes to the service.
        backend: URL of the service.
        who: Who may call; None for anybody.
        limit: Requests a minute, of each caller; 0 for no limit.
    """

    port: int
    path: str
    backend: str
    who: Key | Issuer | None
    limit: int


def files(starter: Starter) -> dict[str, str]:
    """Return the files, by their names below the directory."""
    return {CONFIGURATION: _configuration(starter), TESTS: _tests(starter), COMPOSE: _compose(starter)}


def _configuration(starter: Starter) -> str:
    parts = [_HEAD.format(port=starter.port)]
    kind = None
    if isinstance(starter.who, Key):
        kind = "api_key"
        parts.append(_KEYS.format(id=_quoted(starter.who.id), hash=starter.who.hash))
    elif starter.who is not None:
        kind = "jwt"
        issuer, audience = starter.who
        jwks = issuer.rstrip("/") + "/.well-known/jwks.json"
        parts.append(_JWT.format(issuer=_quoted(issuer), audience=_quoted(audience), jwks=_quoted(jwks)))
    # A server on the Internet knows its own names only.
    host_header = "    host_header: backend\n" if starter.backend.startswith("https:") else ""
    parts.append(_SERVICE.format(host_header=host_header, backend=starter.backend, path=_quoted(starter.path)))
    if kind is not None:
        parts.append(f"    auth: {{type: {kind}}}\n")
    if starter.limit:
        scope = "ip" if kind is None else "user"
        parts.append(f"    rate_limit: {{requests: {starter.limit}, window: {WINDOW}, scope: {scope}}}\n")
    return "".join(parts)


def _tests(starter: Starter) -> str:
    base = f"http://localhost:{starter.port}"
    inside = base + starter.path.removesuffix("*")
    claims = "" if starter.who is None else "claims: {sub: somebody}, "
    parts = [_TESTS.format(inside=inside, claims=claims)]
    if starter.who is not None:
        parts.append(_REFUSED.format(inside=inside))
    if starter.path != "/*":
        parts.append(_OUTSIDE.format(outside=f"{base}/"))
    if starter.limit:
        parts.append(_LIMITED.format(inside=inside, claims=claims, limit=starter.limit, more=starter.limit + 1))
    return "".join(parts)


def _compose(starter: Starter) -> str:
    url = urlsplit(starter.backend)
    near = url.hostname in _LOOPBACK
    if near:
        netloc = _HOST if url.port is None else f"{_HOST}:{url.port}"
        url = url._replace(netloc=netloc)
    reaching = _REACHING if near else ""
    return _COMPOSE.format(port=starter.port, backend=_quoted(urlunsplit(url)), reaching=reaching)


def _quoted(text: str) -> str:
    """Write a text as YAML: as JSON, but for what is plainly a text."""
    return text if text.replace("-", "").replace("_", "").isalnum() and not text.isdigit() else json.dumps(text)
