"""Discovery: where the members of an upstream are found, and how each kind of place is asked.

Tests: `tests/config/schema/test_discovery.py`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.config import patterns
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Varied, expected
from gateway.config.schema.types import URL, File, FileName, Flag, Parsed, Secret, SecretField, SomeText, form

Kind = Literal["dns", "dns_srv", "file", "consul", "etcd", "kubernetes"]
Scheme = Literal["http", "https", "h2c"]

_ALL: frozenset[str] = frozenset({"type", "scheme", "keep_empty"})

_OF: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "dns": (frozenset({"name"}), frozenset({"port", "resolver"})),
    "dns_srv": (frozenset({"name"}), frozenset({"resolver"})),
    "file": (frozenset({"path"}), frozenset()),
    "consul": (
        frozenset({"service"}),
        frozenset({"url", "tag", "passing", "token", "datacenter", "ca"}),
    ),
    "etcd": (frozenset({"prefix"}), frozenset({"endpoints", "user", "password", "ca"})),
    "kubernetes": (frozenset({"service"}), frozenset({"namespace", "port", "url", "token_file", "ca"})),
}
"""By type: the keys that must be there, and those that may."""

_RESOLVER = re.compile(r"(?:\[[0-9A-Fa-f:]+\]|[0-9.]+):[0-9]{1,5}")


def _resolver(value: object) -> str:
    written = patterns.text(value)
    words = "the address and port of a name server, such as 127.0.0.1:53 or [::1]:53"
    if not _RESOLVER.fullmatch(written):
        raise Unexpected(words)
    host, _, port = written.rpartition(":")
    try:
        patterns.network(host.strip("[]"))
    except Unexpected:
        raise Unexpected(words) from None
    if not 0 < int(port) < 65536:
        raise Unexpected(words)
    return written


def _name(value: object) -> str:
    written = patterns.text(value).lower()
    labels = written.removesuffix(".").split(".")
    if len(written) > 253 or not all(re.fullmatch(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", label) for label in labels):
        raise Unexpected("a name of the DNS such as users.internal")
    return written


def _port(value: object) -> int | str:
    """Read the number of a port, or the name that a service of Kubernetes gives it."""
    written = patterns.text(value)
    if written.isascii() and written.isdigit() and 0 < int(written) < 65536:
        return int(written)
    if not re.fullmatch(r"(?=.*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", written):
        raise Unexpected("a port from 1 to 65535, or the name of one")
    return written


def _prefix(value: object) -> str:
    written = patterns.some_text(value)
    if not written.isprintable() or len(written) > 1000:
        raise Unexpected("a prefix of keys such as /services/users/")
    return written


class Discovery(Varied):
    """Where the members of an upstream are found."""

    secret_keys = frozenset({"token", "password"})

    type: Kind = Field(description="What is asked: a name server, a file, or a registry.")
    scheme: Scheme = Field(
        default="http", description="Of members that are found as an address and a port; a URL says its own."
    )
    keep_empty: Flag = Field(
        default=True,
        description="Whether an empty answer leaves the last known members in force; false: it empties the upstream.",
    )
    name: Annotated[str, Parsed(_name, {"type": "string"}, "name of the DNS")] | None = Field(
        default=None, description="dns: the name that has the addresses; dns_srv: `_http._tcp.users.internal`."
    )
    port: Annotated[int | str, Parsed(_port, {"type": ["integer", "string"]}, "port")] | None = Field(
        default=None,
        description="dns: the members' port; absent: that of the scheme. kubernetes: a number or name among the ports "
        "of the service; absent: its only one.",
    )
    resolver: Annotated[str, Parsed(_resolver, {"type": "string"}, "address and port")] | None = Field(
        default=None, description="dns, dns_srv: the name server, HOST:PORT; absent: the system's."
    )
    path: Annotated[str, FileName(read=False)] | None = Field(
        default=None, description="file: a YAML or JSON file with a list of `{url, weight}`; looked at twice a second."
    )
    url: URL | None = Field(
        default=None,
        description="consul: its HTTP API; absent: http://127.0.0.1:8500. kubernetes: its API server; absent: that of "
        "the cluster in which the gateway runs.",
    )
    service: Annotated[str, form(r"[A-Za-z0-9_.-]{1,253}", "the name of a service")] | None = Field(
        default=None, description="consul, kubernetes: the service."
    )
    tag: SomeText | None = Field(default=None, description="consul: only instances with this tag.")
    passing: Flag = Field(default=True, description="consul: only instances whose checks all pass.")
    token: SecretField | None = Field(default=None, description="consul: the ACL token.")
    datacenter: SomeText | None = Field(default=None, description="consul: absent: that of the agent.")
    endpoints: tuple[URL, ...] = Field(
        default=("http://127.0.0.1:2379",), description="etcd: its members; the next one is asked when one fails."
    )
    prefix: Annotated[str, Parsed(_prefix, {"type": "string"}, "prefix of keys")] | None = Field(
        default=None, description="etcd: each key below it is a member; the value is a URL, or JSON `{url, weight}`."
    )
    user: SomeText | None = Field(default=None, description="etcd: who asks, where authentication is on.")
    password: Secret | None = Field(default=None, description="etcd: their password.")
    namespace: Annotated[str, form(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "the name of a namespace")] = Field(
        default="default", description="kubernetes: where the service is."
    )
    token_file: Annotated[str, FileName(read=False)] | None = Field(
        default=None, description="kubernetes: a file with the token; absent: that of the service account."
    )
    ca: File | None = Field(
        default=None,
        description="consul, etcd, kubernetes: PEM file with whom to trust; absent: the system's authorities, or in "
        "a cluster the cluster's.",
    )

    @model_validator(mode="after")
    def _has_the_keys_of_its_type(self) -> Discovery:
        needed, _ = _OF[self.type]
        written = self.model_fields_set
        missing = sorted(needed - written)
        if missing:
            raise expected(f"`{missing[0]}` for discovery of type {self.type}", "none")
        foreign = sorted(written & self.foreign())
        if foreign:
            raise expected(f"only keys of discovery of type {self.type}", f"`{foreign[0]}`")
        if self.type == "dns" and isinstance(self.port, str):
            raise expected("a number as `port` for discovery of type dns", f'"{self.port}"')
        if (self.user is None) is not (self.password is None):
            raise expected("`user` and `password` together", "one of them")
        if not self.endpoints:
            raise expected("at least one of `endpoints`", "none")
        return self

    def foreign(self) -> frozenset[str]:
        """Return the keys of other types."""
        needed, possible = _OF[self.type]
        return frozenset(type(self).model_fields) - needed - possible - _ALL

    @property
    def urls_of_their_own(self) -> bool:
        """Whether members are found as URLs, which may have any scheme and a base path."""
        return self.type in ("file", "etcd")

    @property
    def question(self) -> tuple[object, ...]:
        """What is asked, whoever is asked: what was found before still answers the same question."""
        return (
            self.type,
            self.scheme,
            self.name,
            self.port,
            self.path,
            self.service,
            self.tag,
            self.passing,
            self.datacenter,
            self.prefix,
            self.namespace,
        )
