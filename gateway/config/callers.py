"""Which request fields say who is calling, or show a key of the gateway's own: no backend gets a client's.

Asked by `gateway.composition.builders.identity` for what is forwarded, and by `gateway.config.undecidable`, since
nothing may be decided by what is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gateway.config.schema.auth import Auth, AuthMethod, RouteAuth
from gateway.config.schema.authorities import Introspection
from gateway.config.schema.tokens import AUTHORIZATION, JwtVerifier, TokenSection

SHOWN = frozenset([b"authorization", b"cookie"])
"""Credentials that backends judge by themselves. A backend checks them before it believes them, so routes that do not
ask for them forward them."""

CERTIFICATE = (b"client-cert", b"client-cert-chain")
"""Fields of RFC 9440: a backend that knows the one may know the other (section 2.4)."""


def fields_of_callers(auth: Auth) -> frozenset[bytes]:
    """Return the lower-case names of fields that tell a backend who is calling: no client may send them on any route.

    The fields in which an authority names the user and the roles are among them, whether the backend gets them or not:
    it may know them.
    """
    names = auth.identity_fields
    said = [names.user, names.roles, names.scopes]
    for verifier in _verifiers(auth):
        said += verifier.claim_headers
    if auth.mtls is not None and auth.mtls.client_cert_header is not None:
        said += (auth.mtls.client_cert_header, *(name.decode() for name in CERTIFICATE))
    for authority in auth.forward.values():
        said += (*authority.response_headers, authority.user_header, authority.roles_header)
    return frozenset(name.lower().encode() for name in said) - SHOWN


def places_of_keys(auth: Auth) -> frozenset[bytes]:
    """Return the lower-case names of fields that are for credentials of this gateway's own: no backend gets them."""
    keys = auth.api_keys
    return (frozenset() if keys is None else frozenset([keys.header.lower().encode()])) - SHOWN


def places_of_tokens(auth: Auth, kind: str) -> frozenset[str]:
    """Return the names of all places of tokens of a kind (`header`, `cookie`, `query`), as they are written."""
    places = (place.partition(":") for verifier in _verifiers(auth) for place in verifier.places)
    return frozenset(name for found, _, name in places if found == kind)


def fields_of_tokens(auth: Auth) -> frozenset[bytes]:
    """Return the lower-case names of fields that are for tokens that this gateway checks: no backend gets them."""
    return frozenset(name.lower().encode() for name in places_of_tokens(auth, "header")) - SHOWN


def places_of_credentials(auth: Auth) -> frozenset[bytes]:
    """Return the lower-case names of all fields that are for credentials of this gateway's own."""
    return places_of_keys(auth) | fields_of_tokens(auth)


def keys_among_tokens(auth: Auth) -> bool:
    """Whether API keys are shown where tokens are too: as bearer tokens, or in a place of tokens."""
    keys = auth.api_keys
    if keys is None:
        return False
    return (
        keys.as_bearer
        or keys.header.lower().encode() in fields_of_tokens(auth)
        or keys.query in places_of_tokens(auth, "query")
    )


def _verifiers(auth: Auth) -> tuple[JwtVerifier | Introspection, ...]:
    return (*auth.jwt.values(), *auth.introspection.values())


def all_show_keys(auth: RouteAuth | None) -> bool:
    """Whether everybody whom a route lets in has shown an API key, so that what stands in its place is the key."""
    return _needed(auth, lambda way: way.type == "api_key")


def all_show_authorization(route: RouteAuth | None, auth: Auth) -> bool:
    """Whether `Authorization` was checked of everybody whom a route lets in."""
    return _needed(route, lambda way: reads_authorization(way, auth, all))


def takes_authorization(route: RouteAuth | None, auth: Auth) -> bool:
    """Whether `Authorization` is for a route's own ways, and goes no further."""
    if route is None or route.forward_credentials or route.dry_run:
        return False
    return any(reads_authorization(way, auth, any) for way in route.ways)


def _needed(auth: RouteAuth | None, counts: Callable[[AuthMethod], bool]) -> bool:
    ways = () if auth is None or auth.dry_run else auth.ways
    among = any if auth is not None and auth.all_of else all
    return bool(ways) and among(map(counts, ways))


def reads_authorization(way: AuthMethod, auth: Auth, among: Callable[[Iterable[bool]], bool]) -> bool:
    """Whether a way reads `Authorization`.

    Args:
        way: A way of a route.
        auth: The settings.
        among: Which of several places of tokens have to be `Authorization`: `any`, or `all`.
    """
    if way.type == "api_key":
        return auth.api_keys is not None and auth.api_keys.header.lower() == "authorization"
    if way.type == "forward":
        asked = auth.forward.get(way.verifier[0])
        return asked is not None and not {"*", "authorization"}.isdisjoint(map(str.lower, asked.request_headers))
    if way.type not in ("jwt", "introspection"):
        return way.type == "basic"
    known: Mapping[str, TokenSection] = auth.jwt if way.type == "jwt" else auth.introspection
    # The verifier of our own tokens, which is not among them, reads nothing else.
    places = [place for name in way.verifier for place in (known[name].places if name in known else (AUTHORIZATION,))]
    return among(place.lower() == AUTHORIZATION.lower() for place in places)
