"""Where the gateway listens: for clients, and for its operators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, SecretStr

from gateway.config.endpoint_strings import port_of
from gateway.config.schema.base import Section
from gateway.config.schema.types import Endpoint, FileName, Flag, Host, Name, SecretField


def names_of(written: Iterable[tuple[str | None, str]]) -> list[str]:
    """Return the names of listeners, in order.

    Args:
        written: The name of each, None where it has none, and its endpoint.
    """
    written = list(written)
    taken = {name for name, _ in written if name is not None}
    found = []
    for name, endpoint in written:
        if name is None:
            base = _name_from(endpoint)
            numbered = (base if count == 1 else f"{base}#{count}" for count in range(1, len(written) + 2))
            name = next(one for one in numbered if one not in taken)
            taken.add(name)
        found.append(name)
    return found


def _name_from(endpoint: str) -> str:
    """Make a name: kind, port, and the interface where there is one; the names of files are left out."""
    port = port_of(endpoint)
    if port is None:
        return "".join(filter(str.isprintable, endpoint))[:190].strip() or "listener"
    kind = endpoint.partition(":")[0]
    return f"{kind}:{port[1]}:interface={port[0]}" if port[0] else f"{kind}:{port[1]}"


class Listener(Section):
    """A port that clients connect to."""

    name: Name = Field(
        default="",
        description="What routes call it (`listeners`). Default: made from the endpoint, such as `tcp:8080`.",
    )
    endpoint: Endpoint = Field(
        description="Any Twisted server endpoint string: `tcp:8080:interface=127.0.0.1`; `ssl:…` terminates TLS."
    )
    http2: Flag = Field(
        default=True,
        description="HTTP/2 beside HTTP/1.1 on the same port: by ALPN on TLS, by prior knowledge on cleartext. Not "
        "offered where ngh2 cannot be installed; an error there where it is written.",
    )
    proxy_protocol: Flag = Field(
        default=False,
        description="Connections begin with a PROXY header (version 1 or 2), before TLS, from `trusted_proxies`; the "
        "client is whom it names. All others are closed.",
    )


class Admin(Section):
    """The operators' own port."""

    secret_keys = frozenset({"token"})

    endpoint: Endpoint = Field(
        default="tcp:9090:interface=127.0.0.1",
        description="Serves /metrics, /health… and read-only views, and the API.",
    )
    token: SecretField = Field(
        default=SecretStr(""), description="What writes need as `Authorization: Bearer`; empty: writes are refused."
    )
    overlay: Annotated[str, FileName(read=False)] | None = Field(
        default=None,
        description="The file that keeps what the admin API changes, which wins over the files of the configuration; "
        "absent: such changes last as long as the process. Read from the files only, at the start.",
    )
    hosts: tuple[Host, ...] = Field(
        default=(),
        description="Names that it answers to beside IP addresses and `localhost`; 403 for others, "
        "lest a page of a browser reads it under a name of its own.",
    )
    metrics_public: Flag = Field(default=False, description="Whether /metrics answers on the listeners too.")
