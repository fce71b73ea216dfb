"""Checks of backends against real programs, sockets and certificates."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, ProcessDone  # noqa: A004  # Twisted's name for it
from twisted.internet.process import reapAllProcesses, reapProcessHandlers
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from gateway.config.schema.upstreams import BackendTLS
from gateway.dialling.dialer import SocketDialer
from gateway.dialling.fetching import Fetcher
from gateway.dialling.resolver import Resolver
from gateway.dialling.tls import client_tls_options
from gateway.listening.endpoints import listen
from gateway.probing.probe_http import MOST, HttpProbe
from gateway.probing.probe_script import ScriptProbe
from gateway.probing.probe_tcp import TcpProbe
from gateway.probing.prober import CheckFailed
from tests.pki import Authority
from tests.system.ports import free_port
from tests.system.private_reactor import PATIENCE, PrivateReactor, private_reactor


@pytest.fixture
def reactor() -> Iterator[PrivateReactor]:
    """A reactor of the test's own; its children are reaped by hand."""
    with private_reactor() as reactor:
        yield reactor


def script(reactor: PrivateReactor, place: Path, text: str) -> ScriptProbe:
    """A probe that runs a shell script."""
    file = place / "check.sh"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return ScriptProbe([str(file), "argument"], {"GATEWAY_BACKEND_PORT": "80"}, reactor)


def reaped(reactor: PrivateReactor, done: Deferred[None]) -> Any:
    """Turn the reactor until a check is over, reaping as its own loop would; return what the check failed with."""
    over: list[Any] = []
    done.addBoth(over.append)

    def look() -> bool:
        reapAllProcesses()
        return bool(over)

    reactor.until(look)
    return over[0] and over[0].value


def alive(pid: int) -> bool:
    """Whether a process runs, and is not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class TestScript:
    """Checks by a program."""

    def test_exit_status_0_is_well(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """The program gets its arguments; its environment names the backend and has nothing else but PATH."""
        os.environ["SECRET_OF_THE_GATEWAY"] = "x"
        text = 'test "$1" = argument && test "$GATEWAY_BACKEND_PORT" = 80 && test -z "$SECRET_OF_THE_GATEWAY"'
        try:
            assert reaped(reactor, script(reactor, tmp_path, text).run()) is None
        finally:
            del os.environ["SECRET_OF_THE_GATEWAY"]

    def test_any_other_is_not(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """The failure has the status, and the last line of the output."""
        failed = reaped(reactor, script(reactor, tmp_path, "echo one; echo replication lags >&2; exit 3").run())

        assert isinstance(failed, CheckFailed)
        assert str(failed) == "exit status 3: replication lags"

    def test_a_signal_is_not_well_either(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """A program that crashes has not passed."""
        assert str(reaped(reactor, script(reactor, tmp_path, "kill -SEGV $$").run())) == "signal 11"

    def test_one_that_is_not_there_is_not_well(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """And the gateway goes on."""
        failed = reaped(reactor, ScriptProbe([str(tmp_path / "nothing")], {}, reactor).run())

        assert isinstance(failed, CheckFailed)

    def test_one_that_hangs_is_killed_with_all_it_began(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """Its children too, even those that ignore signals; no zombie is left."""
        pids = tmp_path / "pids"
        text = f"trap '' TERM HUP INT\n(trap '' TERM HUP INT; sleep 600) &\necho $! $$ >{pids}\nsleep 600"
        done = script(reactor, tmp_path, text).run()
        reactor.until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        child, leader = map(int, pids.read_text().split())
        done.cancel()

        assert isinstance(reaped(reactor, done), CancelledError)
        reactor.until(lambda: reaped_all(leader, child))

    def test_its_last_words_are_heard_though_its_end_is_heard_of_first(
        self, reactor: PrivateReactor, tmp_path: Path
    ) -> None:
        """The signal of its end may be handled before its output is read."""
        done = script(reactor, tmp_path, "echo replication lags >&2; exit 3").run()
        over: list[Any] = []
        done.addBoth(over.append)
        end = reactor.seconds() + PATIENCE
        while not over:  # reaped, and never asked what there is to read
            assert reactor.seconds() < end
            reapAllProcesses()

        assert str(over[0].value) == "exit status 3: replication lags"

    def test_one_that_is_over_while_it_is_started_ends_nothing_else(self) -> None:
        """Only its own group is killed, never the gateway's."""
        seen: list[Any] = []

        def hasty(run: Any, *args: object, **kwargs: object) -> None:
            child = subprocess.Popen(["true"], start_new_session=True)
            child.wait()
            run.makeConnection(SimpleNamespace(pid=child.pid, connected=0, loseConnection=lambda: None))
            run.processExited(Failure(ProcessDone(0)))

        ScriptProbe(["true"], {}, SimpleNamespace(spawnProcess=hasty)).run().addBoth(seen.append)

        assert seen == [None]

    def test_no_run_leaves_a_descriptor(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """Its terminal is closed, however it ends."""
        other = tmp_path / "other"
        other.mkdir()
        probe = script(reactor, tmp_path, "exec sleep 600")
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            done = probe.run()
            done.cancel()  # at once: it may not have a group of its own yet
            assert isinstance(reaped(reactor, done), CancelledError)
        ends = script(reactor, other, "exit 1")
        for _ in range(5):
            reaped(reactor, ends.run())
        reactor.until(none_to_reap)

        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_what_it_says_without_end_is_not_kept(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """A few hundred octets of its last line are enough."""
        failed = reaped(reactor, script(reactor, tmp_path, "head -c 3000000 /dev/zero | tr '\\0' x; exit 1").run())

        assert len(str(failed)) < 300


def reaped_all(*pids: int) -> bool:
    """Reap what can be, and say whether none of these is left."""
    reapAllProcesses()
    return not any(alive(pid) for pid in pids)


def none_to_reap() -> bool:
    """Reap what can be, and say whether that was all."""
    reapAllProcesses()
    return not reapProcessHandlers


class TestSockets:
    """Checks by connections and requests."""

    def connect(self, reactor: PrivateReactor, port: int, tls: Any = None) -> Any:
        dialer = SocketDialer(reactor, Resolver(reactor, reactor.seconds))
        return lambda make: dialer.dial("127.0.0.1", port, tls, make, 5.0)

    def http(self, reactor: PrivateReactor, port: int, tls: Any = None) -> HttpProbe:
        dialer = SocketDialer(reactor, Resolver(reactor, reactor.seconds))
        fetcher = Fetcher(reactor, dialer, tls, 5.0, MOST, glance=True)
        scheme = "http" if tls is None else "https"
        return HttpProbe(fetcher, f"{scheme}://127.0.0.1:{port}/health", "h", {}, [(200, 399)], {}, "")

    def test_a_port_that_takes_connections_is_well(self, reactor: PrivateReactor) -> None:
        """One that refuses is not."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            reactor.result(TcpProbe(self.connect(reactor, port)).run())
        with pytest.raises(ConnectionRefusedError):
            reactor.result(TcpProbe(self.connect(reactor, free_port())).run())

    def test_with_tls_the_handshake_must_succeed(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """A certificate of another authority is a failure, as it is for the traffic."""
        ours, others = Authority(), Authority("Others")
        identity = ours.write_identity(tmp_path / "server.pem", "127.0.0.1")
        endpoint = f"sni:0:interface=127.0.0.1:certificates={identity}"
        listening: Any = reactor.result(listen(reactor, endpoint, Factory.forProtocol(Protocol)))
        port = listening.port.getHost().port
        for authority, well in ((ours, True), (others, False)):
            ca = authority.write(tmp_path / "ca.pem")
            tls = client_tls_options("127.0.0.1", BackendTLS(ca=str(ca)))
            done = TcpProbe(self.connect(reactor, port, tls)).run()
            if well:
                reactor.result(done)
            else:
                with pytest.raises(Exception, match="certificate"):
                    reactor.result(done)

    def test_an_answer_in_parts_is_read_to_its_end(self, reactor: PrivateReactor) -> None:
        """A backend that is cut off behind the head would have an error in its log with every check."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            done = self.http(reactor, server.getsockname()[1]).run()
            over: list[Any] = []
            done.addBoth(over.append)
            server.settimeout(0)
            reactor.until(lambda: select.select([server], [], [], 0)[0])
            peer, _ = server.accept()
            with peer:
                peer.settimeout(0)
                reactor.until(lambda: _has(peer))
                peer.recv(1000)
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
                reactor.turns()
                with pytest.raises(BlockingIOError):
                    peer.recv(1)  # neither closed nor reset
                assert over == []
                peer.send(b"ok")
                reactor.until(lambda: over)

        assert over == [None]

    def test_a_server_that_says_no_goodbye_keeps_no_socket(self, reactor: PrivateReactor, tmp_path: Path) -> None:
        """Over TLS an orderly end waits for the other side: a check a second would be a socket a second."""
        authority = Authority()
        identity = authority.write_identity(tmp_path / "server.pem", "127.0.0.1")
        tls = client_tls_options("127.0.0.1", BackendTLS(ca=str(authority.write(tmp_path / "ca.pem"))))

        class Silent(Protocol):
            def dataReceived(self, data: bytes) -> None:
                self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")  # type: ignore[union-attr]
                # From now on nothing that comes is read, not even the end.
                self.transport.pauseProducing()  # type: ignore[union-attr]

        endpoint = f"sni:0:interface=127.0.0.1:certificates={identity}"
        listening: Any = reactor.result(listen(reactor, endpoint, Factory.forProtocol(Silent)))
        before = reactor.watched()
        reactor.result(self.http(reactor, listening.port.getHost().port, tls).run())
        reactor.turns()

        assert reactor.watched() == before  # the server's own end is paused, and so not among them

    def test_a_server_that_hangs_leaves_nothing_behind(self, reactor: PrivateReactor) -> None:
        """The check is given up, and its connection with it."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0)
            done = self.http(reactor, server.getsockname()[1]).run()
            reactor.until(lambda: select.select([server], [], [], 0)[0])
            peer, _ = server.accept()
            peer.settimeout(0)
            reactor.until(lambda: _has(peer))
            done.cancel()
            with pytest.raises(CancelledError):
                reactor.result(done)
            reactor.turns()
            assert reactor.watched() == set()
            peer.close()


def _has(peer: socket.socket) -> bool:
    try:
        return b"GET /health" in peer.recv(1000, socket.MSG_PEEK)
    except BlockingIOError:
        return False
