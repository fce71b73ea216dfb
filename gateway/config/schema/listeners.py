"""Where the gateway listens: for clients, and for its operators."""

from __future__ import annotations

from pydantic import Field, SecretStr

from gateway.config.schema.base import Section
from gateway.config.schema.types import Endpoint, Flag, Host, Secret


class Listener(Section):
    """A port that clients connect to."""

    endpoint: Endpoint = Field(
        description="Any Twisted server endpoint string: `tcp:8080:interface=127.0.0.1`; `ssl:…` terminates TLS."
    )
    # The contract turns HTTP/2 on by default; that becomes true here with the feature.
    http2: Flag = Field(
        default=False,
        description="HTTP/2: by ALPN on TLS, by prior knowledge on cleartext. On by default once it is supported.",
    )
    proxy_protocol: Flag = Field(
        default=False, description="Expect a PROXY line first, and believe it from `trusted_proxies`."
    )


class Admin(Section):
    """The operators' own port."""

    secret_keys = frozenset({"token"})

    endpoint: Endpoint = Field(
        default="tcp:9090:interface=127.0.0.1",
        description="Serves /metrics, /health… and read-only views, and the API.",
    )
    token: Secret = Field(
        default=SecretStr(""), description="What writes need as `Authorization: Bearer`; empty: writes are refused."
    )
    hosts: tuple[Host, ...] = Field(
        default=(),
        description="Names that it answers to beside IP addresses and `localhost`; 403 for others, "
        "lest a page of a browser reads it under a name of its own.",
    )
    metrics_public: Flag = Field(default=False, description="Whether /metrics answers on the listeners too.")
