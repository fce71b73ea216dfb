"""Where the servers of an nginx listen, and which of them a host is for.

Of `gateway.importing.nginx`: reads `listen`, `server_name` and the certificates; makes our listeners, and for each
server the hosts of its routes. nginx gives a host that no server names to the default server of the port; here such
routes have no `host`.

Tests: `tests/importing/nginx/test_listening.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.config.patterns import host as read_host
from gateway.config.problems import Unexpected
from gateway.importing.nginx.reading import Directive

_ADDRESS: Final = re.compile(r"(?:(?P<address>\[[0-9A-Fa-f:.]+\]|\*|[A-Za-z0-9_.-]+):)?(?P<port>[0-9]+)")
_EVERYWHERE: Final = frozenset({"", "*", "0.0.0.0", "[::]"})


class Listen(NamedTuple):
    """What one `listen` says.

    Attributes:
        address: Empty for all addresses, `unix:PATH` for a socket.
        six: For all addresses, whether it is those of IPv6.
        options: Its further words.
    """

    address: str
    port: int
    six: bool
    options: frozenset[str]

    @property
    def name(self) -> str:
        """What the listener is called."""
        if self.address.startswith("unix:"):
            return self.address
        return f"{self.address}:{self.port}" if self.address else str(self.port)


def listen(words: Sequence[str]) -> Listen | None:
    """Read the words of a `listen`; None where it is of a form that is not known."""
    written = words[0] if words else ""
    options = frozenset(words[1:])
    if written.startswith("unix:"):
        return Listen(written, 0, False, options)
    match = _ADDRESS.fullmatch(written)
    if match is not None:
        address, port = match["address"] or "", int(match["port"])
    elif re.fullmatch(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.*-]+", written):
        address, port = written, 80
    else:
        return None
    return Listen("" if address in _EVERYWHERE else address, port, address == "[::]", options)


@dataclass
class Door:
    """A listener to be: one address and port, with the servers that are there, in their order.

    Attributes:
        certificates: Pairs of files, certificate and key.
    """

    name: str
    listens: list[Listen] = field(default_factory=list)
    servers: list[int] = field(default_factory=list)
    default: int | None = None
    certificates: list[tuple[str, str]] = field(default_factory=list)

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return any("ssl" in each.options for each in self.listens)

    @property
    def default_server(self) -> int:
        """The server for hosts that none names."""
        return self.servers[0] if self.default is None else self.default

    def as_data(self) -> dict[str, object]:
        """Return the listener as the configuration has it."""
        found: dict[str, object] = {"name": self.name, "endpoint": self._endpoint()}
        if any("proxy_protocol" in each.options for each in self.listens):
            found["proxy_protocol"] = True
        return found

    def _endpoint(self) -> str:
        first = self.listens[0]
        if first.address.startswith("unix:"):
            return first.address
        six = any(each.six or each.address.startswith("[") for each in self.listens)
        interface = first.address.strip("[]").replace(":", "\\:")
        at = f":interface={interface}" if interface else ""
        if not self.tls or not self.certificates:
            return f"{'tcp6' if six else 'tcp'}:{first.port}{at}"
        if six and not at:
            at = ":interface=\\:\\:"
        if len(self.certificates) == 1:
            certificate, key = (name.replace(":", "\\:") for name in self.certificates[0])
            return f"ssl:{first.port}:privateKey={key}:certKey={certificate}{at}"
        files = sorted({name for pair in self.certificates for name in pair})
        places = sorted({os.path.dirname(name) for name in files} - {""}) or files  # noqa: PTH120  # texts of nginx's
        return f"sni:{first.port}:certificates={','.join(name.replace(':', chr(92) + ':') for name in places)}{at}"


def doors(servers: Sequence[Sequence[Listen]]) -> list[Door]:
    """Make listeners of the `listen`s of servers, in their order.

    Args:
        servers: For each server what it says; one that says nothing listens on port 80.
    """
    found: dict[str, Door] = {}
    for index, listens in enumerate(servers):
        for each in listens or (Listen("", 80, False, frozenset()),):
            door = found.setdefault(each.name, Door(each.name))
            door.listens.append(each)
            if index not in door.servers:
                door.servers.append(index)
            if {"default_server", "default"} & each.options and door.default is None:
                door.default = index
    return list(found.values())


class Names(NamedTuple):
    """What the `server_name`s of a server are here.

    Attributes:
        hosts: As `host` of routes has them.
        unsayable: What nginx takes and `host` does not: expressions, and names with `*` at their end.
    """

    hosts: tuple[str, ...]
    unsayable: tuple[Directive, ...]


def names(written: Iterable[Directive]) -> Names:
    """Read the names of a server."""
    hosts: dict[str, None] = {}
    unsayable: list[Directive] = []
    for directive in written:
        for name in directive.words:
            for host in (f"*{name}", name[1:]) if name.startswith(".") else (name,):
                if host in ("", "_", "*", "$hostname"):  # for no host, or for whichever the default server has
                    continue
                try:
                    hosts[read_host(host)] = None
                except Unexpected:
                    if directive not in unsayable:
                        unsayable.append(directive)
    return Names(tuple(hosts), tuple(unsayable))


def covers(wildcard: str, host: str) -> bool:
    """Whether a name with `*.` is for a host, or for all that another such name is for."""
    return wildcard.startswith("*.") and host != wildcard and host.removeprefix("*").endswith(wildcard[1:])
