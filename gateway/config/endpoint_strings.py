"""Twisted's endpoint strings, taken apart: `ssl:8443:privateKey=key.pem:certKey=cert.pem`.

For a message of our own about an argument that an endpoint does not take: Twisted
finds it only when the port is opened, and names one of its functions.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.config.problems import Unexpected, suggestion

_PIECE = re.compile(r"(?:\\.|[^:\\])+|(?<=:)(?=:|\Z)", re.DOTALL)
_NAMED = re.compile(r"((?:\\.|[^=\\])*)=(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

_PORT = ("port", "interface", "backlog")
_ARGUMENTS = {
    "tcp": _PORT,
    "tcp6": _PORT,
    "ssl": (*_PORT, "privateKey", "certKey", "sslmethod", "extraCertChain", "dhParameters"),
    "sni": (*_PORT, "certificates", "default", "minTLS", "clientCA", "clientAuth"),
    "unix": ("address", "mode", "backlog", "lockfile"),
}
"""The arguments of each kind of endpoint that Twisted or the gateway has; plugins may bring further kinds."""

KINDS = tuple(_ARGUMENTS)

_LOOPBACK = ("127.", "::1", "localhost")

IN_THE_CLEAR = frozenset({"tcp", "tcp6", "unix", "systemd"})
"""Kinds without TLS; a plugin's may have it."""


class EndpointString(NamedTuple):
    """The parts of one.

    Attributes:
        kind: What stands before the first colon.
        named: Arguments that are given by name.
    """

    kind: str
    named: dict[str, str]


def parse(written: str) -> EndpointString:
    """Take a string apart; whether Twisted takes it is not asked."""
    kind, *pieces = _PIECE.findall(written) or [""]
    named = {}
    for piece in pieces:
        match = _NAMED.fullmatch(piece)
        if match is not None:
            named[_plain(match[1])] = _plain(match[2])
    return EndpointString(_plain(kind), named)


def port_of(written: str) -> tuple[str, str] | None:
    """Return the interface (empty for all of IPv4) and the port of an endpoint; None where it has none of its own."""
    kind, named = parse(written)
    pieces = written.split(":")
    port = named.get("port") or (pieces[1] if len(pieces) > 1 else "")
    if kind not in ("tcp", "ssl", "sni") or not port.isdigit() or port == "0":
        return None
    interface = named.get("interface", "")
    return ("" if interface == "0.0.0.0" else interface), port  # nosec B104 - compared, not opened


def address_of(written: str) -> str:
    """Return what stays when only the kind or the files of an endpoint change; the whole text where nobody can tell."""
    port = port_of(written)
    if port is not None:
        return f"{port[0]}:{port[1]}"
    kind, named = parse(written)
    if kind == "unix":
        path = named.get("address") or next(iter(_PIECE.findall(written)[1:]), "")
        return f"unix:{_plain(path)}"
    return written


def on_this_machine(written: str) -> bool:
    """Whether only this machine can connect to an endpoint; false where nobody can tell."""
    kind, named = parse(written)
    return kind == "unix" or named.get("interface", "").startswith(_LOOPBACK)


def check_arguments(written: str) -> None:
    """Refuse an argument that the kind of endpoint does not take.

    Raises:
        Unexpected: There is one; the words name it.
    """
    kind, named = parse(written)
    known = _ARGUMENTS.get(kind)
    if known is None:
        return
    for key in named:
        if key in known:
            continue
        if kind == "ssl" and key in ("clientCA", "clientAuth", "minTLS"):
            raise Unexpected(f"`sni:` in place of `ssl:`, which takes no `{key}`", f"`{key}=`")
        near = suggestion(key, known) or f"; known here: {', '.join(known)}"
        raise Unexpected(f"arguments that `{kind}:` takes", f"`{key}=`{near}")


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
