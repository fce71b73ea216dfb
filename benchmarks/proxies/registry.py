"""The proxies by name, in the order of the table."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.proxies.base import Proxy
from benchmarks.proxies.caddy import Caddy
from benchmarks.proxies.command import CommandLine
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway, compiled
from benchmarks.proxies.haproxy import HAProxy
from benchmarks.proxies.nginx import Nginx
from benchmarks.proxies.stock import stock_agent, stock_resource


def known() -> dict[str, Proxy]:
    """Every proxy that has an entry of its own."""
    entries: list[Proxy] = [
        compiled(),
        Gateway(),
        Nginx(),
        HAProxy(),
        Envoy(),
        Caddy(),
        stock_agent(),
        stock_resource(),
    ]
    return {entry.name: entry for entry in entries}


def choose(names: Sequence[str], commands: Sequence[str]) -> list[Proxy]:
    """Pick proxies by name, all for none, and add those given as commands.

    Raises:
        ValueError: A name is unknown, or a command is not `NAME=COMMAND`.
    """
    entries = known()
    unknown = [name for name in names if name not in entries]
    if unknown:
        raise ValueError(f"unknown proxy {', '.join(unknown)}; known: {', '.join(entries)}")
    chosen = [entries[name] for name in names] if names else list(entries.values())
    return chosen + [CommandLine(text) for text in commands]
