"""Pods that come and go behind a Service, played with real processes: who is told what, in which order.

A Service is a list of ports; a new connection goes to one that is on it, as kube-proxy sends it there. A connection
that is open stays where it is, as the kernel's connection tracking keeps it, whatever becomes of the list. Clients send
without a pause and repeat nothing: each exchange that is not answered with 200 in full is a fault.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

import h2.config
import h2.connection
import h2.events

STREAMS = 5
"""Exchanges at once on a connection of HTTP/2."""
PATIENCE = 15
"""Seconds that a client waits for the next octets of an answer."""


class Service:
    """What kube-proxy knows.

    Attributes:
        ports: Those to which new connections go.
        connections: How many went to each so far.
    """

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)
        self.connections: Counter[int] = Counter()
        self._turns = itertools.count()

    def pick(self) -> int:
        """Choose where a new connection goes."""
        ports = self.ports
        port = ports[next(self._turns) % len(ports)]
        self.connections[port] += 1
        return port


class Clients:
    """Four kinds of clients of a Service, in threads; one of each kind begins at each pod.

    Attributes:
        places: A kind and the port where it begins, for each client.
        answered: Exchanges, by kind of client and port.
        closes: Connections that were told to end, by kind of client and port.
        faults: What went wrong.
    """

    def __init__(self, service: Service) -> None:
        self.answered: Counter[tuple[str, int]] = Counter()
        self.closes: Counter[tuple[str, int]] = Counter()
        self.faults: list[str] = []
        self._service = service
        self._over = threading.Event()
        self._kinds: dict[str, Callable[[int], None]] = {
            "kept": self._kept,
            "fresh": self._fresh,
            "slow": self._slow,
            "http2": self._http2,
        }
        self.places = [(kind, port) for kind in self._kinds for port in service.ports]
        self._threads = [threading.Thread(target=self._run, args=place) for place in self.places]

    @property
    def all(self) -> int:
        """How many exchanges there were."""
        return sum(self.answered.values())

    def of(self, port: int) -> int:
        """Return how many of them one pod has answered."""
        return sum(number for (_, at), number in self.answered.items() if at == port)

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is under way, and send nothing more."""
        self._over.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)

    def _run(self, kind: str, port: int) -> None:
        while not self._over.is_set():
            try:
                self._kinds[kind](port)
            except Exception as error:  # noqa: BLE001 - whatever it is, a client has noticed
                self.faults.append(f"{kind} at {port}: {error!r}")
                self._over.wait(0.01)  # a pod that refuses is asked a hundred times a second, not more
            port = self._service.pick()

    def _kept(self, port: int) -> None:
        """Use one connection until it is told to close."""
        self._http1("kept", port, "/name", lambda close: close or self._over.is_set())

    def _fresh(self, port: int) -> None:
        """Use a connection for one exchange."""
        self._http1("fresh", port, "/name", lambda close: True)

    def _slow(self, port: int) -> None:
        """Use a connection for exchanges that take a while, until it is told to close."""
        self._http1("slow", port, "/slow/0.2", lambda close: close or self._over.is_set())

    def _http1(self, kind: str, port: int, path: str, ends: Callable[[bool], bool]) -> None:
        with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            connection.connect()
            connection.auto_open = 0  # a connection that has gone is a fault, not a reason for another one
            while True:
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                assert response.status == 200, f"answered with {response.status}"
                self.answered[kind, port] += 1
                self.closes[kind, port] += response.will_close
                if ends(response.will_close):
                    return

    def _http2(self, port: int) -> None:
        """Use one connection, with several exchanges at once, until it is told to go away."""
        talk = _Talk(h2.config.H2Configuration(client_side=True))
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            talk.initiate_connection()
            open_streams: set[int] = set()
            leaving = False
            while True:
                while not (leaving or self._over.is_set()) and len(open_streams) < STREAMS:
                    stream = talk.get_next_available_stream_id()
                    talk.send_headers(stream, _head(port), end_stream=True)
                    open_streams.add(stream)
                connection.sendall(talk.data_to_send())
                if not open_streams:
                    return
                octets = connection.recv(65536)
                assert octets, f"the connection ended with {len(open_streams)} exchanges on it"
                for event in talk.receive_data(octets):
                    if isinstance(event, h2.events.ResponseReceived):
                        assert dict(event.headers or ())[b":status"] == b"200", event.headers
                    elif isinstance(event, h2.events.StreamEnded):
                        open_streams.remove(event.stream_id)
                        self.answered["http2", port] += 1
                    elif isinstance(event, h2.events.StreamReset):
                        raise AssertionError(f"stream {event.stream_id} was reset: {event.error_code}")
                    elif isinstance(event, h2.events.ConnectionTerminated):
                        self.closes["http2", port] += not leaving
                        leaving = True
                        lost = [stream for stream in open_streams if stream > (event.last_stream_id or 0)]
                        assert not lost, f"{lost} were not taken, the last one was {event.last_stream_id}"


class _Talk(h2.connection.H2Connection):
    """Goes on listening after a GOAWAY, as RFC 9113 (6.8) has it: the library takes that for the end of all."""

    def __init__(self, config: h2.config.H2Configuration) -> None:
        super().__init__(config)
        heard = (h2.connection.ConnectionState.CLIENT_OPEN, h2.connection.ConnectionInputs.RECV_GOAWAY)
        machine = self.state_machine
        machine._transitions = {**machine._transitions, heard: (None, heard[0])}


def _head(port: int) -> list[tuple[str, str]]:
    authority = f"127.0.0.1:{port}"
    return [(":method", "GET"), (":scheme", "http"), (":authority", authority), (":path", "/name")]


@contextlib.contextmanager
def asking(service: Service) -> Iterator[Clients]:
    """Have clients send for as long as the block lasts."""
    clients = Clients(service)
    clients.start()
    try:
        yield clients
    finally:
        clients.stop()
