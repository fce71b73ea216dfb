"""What is not read of queries, and of URLs with one."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.redaction import names_credential, query_redactor

_CREDENTIALS = """token access_token accessToken id_token refresh_token reset-token X-Auth-Token csrf_token
    secret client_secret clientSecret password user[password] passwd pwd new.password passphrase
    api_key apikey api-key x-api-key API_KEY my_api_key aws_access_key AWSAccessKeyId private_key
    X-Amz-Signature X-Amz-Credential X-Amz-Security-Token X-Goog-Signature sig signature
    jwt assertion client_assertion SAMLResponse SAMLRequest code code_verifier device_code user_code auth_code
    auth authorization proxy-authorization cookie Set-Cookie session session_id PHPSESSID sid jsessionid otp
    pass"""

_HARMLESS = """q page sort id key keyword keys limit max_tokens tokens token_type country_code zipcode codec
    status_code design designer_id signal author authority assertion_count pass_count compass passport session_count
    sidebar
    secretary password_hint idempotency-key api_keys cookies_accepted sess state nonce"""


@pytest.mark.parametrize("name", _CREDENTIALS.split())
def test_names_of_credentials(name: str) -> None:
    """Nobody has to list them; case and separators are all one."""
    assert names_credential(name)
    assert query_redactor([])(b"a=1&%s=s3cret&b=2" % name.encode()) == f"a=1&{name}=REDACTED&b=2"


@pytest.mark.parametrize("name", _HARMLESS.split())
def test_names_that_only_look_alike(name: str) -> None:
    """They are read by who looks for a fault."""
    assert not names_credential(name)
    assert query_redactor([])(b"%s=seen" % name.encode()) == f"{name}=seen"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"badge=s3cret", "badge=REDACTED"),
        (b"a=1&badge=s3cret&b=2", "a=1&badge=REDACTED&b=2"),
        (b"badge=s3cret&badge=s3cret", "badge=REDACTED&badge=REDACTED"),
        (b"Badge=s3cret", "Badge=REDACTED"),
        (b"b%61d%67e=s3cret", "b%61d%67e=REDACTED"),
        (b"%42adge=s3cret", "%42adge=REDACTED"),
        (b"badge%3ds3cret", "badge%3dREDACTED"),
        (b"a=1;badge=s3cret;b=2", "a=1;badge=REDACTED"),
        (b"badge=s3;cret", "badge=REDACTED"),
        (b"badge[]=s3cret", "badge[]=REDACTED"),
        (b"x%3Dy_token=s3cret", "x%3Dy_token=REDACTED"),
        (b"my_badge=seen&badges=seen", "my_badge=seen&badges=seen"),
        (b"q=badge", "q=badge"),
        (b"badge", "badge"),
        (b"q=token&a=1", "q=token&a=1"),
        (b"q=%F0%9F%8C%8D&r=100%25", "q=%F0%9F%8C%8D&r=100%25"),
        (b"https://a.example/cb?token=s3cret#id_token=s3cret", "https://a.example/cb?token=REDACTED"),
        (b"https://a.example/cb#id_token=s3cret", "https://a.example/cb#id_token=REDACTED"),
        (b"", ""),
    ],
)
def test_names_that_are_listed(query: bytes, expected: str) -> None:
    """However they are spelled; what only looks alike stays."""
    assert query_redactor(["badge", ""])(query) == expected


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_url_that_is_a_value_is_read_too(times: int) -> None:
    """`?next=` of a page for signing in often has the query of another page."""
    inner = "https://a.example/cb?page=2&access_token=s3cret"
    for _ in range(times):
        inner = quote(inner, safe="")

    text = query_redactor([])(b"next=" + inner.encode() + b"&lang=en")

    assert "s3cret" not in text
    assert "page" in text
    assert text.endswith("&lang=en")


def test_a_name_without_letters_can_be_listed() -> None:
    """As what defeats caches is called by jQuery; other names are not meant."""
    assert query_redactor(["_"])(b"_=17&-=2&a_=3") == "_=REDACTED&-=2&a_=3"


def _spellings(name: bytes) -> st.SearchStrategy[bytes]:
    """Write a name in one of the ways that a server would read as that name."""
    octets = [
        st.sampled_from([bytes([c]), bytes([c]).upper(), b"%%%02X" % c, b"%%%02x" % c, b"%%%02x" % ord(chr(c).upper())])
        for c in name
    ]
    return st.tuples(*octets).map(b"".join)


_OTHERS = [b"x", b"Y", b"z", b"%", b"2", b";", b"=", b"[", b"?", b"%3f", b"%%", b"\xff"]
"""No name of a credential can be made of these."""


@given(
    st.lists(
        st.one_of(
            st.tuples(_spellings(b"api_key"), st.just(b"s3cret")),
            st.tuples(st.lists(st.sampled_from(_OTHERS), max_size=5).map(b"".join), st.just(b"seen")),
        ),
        max_size=6,
    )
)
def test_no_spelling_of_a_name_gets_its_value_read(pairs: list[tuple[bytes, bytes]]) -> None:
    """In any mixture of case and percent-encoding; no other value is redacted."""
    query = b"&".join(name + b"=" + value for name, value in pairs)

    text = query_redactor([])(query)

    assert "s3cret" not in text
    assert text.count("REDACTED") == sum(unquote_to_bytes(name).lower() == b"api_key" for name, _ in pairs)


@pytest.mark.parametrize("octets", [b"=", b"token", b"%3d", b"%3f", b"a%3d=", b"%25"])
def test_a_query_that_is_made_to_take_long_does_not(octets: bytes) -> None:
    """Each piece of it is looked at a bounded number of times."""
    query = b"token" + octets * (32768 // len(octets))

    assert len(query_redactor([])(query)) <= len(query)
