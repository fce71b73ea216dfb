"""The requests that every proxy is given, and the task it does with them.

One place says what the work is, so that the peers cannot drift apart.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

MEBIBYTE = 1024 * 1024
ANSWER_PATH = "/api/users/42"
DOWNLOAD_PATH = "/api/users/blob"
FRESH_PATH = "/api/users/fresh"
TRACES_PATH = "/v1/traces"
"""Where a collector takes spans by OTLP over HTTP."""
KEPT_PATH = "/api/users/kept"
UPLOAD_PATH = "/api/users/upload"
LARGE_PATH = "/api/users/large"
GRPC_PATH = "/api/users/bench.Users/Get"
ROUTE_PREFIX = "/api/users/"

# 126 bytes, the size for which docs/performance.md gives its figures.
ANSWER = (
    b'{"id": 42, "name": "Ada Lovelace", "email": "ada@example.com", '
    b'"roles": ["admin", "reader"], "active": true, "region": "eu1"}\n'
)

# Octets of the answer that caches may keep.
KEPT_SIZE = 1024

# What it says about that. `public`: also of a request with a token, which some loads send.
KEPT_FOR = "public, max-age=86400"

# 100 MiB, of a mebibyte again and again.
LARGE_MEBIBYTES = 100

# Connections to the backend that nginx keeps where clients speak HTTP/2: as many as they have requests under way.
KEPT = 256

# A message of gRPC: not compressed, its length, and as many octets as the small answer has.
GRPC_MESSAGE = b"\0" + len(ANSWER).to_bytes(4) + ANSWER

# A shared secret for a token that opens nothing: only its length on the wire and its validity matter.
TOKEN_SECRET = "benchmark-benchmark-benchmark-1234"  # noqa: S105


Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate made for the run: apart, and both in one file as HAProxy wants them."""

    key: Path
    chain: Path
    both: Path


@dataclass(frozen=True)
class Task:
    """What one proxy has to do in one scenario.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        admin_port: For an admin or metrics listener, if it has one.
        backend_port: Where the backend listens, on 127.0.0.1.
        directory: Its own, for configuration, log and temporary files.
        certificate: Given where it must terminate TLS.
        routes: How many routes it has; 1 is `/api/users/*`, more are `/api/service-N/*`.
        http2: Whether clients speak HTTP/2: by ALPN where there is a certificate, by prior knowledge where not.
        http2_backend: Whether the backend does, by prior knowledge.
    """

    port: int
    admin_port: int
    backend_port: int
    directory: Path
    certificate: Certificate | None = None
    routes: int = 1
    http2: bool = False
    http2_backend: bool = False

    @property
    def access_log(self) -> Path:
        """Where it writes its access log."""
        return self.directory / "access.log"

    @property
    def output(self) -> Path:
        """Where its standard output and error go."""
        return self.directory / "output.log"

    def url(self, path: str) -> str:
        """The URL of a path on this proxy."""
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}{path}"


def claims(user: str = "user-42") -> dict[str, Any]:
    """What a token says that every verifier here takes."""
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    return {"sub": user, "iss": "benchmark", "aud": "api", "roles": ["reader"], "scope": "read", "exp": expires}


def fields() -> list[tuple[str, str]]:
    """Five ordinary fields, as a browser's script sends them."""
    return [
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
        ("Accept", "application/json, text/plain, */*"),
        ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("Referer", "https://app.example.com/users"),
    ]


def headers() -> list[tuple[str, str]]:
    """Those and a bearer token."""
    return [*fields(), ("Authorization", "Bearer " + jwt.encode(claims(), TOKEN_SECRET, algorithm="HS256"))]


def route_path(number: int) -> str:
    """The prefix of a numbered route, without the `*`."""
    return f"/api/service-{number}/"


def make_certificate(directory: Path, rsa_bits: int = 0) -> Certificate:
    """Make a self-signed certificate for localhost and 127.0.0.1.

    Args:
        directory: Where its files are put.
        rsa_bits: Size of an RSA key; 0: a key on P-256.
    """
    key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    key_text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain_text = certificate.public_bytes(serialization.Encoding.PEM)
    kind = "rsa-" if rsa_bits else ""
    made = Certificate(*(directory / f"{kind}{name}.pem" for name in ("key", "chain", "both")))
    for path, text in ((made.key, key_text), (made.chain, chain_text), (made.both, chain_text + key_text)):
        path.write_bytes(text)
    return made
