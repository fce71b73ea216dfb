"""Who the client is, and what the backend is told about it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import HeaderBlock, Headers
from gateway.http.forwarded import DROPPED, ForwardedRules, NetworkSet, PeerForwarding

PROXY, STRANGER = "10.0.0.1", "198.51.100.7"


def peer(address: str = STRANGER, scheme: bytes = b"http", **switches: bool) -> PeerForwarding:
    """Prepare a connection; 10.0.0.0/8 and fd00::/8 are trusted."""
    return ForwardedRules(NetworkSet(["10.0.0.0/8", "fd00::/8"]), **switches).for_peer(address, scheme)


def sent(
    connection: PeerForwarding, *fields: tuple[bytes, bytes], host: bytes = b"api.example", version: bytes = b"1.1"
) -> dict[str, str]:
    """Encode the fields for a request and read them back; no name comes twice."""
    lines = connection.encode(Headers(fields), host, version).decode().split("\r\n")
    assert lines.pop() == ""
    found = dict(line.split(": ", 1) for line in lines)
    assert len(found) == len(lines)
    return found


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.255.0.1", True),
        ("11.0.0.1", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("::ffff:10.0.0.1", True),
        ("2001:db8:ffff::1", True),
        ("2001:DB8::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", True),
        ("::a00:1", False),
        ("", False),
        ("unknown", False),
        ("10.0.0.1:80", False),
        ("10.0.0.1" + "0" * 100, False),
    ],
)
def test_an_address_is_in_a_network_or_not(address: str, inside: bool) -> None:
    """Both versions, the one mapped into the other, any spelling; text that is no address is in none."""
    networks = NetworkSet(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "fe80::/10"])

    assert (address in networks) is inside
    assert (address in networks) is inside  # as remembered


def test_a_mapped_network_is_the_network_that_it_maps() -> None:
    """`::ffff:10.0.0.0/104` says 10.0.0.0/8."""
    assert "10.9.9.9" in NetworkSet(["::ffff:10.0.0.0/104"])


def test_an_empty_set_is_false() -> None:
    """So that a rule without networks can be left out."""
    assert not NetworkSet([])
    assert NetworkSet(["::/0"])
    assert "::1" not in NetworkSet([])


def test_only_addresses_in_text_form_are_members() -> None:
    """Asking for anything else is answered, not raised."""
    assert b"10.0.0.1" not in NetworkSet(["10.0.0.0/8"])


def test_what_is_no_network_is_refused() -> None:
    """When the set is built."""
    with pytest.raises(ValueError, match=r"proxy\.internal"):
        NetworkSet(["proxy.internal"])


def test_a_set_does_not_remember_without_bound() -> None:
    """The addresses come from strangers."""
    networks = NetworkSet(["10.0.0.0/8"])

    for number in range(10_000):
        assert str(ip_address(number)) not in networks

    assert len(networks._known) <= 4096


@given(
    st.lists(st.ip_addresses().flatmap(lambda a: st.integers(0, a.max_prefixlen).map(lambda bits: f"{a}/{bits}"))),
    st.ip_addresses(),
)
def test_a_set_agrees_with_asking_every_network(networks: list[str], address: object) -> None:
    """Addresses near the networks' own are asked for as well."""
    for text in [str(address), *(network.partition("/")[0] for network in networks)]:
        number = ip_address(text)
        mapped = getattr(number, "ipv4_mapped", None)
        if mapped is None:
            asked = [ip_network(network, strict=False) for network in networks]
            # Those are of the IPv4 addresses that they map.
            asked = [network for network in asked if getattr(network[0], "ipv4_mapped", None) is None]
            assert (text in NetworkSet(networks)) == any(number in network for network in asked)


@given(st.one_of(st.ip_addresses().map(str), st.text("0123456789abcdef.:% -", max_size=40), st.text(max_size=20)))
def test_what_is_an_address_is_what_python_takes_for_one(text: str) -> None:
    """The system's reader, which is quicker, lets nothing else through."""
    try:
        ip_address(text)
    except ValueError:
        is_address = False
    else:
        is_address = True

    assert (text in NetworkSet(["0.0.0.0/0", "::/0"])) is is_address


def test_a_stranger_is_the_client() -> None:
    """Whatever its fields say."""
    assert peer().client_address(Headers([(b"X-Forwarded-For", b"203.0.113.9")])) == STRANGER


@pytest.mark.parametrize(
    ("listed", "client"),
    [
        ([], PROXY),
        ([b""], PROXY),
        ([b"203.0.113.9"], "203.0.113.9"),
        ([b"192.0.2.66, 203.0.113.9, 10.9.9.9"], "203.0.113.9"),
        ([b"192.0.2.66", b"203.0.113.9", b"10.9.9.9,fd00::5"], "203.0.113.9"),
        ([b"10.3.3.3, 10.9.9.9"], "10.3.3.3"),
        ([b"203.0.113.9, evil, 10.9.9.9"], "10.9.9.9"),
        ([b"203.0.113.9, "], "203.0.113.9"),
        ([b"203.0.113.9,, ,10.9.9.9,\t,", b"", b","], "203.0.113.9"),
        ([b" , ,"], PROXY),
        ([b"2001:db8:0:0::1, ::ffff:a09:909"], "2001:db8::1"),
        ([b"203.0.113.9, " + b"1" * 100], PROXY),
        ([b"unknown"], PROXY),
        ([b"203.0.113.9:4711"], "203.0.113.9"),
        ([b"[2001:db8::1]:4711, 10.1.1.1"], "2001:db8::1"),
        ([b"2001:DB8::0:1"], "2001:db8::1"),
        ([b"::ffff:203.0.113.9"], "203.0.113.9"),
        ([b"\xff\xfe"], PROXY),
    ],
)
def test_behind_a_trusted_proxy_the_client_is_the_last_stranger(listed: list[bytes], client: str) -> None:
    """X-Forwarded-For is read from its end; what is no address ends the walk."""
    headers = Headers([(b"X-Forwarded-For", line) for line in listed])

    assert peer(PROXY).client_address(headers) == client


@given(st.lists(st.binary(max_size=20)), st.sampled_from([PROXY, STRANGER]))
def test_any_list_names_an_address(listed: list[bytes], address: str) -> None:
    """Garbage never becomes a client address, nor an exception."""
    ip_address(peer(address).client_address(Headers([(b"X-Forwarded-For", line) for line in listed])))


@pytest.mark.parametrize(
    ("address", "said", "scheme"),
    [
        (STRANGER, b"https", b"http"),
        (PROXY, b"https", b"https"),
        (PROXY, b"HTTPS", b"https"),
        (PROXY, b"wss", b"https"),
        (PROXY, b"https, http", b"http"),
        (PROXY, b"http, https, ,", b"https"),
        (PROXY, b"gopher", b"http"),
        (PROXY, b"", b"http"),
    ],
)
def test_a_trusted_proxy_is_believed_about_the_scheme(address: str, said: bytes, scheme: bytes) -> None:
    """The last word of a list is the proxy's own; an unknown scheme is none."""
    assert peer(address).scheme(Headers([(b"X-Forwarded-Proto", said)])) == scheme


def test_the_scheme_of_the_connection_is_the_default() -> None:
    """Nobody said anything."""
    assert peer(PROXY, b"https").scheme(Headers()) == b"https"


@pytest.mark.parametrize("address", [PROXY, STRANGER])
def test_a_request_without_forwarding_fields_gets_them(address: str) -> None:
    """The address, scheme and host of this hop, trusted or not."""
    assert sent(peer(address, b"https"), (b"Accept", b"*/*")) == {
        "X-Forwarded-For": address,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "api.example",
        "X-Real-IP": address,
        "Via": "1.1 gateway",
    }


def test_a_stranger_is_appended_to_what_it_said_and_not_believed() -> None:
    """The list is continued; every other field that it sent is made anew or dropped."""
    assert sent(
        peer(),
        (b"X-Forwarded-For", b"203.0.113.9"),
        (b"x-forwarded-for", b"10.0.0.9"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", b"admin.example"),
        (b"X-Forwarded-Port", b"443"),
        (b"X-Real-IP", b"127.0.0.1"),
        (b"X_Real_IP", b"127.0.0.1"),
        (b"Forwarded", b"for=127.0.0.1"),
    ) == {
        "X-Forwarded-For": f"203.0.113.9, 10.0.0.9, {STRANGER}",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "api.example",
        "X-Real-IP": STRANGER,
        "Via": "1.1 gateway",
    }


def test_a_trusted_proxy_is_passed_on() -> None:
    """Scheme, host and the fields that we do not make are kept; X-Real-IP is the client that the list gives."""
    assert sent(
        peer(PROXY),
        (b"X-Forwarded-For", b"203.0.113.9"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", b"www.example"),
        (b"X-Forwarded-Port", b"443"),
        (b"X_Forwarded_For", b"127.0.0.1"),
        (b"X-Real-IP", b"127.0.0.1"),
        (b"Forwarded", b"for=203.0.113.9"),
    ) == {
        "X-Forwarded-For": f"203.0.113.9, {PROXY}",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "www.example",
        "X-Forwarded-Port": "443",
        "X-Real-IP": "203.0.113.9",
        "Via": "1.1 gateway",
        "Forwarded": "for=203.0.113.9",
    }


def test_an_empty_list_is_not_continued() -> None:
    """`, 198.51.100.7` would name a hop that has no name."""
    assert sent(peer(), (b"X-Forwarded-For", b""))["X-Forwarded-For"] == STRANGER


def test_what_is_switched_off_is_not_sent() -> None:
    """Nor is a stranger's own version of it."""
    connection = peer(x_forwarded=False, x_real_ip=False, via=False)

    assert sent(connection) == {}
    assert sent(connection, (b"X-Forwarded-For", b"127.0.0.1"), (b"X-Real-IP", b"127.0.0.1")) == {}


def test_what_is_switched_off_is_still_passed_on_for_a_trusted_proxy() -> None:
    """As the proxy wrote it."""
    connection = peer(PROXY, x_forwarded=False, x_real_ip=False, via=False)
    fields = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Real-IP": "203.0.113.9"}

    assert sent(connection, *((name.encode(), value.encode()) for name, value in fields.items())) == fields


def test_via_names_the_version_that_was_received() -> None:
    """RFC 9110 section 7.6.3."""
    assert sent(peer(), version=b"1.0")["Via"] == "1.0 gateway"
    same = peer()
    for version in (b"2", b"1.1", b"2", b"1.0"):
        assert sent(same, version=version) == sent(peer(), version=b"1.1") | {"Via": f"{version.decode()} gateway"}


def test_a_request_without_host_has_no_forwarded_host() -> None:
    """HTTP/1.0 allows that."""
    assert "X-Forwarded-Host" not in sent(peer(), host=b"", version=b"1.0")


@pytest.mark.parametrize(
    ("address", "host", "element"),
    [
        (STRANGER, b"api.example:80", f'for={STRANGER};proto=http;host="api.example:80"'),
        ("2001:db8::1", b"[::1]", 'for="[2001:db8::1]";proto=http;host="[::1]"'),
        ("", b"", "for=unknown;proto=http"),
        (STRANGER, b'a"\\', f'for={STRANGER};proto=http;host="a\\"\\\\"'),
    ],
)
def test_forwarded_is_made_when_asked_for(address: str, host: bytes, element: str) -> None:
    """RFC 7239: IPv6 and hosts quoted, a peer without address unknown."""
    assert sent(peer(address, forwarded=True), host=host)["Forwarded"] == element


@pytest.mark.parametrize(("address", "before"), [(PROXY, "for=203.0.113.9, "), (STRANGER, "")])
def test_forwarded_is_continued_for_a_trusted_proxy_only(address: str, before: str) -> None:
    """A stranger's list starts anew."""
    fields = sent(peer(address, forwarded=True), (b"Forwarded", b"for=203.0.113.9"))

    assert fields["Forwarded"] == f'{before}for={address};proto=http;host="api.example"'


def test_an_ipv4_client_on_an_ipv6_socket_goes_by_its_own_name() -> None:
    """And is trusted by it."""
    assert peer("::ffff:203.0.113.9").client_address(Headers()) == "203.0.113.9"
    assert peer("::ffff:10.0.0.1").trusted


def test_a_peer_without_an_address_is_unknown() -> None:
    """A UNIX socket has none: nothing is invented, and it is not trusted."""
    fields = sent(peer(""))

    assert fields["X-Forwarded-For"] == "unknown"
    assert "X-Real-IP" not in fields
    assert sent(peer(""), (b"X-Forwarded-For", b"198.51.100.7"))["X-Forwarded-For"] == "198.51.100.7, unknown"


def test_a_trusted_proxy_at_a_socket_is_not_named() -> None:
    """It has no address: its client stands last, where the next server looks for it."""
    trusted = ForwardedRules(NetworkSet(["10.0.0.0/8"], sockets=True)).for_peer("", b"http")
    said = Headers([(b"X-Forwarded-For", b"192.0.2.1, 198.51.100.7, 10.0.0.1")])

    assert trusted.trusted
    assert trusted.client_address(said) == "198.51.100.7"
    assert b"X-Forwarded-For: 192.0.2.1, 198.51.100.7, 10.0.0.1\r\n" in trusted.encode(said, b"h")
    assert b"X-Forwarded-For: unknown\r\n" in trusted.encode(Headers(), b"h")
    assert trusted.client_address(Headers()) == ""


def test_sockets_alone_are_a_set() -> None:
    """With nobody who has an address in it, nor whoever has none that can be read."""
    only = NetworkSet([], sockets=True)

    assert only
    assert "" in only
    assert not any(address in only for address in ("10.0.0.1", "::1", " ", "unix:", None))


@pytest.mark.parametrize(
    "name", [b"x-forwarded-for", b"x_forwarded_for", b"x-forwarded_proto", b"x_real_ip", b"forwarded"]
)
def test_fields_made_here_are_not_to_be_copied(name: bytes) -> None:
    """Nor what a WSGI backend would take for them. Via lines stay, ours comes after them."""
    assert name in DROPPED
    assert b"via" not in DROPPED


@given(
    st.lists(st.tuples(st.sampled_from(sorted(DROPPED)), st.sampled_from([b"", b"203.0.113.9", b"a, b"]))),
    st.booleans(),
    st.sampled_from([b"h", b"h:80", b""]),
)
def test_a_strangers_fields_make_no_difference(fields: list[tuple[bytes, bytes]], forwarded: bool, host: bytes) -> None:
    """Other than its list of hops, the short way and the long way say the same."""
    connection = peer(forwarded=forwarded)
    rest = [(name, value) for name, value in fields if name != b"x-forwarded-for"]

    assert connection.encode(Headers(rest), host) == connection.encode(Headers(), host)


def test_a_stranger_is_not_believed_what_a_proxy_is() -> None:
    """Its X-Forwarded-For is the beginning of a record; the rest goes. Fields without any are the same object."""
    said = Headers([(b"X-Forwarded-For", b"1.2.3.4"), (b"X-Forwarded-Proto", b"https"), (b"X-Real-IP", b"1.2.3.4")])
    other = Headers([(b"X-Forwarded-For", b"1.2.3.4"), (b"Accept", b"*/*")])

    assert [name for name, _ in peer(STRANGER).believed(said)] == [b"X-Forwarded-For"]
    assert peer(PROXY).believed(said) is said
    assert peer(STRANGER).believed(other) is other


FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b"Accept", b"X-Forwarded-For", b"X-Real-IP", b"x_forwarded_host", b"Forwarded", b"TE"]),
        st.sampled_from([b"", b"198.51.100.9", b"for=x"]),
    ),
    max_size=3,
)
REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        FIELDS,
        st.sampled_from([b"", b"a", b"a.example:8080", b'q"', b"h" * 300]),
        st.sampled_from([b"1.1", b"1.0"]),
    ),
    max_size=10,
)


@given(st.tuples(FIELDS, FIELDS, FIELDS), REQUESTS, st.sampled_from(["10.0.0.1", "203.0.113.7", ""]), st.booleans())
def test_what_was_written_before_makes_no_difference(
    blocks: tuple[list[tuple[bytes, bytes]], ...],
    requests: list[tuple[int, list[tuple[bytes, bytes]], bytes, bytes]],
    peer: str,
    forwarded: bool,
) -> None:
    """A connection that remembers, over heads that are known: the same octets as one that has seen nothing."""
    rules = ForwardedRules(NetworkSet(["10.0.0.0/8"]), forwarded=forwarded)
    warm = rules.for_peer(peer, b"https")
    known = [HeaderBlock(Headers(fields)) for fields in blocks]
    for which, added, host, version in requests:
        over = Headers.over(known[which])
        for name, value in added:
            over.add(name, value)
        cold = rules.for_peer(peer, b"https")
        assert warm.encode(over, host, version) == cold.encode(Headers([*blocks[which], *added]), host, version)
