"""Where Redis is, and as whom to speak to it: `redis.url`.

    redis://[[user]:password@]host[:port][/database]
    rediss://…                                       the same over TLS
    redis+sentinel://[[user]:password@]sentinel[:port][,…]/master[/database]

    redis+cluster://[[user]:password@]node[:port][,…]

and `rediss+sentinel`, `rediss+cluster` for TLS to all of them. Percent-encoding is undone in names and password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from gateway.http.idn import to_ascii

PORT = 6379
SENTINEL_PORT = 26379

_URL = re.compile(
    r"redis(?P<tls>s?)(?P<kind>\+sentinel|\+cluster)?://"
    r"(?:(?P<user>[^:@/]*):(?P<password>[^@/]*)@)?"
    r"(?P<hosts>[^/@?#]+)(?:/(?P<path>[^?#]*))?"
)
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:,]+))(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """What a URL says.

    Attributes:
        hosts: Host and port of the server, or of the sentinels, or of nodes of the cluster.
        user: Empty for the default user.
        password: Empty for none.
        database: Number.
        tls: Whether to speak TLS.
        master: Name under which sentinels know the server; empty where `hosts` is the server itself.
        cluster: Whether `hosts` are nodes of a cluster. (A single server that turns out to be one is followed as well.)
    """

    hosts: tuple[tuple[str, int], ...]
    user: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    tls: bool = False
    master: str = ""
    cluster: bool = False

    def __str__(self) -> str:
        where = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{self.master} of {where}" if self.master else where


def parse_redis_url(url: str) -> RedisAddress:
    """Take a URL apart.

    Raises:
        ValueError: It cannot be; what was expected instead. The words do not repeat it, since it may hold a password.
    """
    match = _URL.fullmatch(url)
    if match is None and url.startswith(("redis:", "rediss:", "redis+", "rediss+")):
        raise ValueError(
            "redis://[[user]:password@]host[:port][/database], with `@`, `:` and `/` in names percent-encoded"
        )
    if match is None:
        raise ValueError("a URL that begins with redis:// or rediss://")
    sentinel, cluster = match["kind"] == "+sentinel", match["kind"] == "+cluster"
    names = (match["path"] or "").split("/")
    master = unquote(names.pop(0)) if sentinel else ""
    database = names.pop(0) if names else ""
    if names or (sentinel and not master) or not re.fullmatch("[0-9]{0,4}", database):
        raise ValueError("/database, a number (for sentinels: /master[/database]) after the host")
    hosts = tuple(_host(host, SENTINEL_PORT if sentinel else PORT) for host in match["hosts"].split(","))
    if len(hosts) > 1 and not (sentinel or cluster):
        raise ValueError("one host; several are for redis+sentinel:// and redis+cluster://")
    if cluster and int(database or 0):
        raise ValueError("no database but 0: a cluster has one only")
    return RedisAddress(
        hosts,
        unquote(match["user"] or ""),
        unquote(match["password"] or ""),
        int(database or 0),
        bool(match["tls"]),
        master,
        cluster,
    )


def _host(text: str, port: int) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    if match is None or not 0 < int(match[3] or port) < 65536:
        raise ValueError("host or host:port after //")
    try:
        return match[1] or to_ascii(match[2]), int(match[3] or port)
    except UnicodeError:
        raise ValueError("a host name as IDNA 2008 has it after //") from None
