"""Backends in memory that do what was given for their upstream, and remember what they were asked.

# Note [Whose request it is]
Several upstreams may have the same backend. Connections are pooled by upstream: so the connection by which a request
comes says whose it is. The exchange of the client says so only where it is forwarded itself: what a cache fetches, the
copies of a mirror and the parts of an aggregation are exchanges of their own.

Tests: `tests/rehearsal/test_stage.py::test_answers_are_given_in_order_and_the_last_again_and_again`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from twisted.internet.interfaces import IProtocol

from gateway.config import Settings
from gateway.config.schema.cases import GivenAnswer
from gateway.http import websocket
from gateway.memory.backend import Asked, BackendConnection, FakeBackend
from gateway.memory.network import MemoryNetwork

JSON = "application/json"

SWITCHING = 101
"""Status of an answer after which the connection speaks another protocol."""


class Sent(NamedTuple):
    """What an upstream got.

    Attributes:
        upstream: By name.
        asked: The request.
    """

    upstream: str
    asked: Asked


class Script:
    """Answers in order, the last again and again.

    Args:
        answers: At least one.
    """

    def __init__(self, answers: Sequence[GivenAnswer] = (GivenAnswer(),)) -> None:
        self._answers = list(answers)

    @property
    def next(self) -> GivenAnswer:
        """The answer that is given next."""
        return self._answers[0]

    def take(self) -> GivenAnswer:
        """Return it, and go on to the one after it."""
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Backends:
    """The backends of every upstream.

    Args:
        settings: The configuration.
        network: Where they listen.
        servers: What answers in the place of authorities, by host and port.

    Attributes:
        sent: What they were asked so far.
        clock: By which they take their time.
    """

    def __init__(
        self,
        settings: Settings,
        network: MemoryNetwork,
        servers: Mapping[tuple[str, int], Callable[[Asked], bytes]],
    ) -> None:
        self.sent: list[Sent] = []
        self.clock = network.clock
        self._scripts: dict[str, Script] = {}
        owners: dict[tuple[str, int], dict[str, None]] = {}
        for upstream in settings.upstreams:
            for backend in upstream.backends:
                owners.setdefault((backend.host, backend.port), {})[upstream.name] = None
        for (host, port), names in owners.items():
            _Station(network, host, port, tuple(names), self)
        for (host, port), answer in servers.items():
            if (host, port) not in owners:
                FakeBackend(network, host, port).answer = answer

    def give(self, answers: Mapping[str, Sequence[GivenAnswer]]) -> None:
        """Say what they do from now on, by upstream; all others answer 200 with nothing."""
        self._scripts = {name: Script(some) for name, some in answers.items()}

    def script(self, name: str) -> Script:
        """Return what is done next for an upstream."""
        return self._scripts.setdefault(name, Script())

    def came(self, names: Sequence[str], asked: Asked) -> None:
        """Answer a request as it was given, by the clock of the network.

        Args:
            names: The upstreams that have this backend.
            asked: The request, complete.
        """
        name = upstream_of(asked, names)
        script = self.script(name)
        self.sent.append(Sent(name, asked))
        given = script.take()
        last = script.next.refuse  # the next request has to come on a connection of its own
        if given.delay:
            self.clock.callLater(given.delay, _do, asked, given, last)
        else:
            _do(asked, given, last)


def upstream_of(asked: Asked, names: Sequence[str]) -> str:
    """Return for which upstream a request came, of those that have the backend: Note [Whose request it is]."""
    transport: Any = asked.connection.transport
    return _whose(transport.other.protocol, names)


def _whose(connection: Any, names: Sequence[str]) -> str:
    """Return the upstream whose pool a connection is of; what no pool has made counts for the first one."""
    pooled: str | None = getattr(getattr(connection, "keeper", None), "upstream", None)
    return names[0] if pooled is None or pooled not in names else pooled


def own(sent: Iterable[Sent], upstream: str | None) -> list[Sent]:
    """Return what an exchange's own upstream got, without the copies of a mirror; all, where its answer has parts.

    Args:
        sent: What backends got for the exchange.
        upstream: As the access log names it; None where the exchange had none of its own.
    """
    return [one for one in sent if upstream is None or one.upstream == upstream]


def _do(asked: Asked, given: GivenAnswer, last: bool) -> None:
    connection = asked.connection
    if given.reset or given.refuse:
        connection.reset()
        return
    connection.send(octets(_switching(given, asked) if given.status == SWITCHING else given, asked.method, last))
    if last:
        connection.close()


class _Station(FakeBackend):
    """One backend."""

    def __init__(
        self, network: MemoryNetwork, host: str, port: int, upstreams: Sequence[str], backends: Backends
    ) -> None:
        self._upstreams = upstreams
        self._backends = backends
        super().__init__(network, host, port)

    def accept_connections(self) -> None:
        """Accept connections, or refuse each that was to be refused."""
        self._network.listen(self.host, self.port, self._accept)

    def _accept(self) -> IProtocol | None:
        script = self._backends.script(_whose(self._network.dialling, self._upstreams))
        if script.next.refuse:
            script.take()
            return None
        return BackendConnection(self)

    def message_came(self, asked: Asked) -> None:
        """Let all that answer for its upstreams answer."""
        self._backends.came(self._upstreams, asked)


def octets(given: GivenAnswer, method: bytes, last: bool = False) -> bytes:
    """Return an answer as it goes over the wire.

    Args:
        given: What is answered.
        method: Of the request.
        last: The connection ends with it.
    """
    content, fields = encoded(given.body, given.headers)
    bodiless = given.status in (SWITCHING, 204, 304)
    lines = [f"{name}: {value}" for name, value in fields.items()]
    if not bodiless and not {"content-length", "transfer-encoding"} & {name.lower() for name in fields}:
        lines.append(f"Content-Length: {len(content)}")
    if last:
        lines.append("Connection: close")
    try:
        phrase = HTTPStatus(given.status).phrase
    except ValueError:
        phrase = "Given"
    head = "\r\n".join([f"HTTP/1.1 {given.status} {phrase}", *lines])
    return head.encode("utf-8") + b"\r\n\r\n" + (b"" if bodiless or method == b"HEAD" else framed(content, fields))


def _switching(given: GivenAnswer, asked: Asked) -> GivenAnswer:
    """Return an answer that changes the protocol with the fields that it has to have, where they are not given."""
    fields = {"Connection": "Upgrade", "Upgrade": (asked.headers.get(b"upgrade") or b"").decode("latin-1")}
    if key := asked.headers.get(b"sec-websocket-key"):
        fields["Sec-WebSocket-Accept"] = websocket.accepting(key).decode()
    names = {name.lower() for name in given.headers}
    own = {name: value for name, value in fields.items() if value and name.lower() not in names}
    return given.model_copy(update={"headers": {**own, **given.headers}})


def framed(content: bytes, fields: Mapping[str, str]) -> bytes:
    """Return content as its fields frame it: in one chunk, and the last, where they say that it is chunked."""
    coding = next((value for name, value in fields.items() if name.lower() == "transfer-encoding"), "")
    if coding.strip().lower() != "chunked":
        return content
    chunk = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
    return chunk + b"0\r\n\r\n"


def encoded(body: Any, fields: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Return content as octets, and the fields with it; what is no text is JSON, and says so."""
    if body is None:
        return b"", dict(fields)
    if isinstance(body, str):
        return body.encode(), dict(fields)
    typed = "content-type" in {name.lower() for name in fields}
    return json.dumps(body).encode(), dict(fields) if typed else {**fields, "Content-Type": JSON}
