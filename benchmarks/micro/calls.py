"""Calls of gRPC in memory: HTTP/2 on both sides, many at once on each of a few connections.

What peers do (ngh2, as in the gateway) is not counted: the time that they take is measured, and taken off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ngh2
from twisted.internet.defer import Deferred

from benchmarks import workload
from benchmarks.micro.assembly import CLIENTS, Assembly, Backend
from benchmarks.micro.clients import Client, Wire
from benchmarks.micro.exchanges import Exchange
from gateway.serving.negotiation import Negotiation

CONNECTIONS = 4
STREAMS = CLIENTS // CONNECTIONS

_HEAD = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"127.0.0.1:8080"),
    (b":path", workload.GRPC_PATH.encode()),
    (b"user-agent", b"grpc-c/1.60"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
    (b"content-length", b"%d" % len(workload.GRPC_MESSAGE)),
]
_ANSWER = [
    (b":status", b"200"),
    (b"server", b"nginx/1.22.1"),
    (b"date", b"Sat, 28 Nov 2026 12:00:00 GMT"),
    (b"content-type", b"application/grpc"),
    (b"content-length", b"%d" % len(workload.GRPC_MESSAGE)),
]
_TRAILERS = [(b"grpc-status", b"0")]


class Caller(Client):
    """A client with one connection."""

    def __init__(self, protocol: Any) -> None:
        super().__init__(protocol)
        self._engine = ngh2.Connection(ngh2.Role.CLIENT)
        self._engine.initiate_connection({})
        self.receive(self._engine.data_to_send())

    def ask(self) -> bytes:
        """Return what goes over the wire for some calls."""
        for _ in range(STREAMS):
            sid = self._engine.send_request(_HEAD)
            self._engine.send_data(sid, workload.GRPC_MESSAGE, end_stream=True)
        return self._engine.data_to_send()

    def heard(self) -> tuple[int, set[bytes]]:
        """Return how many calls were answered whole, and the statuses of all that were answered."""
        self._engine.receive_data(self.take())
        whole, statuses, contents = 0, set(), dict[int, bytes]()
        for event in self._engine.events():
            if isinstance(event, ngh2.ResponseReceived):
                statuses.add(dict(event.headers)[b":status"])
            elif isinstance(event, ngh2.DataReceived):
                contents[event.stream_id] = contents.get(event.stream_id, b"") + event.data
            elif isinstance(event, ngh2.TrailersReceived):
                outcome = dict(event.headers).get(b"grpc-status")
                whole += outcome == b"0" and contents.get(event.stream_id) == workload.GRPC_MESSAGE
        return whole, statuses


class Server(Backend):
    """A backend that answers all calls of a turn together."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[ngh2.Connection, Callable[[bytes], None], bytes]] = []

    def dial(self, host: str, port: int, tls: Any, make: Callable[[], Any], timeout: float, *rest: Any) -> Any:
        done: Deferred[Any] = Deferred()

        def accept() -> None:
            protocol, engine = make(), ngh2.Connection(ngh2.Role.SERVER)
            engine.initiate_connection({3: 256})
            protocol.makeConnection(Wire(lambda data: self.heard.append((engine, protocol.dataReceived, data))))
            done.callback(protocol)

        self.dialled.append(accept)
        return done

    def answers(self) -> list[tuple[Callable[[bytes], None], bytes]]:
        """Return who gets what for all that was asked."""
        heard, self.heard = self.heard, []
        engines = {}
        for engine, receive, data in heard:
            engine.receive_data(data)
            engines[engine] = receive
            for event in engine.events():
                if isinstance(event, ngh2.RequestReceived | ngh2.DataReceived) and event.end_stream:
                    engine.send_response(event.stream_id, _ANSWER)
                    engine.send_data(event.stream_id, workload.GRPC_MESSAGE)
                    engine.send_trailers(event.stream_id, _TRAILERS)
        return [(receive, engine.data_to_send()) for engine, receive in engines.items()]


class Calls(Assembly):
    """A gateway between both."""

    _backend: Server

    def _made_backend(self) -> Backend:
        return Server()

    def _connected(self) -> list[Any]:
        return [self._connect() for _ in range(CONNECTIONS)]

    def _connector(self, site: Any, clock: Any) -> Callable[[], Client]:
        return lambda: Caller(Negotiation(site, self._address.host))

    def _turn(self) -> tuple[list[bytes], list[bytes]]:
        return [client.ask() for client in self._clients], []

    def _run(self, sent: list[bytes], answers: list[bytes]) -> int:
        for client, data in zip(self._clients, sent, strict=True):
            client.receive(data)
        self._end_turn()
        if self._backend.dialled:
            self._backend.connect()
            self._end_turn()
        away = 0
        while self._backend.heard:
            began = time.process_time_ns()
            answered = self._backend.answers()
            away += time.process_time_ns() - began
            for receive, answer in answered:
                receive(answer)
            self._end_turn()
        return away

    def _answered(self, turns: int) -> None:
        for client in self._clients:
            whole, statuses = client.heard()
            if whole != turns * STREAMS or statuses != {b"%d" % self._exchange.status}:
                raise RuntimeError(f"{whole} of {turns * STREAMS} calls with 0, statuses {statuses}")


def assembled(exchange: Exchange) -> Assembly:
    """Return the gateway of a scenario, with clients around it."""
    return Calls(exchange) if exchange.calls else Assembly(exchange)
