from __future__ import annotations

import gc
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from weakref import ref

import pytest
from OpenSSL import SSL
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs

from gateway.listening.certificates import CertificateStore, ClientAuth
from gateway.listening.refusals import CertificateExpired, refuse_expired
from tests.pki import Authority


def store_in(place: Path) -> tuple[CertificateStore, Authority]:
    """A store with two names that asks for certificates of one authority."""
    ours, clients = Authority("Ours"), Authority("Clients")
    ours.write_identity(place / "live" / "a.pem", "a.example")
    ours.write_identity(place / "live" / "b.pem", "b.example")
    clients.write(place / "clients.crt")
    store = CertificateStore([place / "live"], client_ca=place / "clients.crt", client_auth=ClientAuth.REQUEST)
    return store, clients


def client_with(identity: Path, name: str) -> SSL.Connection:
    """A client that shows a certificate, and believes whatever it is shown."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.use_certificate_file(str(identity))
    context.use_privatekey_file(str(identity))
    connection = SSL.Connection(context, None)
    connection.set_tlsext_host_name(name.encode())
    connection.set_connect_state()
    return connection


def step(one: SSL.Connection, other: SSL.Connection) -> bool:
    """Have one side go on, and hand over what it says; False where it gave up."""
    try:
        one.do_handshake()
    except SSL.WantReadError:
        pass
    except SSL.Error:
        return False
    with suppress(SSL.WantReadError):
        other.bio_write(one.bio_read(1 << 20))
    return True


def refusals(
    store: CertificateStore, identity: Path, name: str = "a.example", between: Any = lambda: None
) -> list[str]:
    """What the log says of a handshake."""
    transport = SimpleNamespace(getPeer=lambda: SimpleNamespace(host="192.0.2.7"))
    protocol: Any = SimpleNamespace(transport=transport, factory=SimpleNamespace(wrappedFactory=None))
    server = store.serverConnectionForTLS(protocol)
    server.set_app_data(protocol)  # as Twisted does
    server.set_accept_state()
    client = client_with(identity, name)
    with capturedLogs() as captured:
        step(client, server)
        step(server, client)
        between()
        step(client, server)
        step(server, client)
    return [event["log_format"].format(**event) for event in captured if "subject" in event]


def test_a_certificate_from_elsewhere_is_told(tmp_path: Path) -> None:
    """With the address and the name in it; one of the authority is nothing to tell of."""
    store, clients = store_in(tmp_path)
    good = clients.write_identity(tmp_path / "good.pem", common="alice")
    other = Authority("Others").write_identity(tmp_path / "other.pem", common="eve")

    (said,) = refusals(store, other)

    assert said == (
        "Refused the certificate of 192.0.2.7 in the handshake: CN=eve: no authority in `clientCA` has signed it"
    )
    assert refusals(store, good) == []


@pytest.mark.parametrize("common", ["two\r\nlines", "x\x1b[2J", "\u2028", "e" * 64])
def test_a_name_is_a_strangers_text(tmp_path: Path, common: str) -> None:
    """It ends no line, and is not long."""
    store, _ = store_in(tmp_path)
    other = Authority("Others").write_identity(tmp_path / "other.pem", common=common)

    (said,) = refusals(store, other)

    assert said.isascii()
    assert said.isprintable()
    assert len(said) < 400


def test_a_reload_in_the_middle_of_a_handshake(tmp_path: Path) -> None:
    """Note [The context that a connection began with]: it is there until the handshake is over."""
    store, _ = store_in(tmp_path)
    other = Authority("Others").write_identity(tmp_path / "other.pem", common="mallory")
    name = "b.example" if store._names.default is store._names.find("a.example") else "a.example"
    first = ref(store._names.default)

    def reload() -> None:
        Authority("New").write_identity(tmp_path / "live" / "a.pem", "a.example")
        store.read_again()()
        gc.collect()
        assert first() is not None

    (said,) = refusals(store, other, name, reload)

    assert "CN=mallory" in said
    gc.collect()
    assert first() is None


def test_a_certificate_that_has_expired_since_is_no_way_back_in(tmp_path: Path) -> None:
    """A ticket is taken without a look at the date, and a further one is given each time."""
    store, clients = store_in(tmp_path)
    protocol: Any = SimpleNamespace(transport=StringTransport(), factory=SimpleNamespace(wrappedFactory=None))
    server = store.serverConnectionForTLS(protocol)
    server.set_app_data(protocol)
    server.set_accept_state()
    client = client_with(clients.write_identity(tmp_path / "c.pem", common="carol"), "a.example")
    for _ in range(2):
        step(client, server)
        step(server, client)

    refuse_expired(server)
    with capturedLogs() as logged, pytest.raises(CertificateExpired):
        refuse_expired(server, lambda: 2**33)

    assert [(event["subject"], event["cause"]) for event in logged] == [("CN=carol", "it has expired")]


def test_who_shows_none_has_none_that_could_expire(tmp_path: Path) -> None:
    """`clientAuth=request`."""
    store, _ = store_in(tmp_path)
    protocol = SimpleNamespace(factory=SimpleNamespace(wrappedFactory=None))

    refuse_expired(store.serverConnectionForTLS(protocol), lambda: 2**33)
