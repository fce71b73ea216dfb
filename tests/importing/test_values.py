"""Values of sources in our way."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.importing.draft import Draft
from gateway.importing.parts import read_part
from gateway.importing.values import common, from_environment, key, literal, network, pattern_of, seconds, secret


def test_times() -> None:
    """As the gateway's units have them."""
    assert [seconds(one) for one in (0.25, 60, 3600)] == ["250ms", "1m", "1h"]


def test_networks_lose_their_host_bits() -> None:
    """And what is none is told apart."""
    assert [network(one) for one in ("10.1.2.3/8", "10.1.2.3", "x")] == ["10.0.0.0/8", "10.1.2.3", None]


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("{vault://env/my-key}", "${MY_KEY}"),
        ('${{ env "DECK_KEY" }}', "${DECK_KEY}"),
        ("$env://KEY", "${KEY}"),
        ("$ENV://KEY", "${KEY}"),
        ("${{KEY}}", "${KEY}"),
        ("hush", None),
        ("{vault://hcv/key}", None),
    ],
)
def test_secrets_that_stand_in_the_environment(written: str, ours: str | None) -> None:
    """They keep their names."""
    assert from_environment(written) == ours


@pytest.mark.parametrize("text", ["a.b", "1+1", "~x", "*", "(a)", "[b]", "c|d", "^$"])
def test_a_literal_matches_itself_alone(text: str) -> None:
    """As an expression, and as one of several values."""
    assert re.fullmatch(literal(text), text)
    assert re.search(pattern_of([text, "other"])[1:], text)


def test_one_value_is_compared_as_it_is() -> None:
    """Unless it would be read as an expression, or its case does not matter."""
    assert pattern_of(["a"]) == "a"
    assert pattern_of(["~a"]) == "~^(?:~a)$"
    assert [pattern_of([one], any_case=True) for one in ("2", "b")] == ["2", "~(?i)^(?:b)$"]


def test_what_takes_the_place_of_secrets_and_keys(tmp_path: Path) -> None:
    """A variable, whose place is noted; of a key that the source has itself, the hash."""
    file = tmp_path / "s.yaml"
    file.write_text("own: hush\nvault: $env://A_KEY\n")
    source, draft = read_part(str(file)), Draft("toy", str(file))
    own, vault = (source.get(name) for name in ("own", "vault"))
    assert own is not None
    assert vault is not None

    assert (secret(own, "jwt web", draft), secret(vault, "jwt web", draft)) == ("${JWT_WEB}", "${A_KEY}")
    assert key(own, draft) == {"hash": f"sha256:{sha256(b'hush').hexdigest()}"}
    assert key(vault, draft) == {"key": "${A_KEY}"}
    assert {name: one.place.line for name, one in draft.secrets.items()} == {"JWT_WEB": 1, "A_KEY": 2}


def test_what_two_lists_of_networks_have_in_common() -> None:
    """The smaller of two that overlap; an address is written as `network` writes it."""
    assert common(["10.0.0.0/8", "fd00::/8"], ["10.1.0.0/16", "10.2.0.1", "192.0.2.1", "::/0"]) == [
        "10.1.0.0/16",
        "10.2.0.1",
        "fd00::/8",
    ]
    assert common(["10.0.0.0/8"], ["192.0.2.0/24"]) == []
