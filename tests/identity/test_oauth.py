"""The rules of the token endpoint: forms, credentials, scopes, by RFC 6749."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ClientRefused, TokenRefused
from gateway.identity.oauth import (
    MOST_PARAMETERS,
    Client,
    Clients,
    Credentials,
    narrow,
    read_credentials,
    read_form,
    read_scopes,
)
from gateway.identity.secrets import matches

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def basic(name: str, secret: str) -> bytes:
    """The Authorization field by which a client shows its secret."""
    return b"Basic " + base64.b64encode(f"{quote_plus(name)}:{quote_plus(secret)}".encode())


@given(st.dictionaries(TEXT, TEXT, max_size=MOST_PARAMETERS))
def test_a_form_is_read_as_it_was_meant(form: dict[str, str]) -> None:
    """Any text survives the encoding that every library writes."""
    assert read_form(urlencode(form).encode()) == form


@pytest.mark.parametrize(("body", "form"), [(b"", {}), (b"a=&b=1", {"b": "1"}), (b"a", {}), (b"a=b=c", {"a": "b=c"})])
def test_a_parameter_without_a_value_is_not_there(body: bytes, form: dict[str, str]) -> None:
    """RFC 6749 section 3.2."""
    assert read_form(body) == form


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=a&grant_type=b",
        b"grant_type=a&grant_type=a",
        b"grant_type=&grant_type=a",
        b"grant%5ftype=a&grant_type=b",
        b"scope=%ff",
        b"scope=a%00b",
        b"&".join(b"p%d=1" % number for number in range(MOST_PARAMETERS + 1)),
    ],
)
def test_a_form_that_can_be_read_in_two_ways_is_refused(body: bytes) -> None:
    """RFC 6749 section 3.2: no parameter more than once; octets that are not text are refused too."""
    with pytest.raises(TokenRefused) as refused:
        read_form(body)

    assert (refused.value.status, refused.value.error) == (400, "invalid_request")


@given(TEXT, TEXT)
def test_basic_gives_back_what_was_encoded(name: str, secret: str) -> None:
    """RFC 6749 section 2.3.1: id and secret are form-encoded first, so they may have a colon."""
    assert read_credentials([basic(name, secret)], {}) == Credentials(name, secret)


def test_the_form_is_the_other_way() -> None:
    """A client_id in the form beside Basic is taken if it is the same."""
    assert read_credentials([], {"client_id": "acme", "client_secret": "s"}) == Credentials("acme", "s")
    assert read_credentials([basic("acme", "s")], {"client_id": "acme"}) == Credentials("acme", "s")


@pytest.mark.parametrize(
    ("fields", "form"),
    [
        ([basic("acme", "s")], {"client_id": "acme", "client_secret": "s"}),
        ([basic("acme", "s")], {"client_secret": "s"}),
        ([basic("acme", "s")], {"client_id": "other"}),
        ([basic("acme", "s"), basic("other", "s")], {}),
    ],
)
def test_a_client_authenticates_in_one_way(fields: list[bytes], form: dict[str, str]) -> None:
    """RFC 6749 section 2.3: two ways are an error, even with the same secret."""
    with pytest.raises(TokenRefused) as refused:
        read_credentials(fields, form)

    assert refused.value.error == "invalid_request"


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [b"Bearer abc"],
        [b"Basic"],
        [b"Basic !!!"],
        [b"Basic " + base64.b64encode(b"no-colon")],
        [b"Basic " + base64.b64encode(b":secret")],
        [b"Basic " + base64.b64encode(b"acme:")],
        [b"Basic " + base64.b64encode(b"acme:\xff")],
        [b"Basic " + base64.b64encode(b"acme:a%00b")],
    ],
)
def test_credentials_that_are_none_are_an_unknown_client(fields: list[bytes]) -> None:
    """401 with a challenge, and the error code of RFC 6749 section 5.2."""
    with pytest.raises(ClientRefused) as refused:
        read_credentials(fields, {"client_id": "acme"})

    assert (refused.value.status, refused.value.error) == (401, "invalid_client")


def test_scopes_are_words() -> None:
    """Each once, in the order asked for; None where the request names none."""
    assert read_scopes("read write read") == ("read", "write")
    assert read_scopes(None) is None


@pytest.mark.parametrize("asked", [" ", "read ", " read", "read  write", 'a"b', "a\\b", "a\tb", "é", "a\x7f"])
def test_scopes_that_are_malformed_are_refused(asked: str) -> None:
    """RFC 6749 section 3.3."""
    with pytest.raises(TokenRefused) as refused:
        read_scopes(asked)

    assert refused.value.error == "invalid_scope"


def test_scopes_are_narrowed_to_what_the_client_may_have() -> None:
    """The answer says what was granted; asking for none is asking for all."""
    assert narrow(("read", "admin"), ["read", "write"]) == ("read",)
    assert narrow(None, ["read", "write"]) == ("read", "write")
    assert narrow(None, []) == ()


@pytest.mark.parametrize("allowed", [[], ["read"]])
def test_nothing_of_what_was_asked_for_is_an_error(allowed: list[str]) -> None:
    """A token without the scopes would fail later, at the backend."""
    with pytest.raises(TokenRefused) as refused:
        narrow(("admin",), allowed)

    assert refused.value.error == "invalid_scope"


def test_an_unknown_client_costs_a_comparison_as_well() -> None:
    """With the hash of a known client, always the same one."""
    clients = Clients([Client("a", "hash-a"), Client("b", "hash-b")])

    assert clients.find("c") is None
    assert {clients.decoy(name) for name in ("c", "c")} == {clients.decoy("c")}
    assert {clients.decoy(f"client-{number}") for number in range(50)} == {"hash-a", "hash-b"}
    assert not matches("", Clients([]).decoy("c"))


def test_secrets_are_in_no_repr() -> None:
    """A traceback may show these objects."""
    shown = repr([Client("a", "hash-a"), Credentials("a", "s3cret")])

    assert shown == "[Client('a'), Credentials('a')]"
