"""Open tunnels by credential; `tests/flow/test_tunnels.py` has the whole gateway."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from gateway.identity.certificate_lists import CertificateLists
from gateway.identity.tunnels import CertifiedTunnels, OpenTunnels
from gateway.message import ClientEnd, Tunnel
from gateway.principal import Principal
from tests.pki import Authority


class Client(ClientEnd):
    """The client's end, which closes nothing but says what it was told; it may be over at once."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []
        self.over: Any = lambda: None

    def close_tunnel(self, code: int, reason: str) -> None:
        self.told.append((code, reason))
        self.over()


def opened(client: Client) -> Tunnel:
    """A tunnel whose backend's end does nothing."""
    backend: Any = type("Silent", (), {"join": lambda self, other: None})()
    tunnel = Tunnel(lambda: backend)
    tunnel.take()
    tunnel.join(client)
    return tunnel


def test_all_tunnels_of_a_credential_are_closed_though_each_leaves_as_it_is() -> None:
    """Closing one ends its exchange, which removes it from the list that is walked."""
    tunnels = OpenTunnels()
    acme, other = Principal("a", key_id="acme", token_id="t1"), Principal("b", key_id="other")
    clients = [Client(), Client(), Client()]
    for client, principal in zip(clients, (acme, acme, other), strict=True):
        tunnel = opened(client)
        tunnels.add(tunnel, principal)
        client.over = lambda tunnel=tunnel, principal=principal: tunnels.remove(tunnel, principal)

    assert tunnels.end("key_id", "acme") == 2
    assert [len(client.told) for client in clients] == [1, 1, 0]
    assert clients[0].told == [(1008, "the credential was revoked")]
    assert tunnels.end("jti", "t1") == 0
    assert len(tunnels) == 1


def test_a_credential_without_a_name_cannot_be_called() -> None:
    """Revoking an empty name closes nothing."""
    tunnels = OpenTunnels()
    client = Client()
    tunnels.add(opened(client), Principal("a"))

    assert tunnels.end("jti", "") == tunnels.end("key_id", "") == 0
    assert len(tunnels) == 0


def test_keys_are_compared_with_those_of_the_configuration_before() -> None:
    """A new key closes nothing, a missing or changed one does; the first configuration closes nothing."""
    tunnels = OpenTunnels()
    clients = {name: Client() for name in ("gone", "changed", "stays")}
    for name, client in clients.items():
        tunnels.add(opened(client), Principal(name, key_id=name))

    tunnels.known_are("key_id", {"gone": b"1", "changed": b"2", "stays": b"3"})
    assert not any(client.told for client in clients.values())
    tunnels.known_are("key_id", {"new": b"0", "changed": b"4", "stays": b"3"})

    assert [name for name, client in clients.items() if client.told] == ["gone", "changed"]


def test_kinds_of_credentials_are_compared_apart() -> None:
    """Keys that stay where users have changed, and the other way round."""
    tunnels = OpenTunnels()
    tunnels.known_are("key_id", {"a": b"1"})
    tunnels.known_are("jti", {"basic:alice": b"1", "basic:bob": b"1"})
    alice, bob, key = Client(), Client(), Client()
    tunnels.add(opened(alice), Principal("alice", token_id="basic:alice"))
    tunnels.add(opened(bob), Principal("bob", token_id="basic:bob"))
    tunnels.add(opened(key), Principal("a", key_id="a"))

    tunnels.known_are("jti", {"basic:alice": b"2", "basic:bob": b"1"})

    assert [len(one.told) for one in (alice, bob, key)] == [1, 0, 0]


def test_a_chain_that_new_lists_refuse() -> None:
    """Its tunnels are closed, also one that is entered only now; what is removed is forgotten."""
    authority = Authority()
    alice = authority.issue("alice")[0]
    chain = (alice.public_bytes(Encoding.DER),)
    tunnels = CertifiedTunnels()
    before, gone, after = Client(), Client(), Client()
    tunnels.judge(CertificateLists([authority.revoke()], [authority.certificate]))
    tunnels.add("before", opened(before), chain)
    tunnels.add("gone", opened(gone), chain)
    tunnels.remove("gone")
    tunnels.remove("nobody")
    assert (before.told, len(tunnels)) == ([], 1)

    tunnels.judge(CertificateLists([authority.revoke(alice)], [authority.certificate]))
    tunnels.add("after", opened(after), chain)

    assert before.told == after.told == [(1008, "the credential was revoked")]
    assert gone.told == []
