"""APISIX's upstreams as upstreams of ours: named ones, and those that stand in a route or a service.

Tests: `tests/importing/apisix/test_nodes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.config.patterns import backend_url, host_header
from gateway.config.problems import Unexpected
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.parts import Part
from gateway.importing.resty_checks import check
from gateway.importing.values import seconds

SCHEMES: Final = {"http": ("http", 80), "https": ("https", 443), "grpc": ("h2c", 80), "grpcs": ("https", 443)}
STRATEGIES: Final = {"roundrobin": None, "least_conn": "least_connections", "ewma": "least_latency"}
SIXTY: Final = 60
MOST_ATTEMPTS: Final = 10


@dataclass
class Found:
    """An upstream of ours.

    Attributes:
        sees: The `Host` that its backends see; None for the client's, empty where each sees its own.
        on_routes: What it says that stands at routes here.
    """

    name: str
    sees: str | None
    on_routes: Data = field(default_factory=dict)


class Nodes:
    """Makes upstreams as routes ask for them.

    Args:
        named: Those of the source that have an id.
        draft: What they are put into.
    """

    def __init__(self, named: dict[str, Part], draft: Draft) -> None:
        self._named = named
        self._draft = draft
        self._made: dict[int, Found | None] = {}
        self._connect: int | float | None = None

    def of(self, route: Part, service: Part | None, name: str) -> Found | None:
        """Return the upstream of a route; None where it has none, or one that cannot be asked, which is listed."""
        found = None
        for owner in (route, service):
            if owner is not None and found is None:
                found = self.referred(owner, name)
                if found is not None and (timeout := owner.get("timeout")) is not None:
                    found.on_routes["timeout"] = self._times(timeout)
        return found

    def referred(self, owner: Part, name: str) -> Found | None:
        """Return the upstream that stands in a part, or that it names by `upstream_id`."""
        inline, by = owner.get("upstream"), owner.text("upstream_id")
        if by is not None and by not in self._named:
            where = owner.get("upstream_id")
            assert where is not None  # it has a text
            self._draft.leave(where, "there is no such upstream", "write it under `upstreams`")
            return None
        part = inline if by is None else self._named[by]
        if part is None:
            return None
        if id(part) not in self._made:
            self._made[id(part)] = self._upstream(part, part.text("name") or by or name)
        found = self._made[id(part)]
        return None if found is None else Found(found.name, found.sees, dict(found.on_routes))

    def single(self, name: str, url: str, part: Part) -> Made:
        """Return an upstream of one backend, which sees its own name."""
        return Made({"name": name, "backends": [{"url": url}], "host_header": "backend"}, part.place)

    def _upstream(self, part: Part, wanted: str) -> Found | None:
        draft = self._draft
        draft.pass_over(part, "id", "desc", "labels", "create_time", "update_time", "keepalive_pool")
        scheme, port = SCHEMES.get(part.text("scheme") or "http", ("", 0))
        if not scheme or part.get("discovery_type") is not None:
            draft.leave(part, "its members are not written here", "write `backends`, or `discovery`")
            return None
        backends = self._backends(part, scheme, port)
        if not backends:
            draft.leave(part, "it has no nodes", "write `backends`")
            return None
        data: Data = {"name": draft.name(wanted, "upstreams")}
        self._balance(part, data)
        data["backends"] = backends
        found = Found(data["name"], self._host(part, data))
        if (checks := part.get("checks")) is not None:
            check(checks, data, draft)
        if scheme == "https" and part.text("scheme") == "grpcs":
            data["protocol"] = "http2"
        if scheme == "https":
            draft.remark("Certificates of https backends are verified here; in APISIX only with `tls.verify`.")
            if (verify := part.get("tls", "verify")) is not None and verify.flag() is False:
                data["tls"] = {"verify": False}
        timeout = part.get("timeout")
        found.on_routes["timeout"] = seconds(SIXTY) if timeout is None else self._times(timeout)
        retries = part.whole("retries")
        attempts = min(len(backends) - 1 if retries is None else retries, MOST_ATTEMPTS)
        if attempts > 0:
            found.on_routes["retry"] = {"attempts": attempts, "on": ["connect", "refused", "reset"]}
        draft.only(part, "retry_timeout", 0, "attempts end with the route's `timeout`")
        draft.upstreams.append(Made(data, part.place))
        return found

    def _backends(self, part: Part, scheme: str, port: int) -> list[Data]:
        found = []
        nodes = part.get("nodes")
        if nodes is None:
            return []
        members = [(address, one.whole(), one, 0) for address, one in nodes.entries()]
        for node in nodes.each():
            address = f"{node.text('host') or ''}:{node.whole('port') or port}"
            members.append((address, node.whole("weight"), node, node.whole("priority") or 0))
        least = max((priority for *_, priority in members), default=0)
        for address, weight, node, priority in members:
            try:
                url = backend_url(f"{scheme}://{address if ':' in address else f'{address}:{port}'}")
            except Unexpected as error:
                self._draft.leave(node, f"expected {error.expected}, found {address!r}")
                continue
            backend: Data = {"url": url}
            if weight not in (None, 1):
                backend["weight"] = weight
            if priority < least:
                backend["backup"] = True
            found.append(backend)
        return found

    def _balance(self, part: Part, data: Data) -> None:
        draft = self._draft
        kind = part.text("type") or "roundrobin"
        if kind in STRATEGIES:
            if (strategy := STRATEGIES[kind]) is not None:
                data["strategy"] = strategy
            draft.pass_over(part, "hash_on", "key")
            return
        on, key = part.text("hash_on") or "vars", part.text("key") or "remote_addr"
        by = {"header": f"header:{key.removeprefix('http_').replace('_', '-')}", "cookie": f"cookie:{key}"}.get(on)
        if on == "consumer":
            by = "claim:sub"
        if on == "vars":
            by = {"remote_addr": "ip", "uri": "path"}.get(key)
            if key.startswith(("http_", "cookie_")):
                word, _, rest = key.partition("_")
                by = f"header:{rest.replace('_', '-')}" if word == "http" else f"cookie:{rest}"
        if kind != "chash" or by is None:
            where = part.get("key") or part.get("type") or part
            draft.leave(where, f"the gateway does not choose by {kind} of {key}", "choose another `hash_on`")
            return
        data |= {"strategy": "consistent_hash", "hash_on": by}

    def _host(self, part: Part, data: Data) -> str | None:
        """Put what backends see as `Host` into an upstream; returns it as `Found.sees` has it."""
        passed = part.text("pass_host") or "pass"
        named = part.text("upstream_host")
        if passed == "node":
            data["host_header"] = "backend"
            return ""
        if passed != "rewrite" or named is None:
            return None
        try:
            data["host_header"] = host_header(named)
        except Unexpected as error:
            where = part.get("upstream_host")
            self._draft.leave(where or part, f"expected {error.expected}")
            return None
        return named

    def _times(self, timeout: Part) -> str:
        """Return the time for an answer; connecting has one time for all upstreams."""
        draft = self._draft
        read = timeout.number("read")
        draft.only(timeout, "send", (SIXTY, read), "there is no time for sending alone")
        connect, where = timeout.number("connect"), timeout.get("connect")
        if connect is not None and where is not None:
            if self._connect is None:
                self._connect = connect
                draft.section("timeouts")["connect"] = seconds(connect)
            elif self._connect != connect:
                why = "connections are opened within one time for all, `timeouts.connect`"
                draft.leave(where, why, f"the first that was written was taken, {self._connect:g}s")
        return seconds(SIXTY if read is None else read)
