"""Entry points of Traefik as listeners, and what they do by themselves.

Of `gateway.importing.traefik`: the static configuration, where it stands in the same file.

Tests: `tests/importing/traefik/test_kind.py::test_entry_points`.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.importing.cases import Said, add_tests
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.parts import Part

_ADDRESS: Final = re.compile(r"(?P<host>\[?[0-9A-Fa-f.:]*\]?):(?P<port>[0-9]+)(?:/tcp)?")
_WITH_TLS: Final = "websecure"
"""What everybody calls the entry point whose routers say `tls`."""


def fill(source: Part, draft: Draft) -> dict[str, list[str]]:
    """Put listeners into a draft.

    Returns:
        Those that routers are on, by name, with the middlewares that come before those of each router; without those
        that send everybody to another one.
    """
    pairs = []
    for one in source.each("tls", "certificates"):
        pairs.append((one.text("certFile") or "", one.text("keyFile") or ""))
        draft.pass_over(one, "stores")
    listeners: list[Made] = []
    found: dict[str, list[str]] = {}
    for name, part in source.entries("entryPoints"):
        address = _ADDRESS.fullmatch(part.text("address") or "")
        if address is None:
            draft.leave(part, "an address of a form that is not known here")
            continue
        if trusted := part.texts("forwardedHeaders", "trustedIPs"):
            known = draft.top.get("trusted_proxies", [])
            draft.top["trusted_proxies"] = list(dict.fromkeys([*known, *trusted]))
        draft.pass_over(part, "transport", "asDefault", "reusePort")
        tls = part.get("http", "tls") is not None or name == _WITH_TLS
        if tls and not pairs:
            draft.leave(part, "there is no certificate in this file: the listener has none", "write an `ssl:` endpoint")
        endpoint = _endpoint(address["host"], address["port"], pairs if tls else [])
        listeners.append(Made({"name": name, "endpoint": endpoint}, part.place))
        if (to := part.get("http", "redirections", "entryPoint")) is not None:
            _redirect(name, to, draft)
        else:
            found[name] = part.texts("http", "middlewares")
    if listeners:
        draft.top["listeners"] = listeners
    return found


def _endpoint(host: str, port: str, pairs: list[tuple[str, str]]) -> str:
    interface = host.strip("[]").replace(":", "\\:")
    rest = f":interface={interface}" if interface else ""
    if not pairs:
        return f"tcp:{port}{rest}"
    if len(pairs) == 1:
        return f"ssl:{port}:privateKey={pairs[0][1]}:certKey={pairs[0][0]}{rest}"
    return f"sni:{port}:certificates={','.join(one for pair in pairs for one in pair)}{rest}"


def _redirect(name: str, to: Part, draft: Draft) -> None:
    """Send everybody who comes in there to another scheme."""
    status = 307 if to.flag("permanent") is False else 308
    route = draft.name(f"{name}-redirect", "routes")
    data: Data = {"name": route, "path": "/*", "listeners": [name]}
    data["redirect"] = {"scheme": to.text("scheme") or "https", "status": status}
    draft.pass_over(to, "to", "priority")
    draft.routes.append(Made(data, to.place))
    add_tests(Said(route, to.place, "/probe", status=status), draft)
    draft.tests[-1].data["request"]["listener"] = name
