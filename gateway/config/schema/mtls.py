"""Client certificates: whom they stand for, which are revoked, and whether backends see them.

Tests: `tests/flow/test_client_certificates.py::test_a_revoked_one_is_forbidden`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from gateway.config.schema.base import Section, expected, one_or_many, or_one
from gateway.config.schema.types import File, Flag, HeaderName, SomeText
from gateway.http.spiffe import claims_to_be_one, is_prefix, is_spiffe_id


class MtlsClient(Section):
    """Those whose certificates have a name."""

    name: SomeText = Field(
        description="The name in the certificate; `spiffe://example.org/shop/*` for all that begin so."
    )
    user: SomeText | None = Field(default=None, description="Who they are; absent: the name in the certificate.")
    roles: tuple[SomeText, ...] = Field(default=(), description="Roles they have.")
    scopes: tuple[SomeText, ...] = Field(default=(), description="Scopes they have.")

    @field_validator("name")
    @classmethod
    def _can_be_there(cls, name: str) -> str:
        """No certificate of another name is taken, and `spiffe://example.org*` would be for `example.org.evil` too."""
        if claims_to_be_one(name) and not is_spiffe_id(name) and not is_prefix(name):
            raise expected("a SPIFFE ID, or `spiffe://TRUST-DOMAIN/…*` for all that begin so")
        return name


class Mtls(Section):
    """Client certificates, of listeners that have `clientCA=`."""

    user: Literal["san_uri", "san_dns", "san_email", "cn", "subject"] = Field(
        default="san_uri",
        description="Which name in the certificate says who is calling: the one URI (SPIFFE), the first DNS name or "
        "mail address among the alternative names, the one common name, or the whole subject (RFC 4514).",
    )
    clients: tuple[MtlsClient, ...] = Field(
        default=(), description="What is known of some; of several that match the first counts."
    )
    listed_only: Flag = Field(default=False, description="Refuse all that are not among `clients`.")
    client_cert_header: HeaderName | None = Field(
        default=None,
        description="The field in which backends are told the client's certificate (RFC 9440), e.g. `Client-Cert`; "
        "stripped from what clients send. Absent: they are not.",
    )
    crl: tuple[File, ...] = Field(
        default=(),
        description="Files with lists of revoked certificates, PEM or DER, signed by authorities of `clientCA`. A "
        "certificate whose issuer has no list here, or one that has expired, is refused.",
        json_schema_extra=or_one,
    )
    revoked: Literal["handshake", "forbidden"] = Field(
        default="handshake",
        description="How a revoked certificate is refused: in the TLS handshake, or as 403. On a connection that was "
        "open before, it is 403 in any case.",
    )

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        return one_or_many(data, "crl")
