"""Names of fields that `claim_headers`, and `client_cert_header`, may not have.

A backend gets such a field with a claim in it, or with the client's certificate. Where it has another meaning already
(framing, routing, who is calling), the claim would stand for that, or beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.config.callers import CERTIFICATE, places_of_credentials
from gateway.config.nodes import MapNode
from gateway.config.places import TAKEN
from gateway.config.problems import Problem, problem
from gateway.config.schema import Settings
from gateway.config.schema.auth import Auth
from gateway.config.schema.authorities import Introspection
from gateway.config.schema.tokens import JwtVerifier
from gateway.config.validation import about_key, locate
from gateway.http.fields import folded

_TAKEN = TAKEN | {b"traceparent", b"tracestate"}


def check(root: MapNode, settings: Settings) -> Iterator[Problem]:
    """Report every name that means something else already, and every two that a backend may take for one."""
    auth = settings.auth or Auth.unwritten()
    identity = auth.identity_fields
    taken = {
        folded(name.lower().encode()): "`auth.identity_fields` has it"
        for name in (identity.user, identity.roles, identity.scopes)
    }
    taken |= {folded(name): "it is where credentials are shown" for name in places_of_credentials(auth)}
    taken |= dict.fromkeys(_TAKEN, "it means something else already")
    told = None if auth.mtls is None else auth.mtls.client_cert_header
    if told is not None:
        read_as = folded(told.lower().encode())
        if read_as in taken:
            place, path = locate(root, ("auth", "mtls", "client_cert_header"))
            yield problem(place, path, "a field of its own, such as `Client-Cert`", f'"{told}": {taken[read_as]}')
        taken |= dict.fromkeys([read_as, *CERTIFICATE], "it tells of the client's certificate")
    kinds: tuple[tuple[str, Mapping[str, JwtVerifier | Introspection]], ...] = (
        ("jwt", auth.jwt),
        ("introspection", auth.introspection),
    )
    for kind, verifiers in kinds:
        for name, verifier in verifiers.items():
            seen = dict(taken)
            for header in verifier.claim_headers:
                read_as = folded(header.lower().encode())
                if read_as in seen:
                    place, path = locate(root, about_key("auth", kind, name, "claim_headers", header))
                    yield problem(place, path, "a field that is for this claim only", f'"{header}": {seen[read_as]}')
                seen.setdefault(read_as, f"backends may read it as `{header}`")
