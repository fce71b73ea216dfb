"""Backends of a simulation that speak HTTP/2: streams refused and reset, GOAWAY, windows that stand still."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import h2.events
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from gateway.http2 import codes
from gateway.memory.end import End
from gateway.memory.network import MemoryNetwork
from tests.http2.server import Asked2, Http2Backend, Http2Server, ServerEnd
from tests.simulation import beside, rules, shared
from tests.simulation.backends import Delivery, content

MODES = (
    "well",
    "well",
    "well",
    "refuse",
    "unheard",
    "mute",
    "fail",
    "busy",
    "cut",
    "give up",
    "reset",
    "early",
    "hints",
)


class _End(ServerEnd):
    """Says what it takes once the gateway has heard of its first settings: earlier, `h2` would not bear with it."""

    def __init__(self, backend: Http2Backend) -> None:
        End.__init__(self)
        Http2Server.__init__(self)
        self.backend = backend
        self._said = False

    def _hear(self, event: h2.events.Event) -> None:
        super()._hear(event)
        if isinstance(event, h2.events.SettingsAcknowledged) and not self._said:
            self._said = True
            wanted: dict[SettingCodes | int, int] = {
                SettingCodes.MAX_CONCURRENT_STREAMS: self.backend.streams,
                SettingCodes.INITIAL_WINDOW_SIZE: self.backend.window,
            }
            self.peer.update_settings(wanted)


class Http2Backends:
    """All of them.

    Args:
        chance: Draws what they do.
        network: Where they listen.
        ports: There.
        sizes: Octets of the answer to each target.
        delivered: What came to any backend, to be added to.
    """

    def __init__(
        self,
        chance: random.Random,
        network: MemoryNetwork,
        ports: list[int],
        sizes: dict[bytes, int],
        delivered: list[Delivery],
    ) -> None:
        self.backends: list[Http2Backend] = []
        self._chance = chance
        self._network = network
        self._ports = ports
        self._sizes = sizes
        self._delivered = delivered
        self._modes = ["well"] * len(ports)
        self._owed: list[tuple[Asked2, bytes]] = []
        self._answered: set[Asked2] = set()
        self._last: dict[ServerEnd, int] = {}  # the last stream that is taken, of those that said so
        self._read: dict[ServerEnd, Counter[int]] = {}  # octets that were read, where windows stand still
        for number, port in enumerate(ports):
            backend = Http2Backend(network, "127.0.0.1", port)
            backend.streams, backend.window = chance.choice((1, 3, 100)), chance.choice((100, 65_535, 1_000_000))
            backend.on_head = lambda asked, number=number: self._head(asked, number)  # type: ignore[misc]
            backend.on_whole = lambda asked, number=number: self._whole(asked, number)  # type: ignore[misc]
            self.backends.append(backend)
            self._listen(number)

    # What happens; each returns what was done.

    def change(self) -> str:
        """One of them is otherwise from now on."""
        if not self.backends:
            return ""
        number = self._chance.randrange(len(self.backends))
        before, mode = self._modes[number], self._chance.choice(MODES)
        self._modes[number] = mode
        if mode == "refuse":
            self._network.close("127.0.0.1", self._ports[number])
        elif before == "refuse":
            self._listen(number)
        return f"backend of HTTP/2 {number} is {mode}"

    def disturb(self) -> str:
        """Something happens to one connection."""
        connections = [one for each in self.backends for one in each.connections if one.closed is None]
        if not connections:
            return ""
        connection = self._chance.choice(connections)
        how = self._chance.choice(["reset", "close", "go away", "go away", "stall", "stall", "stop_reading", "read_on"])
        if how == "go away":
            if connection not in self._last:
                self._last[connection] = max(connection.asked, default=0)
                self._safely(connection, connection.go_away, self._last[connection])
        elif how == "stall":
            self._stall(connection)
        else:
            getattr(connection, how)()
        return f"a backend of HTTP/2: {how}"

    def pay(self) -> str:
        """One sends a part of what it owes."""
        if not self._owed:
            return ""
        asked, left = self._owed.pop(self._chance.randrange(len(self._owed)))
        part = len(left) if self._chance.random() < 0.5 else self._chance.randint(1, len(left))
        self._data(asked, left[:part], part == len(left))
        if part < len(left):
            self._owed.append((asked, left[part:]))
        return f"{part} octets of an answer over HTTP/2"

    def recover(self) -> None:
        """All are well, and send what they owe."""
        for number, backend in enumerate(self.backends):
            if self._modes[number] == "refuse":
                self._listen(number)
            self._modes[number] = "well"
            for connection in backend.connections:
                if connection.closed is None:
                    connection.read_on()
                    if not connection.reads:
                        self._stall(connection)
        while self._owed:
            asked, left = self._owed.pop(0)
            self._data(asked, left, True)

    def _listen(self, number: int) -> None:
        backend = self.backends[number]
        self._network.listen("127.0.0.1", self._ports[number], lambda: _End(backend))

    def _stall(self, connection: ServerEnd) -> None:
        """Give no windows back, or all that is owed."""
        if connection.reads:
            connection.reads = False
            self._read[connection] = Counter({sid: len(asked.body) for sid, asked in connection.asked.items()})
            return
        connection.reads = True
        for sid, asked in connection.asked.items():
            owed = len(asked.body) - self._read[connection][sid]
            if owed:
                self._safely(connection, connection.peer.acknowledge_received_data, owed, sid)
        connection.flush()

    # What they are asked.

    def _head(self, asked: Asked2, number: int) -> None:
        connection, mode = asked.connection, self._modes[number]
        if asked.target == b"/health":
            return
        if asked.sid > self._last.get(connection, asked.sid):
            self._answered.add(asked)  # it has said that it takes no more: this is never acted upon
            return
        if mode == "unheard":
            self._answered.add(asked)
            self._safely(connection, connection.give_up, asked, codes.REFUSED_STREAM)
            return
        self._delivered.append(
            Delivery(rules.asked_for(asked.target), asked.method, b"idempotency-key" in asked.headers.index)
        )
        if mode == "early":
            self._answer(asked, mode)

    def _whole(self, asked: Asked2, number: int) -> None:
        if asked not in self._answered:
            self._answer(asked, "well" if asked.target == b"/health" else self._modes[number])

    def _answer(self, asked: Asked2, mode: str) -> None:
        connection = asked.connection
        self._answered.add(asked)
        target, fields = rules.asked_for(asked.target), []
        body = content(shared.own(target, asked.headers.get(shared.WHO)), self._sizes.get(target, 0))
        if beside.is_part(target) or self._chance.random() < 0.3:
            body = rules.as_json(body)
            fields.append(("content-type", "application/json"))
        said, unchanged = shared.says(self._chance, target, asked.headers)
        fields += [(name.decode().lower(), value.decode()) for name, value in said]
        if self._chance.random() < 0.6 and not unchanged:
            fields.append(("content-length", str(len(body))))
        body = b"" if asked.method == b"HEAD" or unchanged else body
        if mode == "mute":
            return
        if mode == "reset":
            connection.reset()
        elif mode == "give up":
            self._safely(
                connection, connection.give_up, asked, self._chance.choice((codes.INTERNAL_ERROR, codes.CANCEL))
            )
        elif mode in ("fail", "busy"):
            self._safely(connection, connection.head, asked, None, 500 if mode == "fail" else 503, True)
        else:
            if mode == "hints":
                self._safely(connection, connection.interim, asked, 103, [("link", "</x>")])
            self._safely(connection, connection.head, asked, fields, 304 if unchanged else 200, not body)
            if body and mode == "cut":
                self._data(asked, body[: self._chance.randint(0, len(body) - 1)], False)
                self._safely(connection, connection.give_up, asked, codes.INTERNAL_ERROR)
            elif body and self._chance.random() < 0.5:
                self._data(asked, body, True)
            elif body:
                self._owed.append((asked, body))

    def _data(self, asked: Asked2, data: bytes, end: bool) -> None:
        if asked.reset is None:
            self._safely(asked.connection, asked.connection.data, asked, data, end)

    @staticmethod
    def _safely(connection: ServerEnd, do: Any, *arguments: Any) -> None:
        """Do something on a connection, unless it or the stream is over: the gateway may have given it up meanwhile."""
        if connection.closed is None:
            try:
                do(*arguments)
            except ProtocolError:
                connection.flush()
