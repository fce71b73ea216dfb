"""What servers may make of a path, and which paths are of one mind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedRequest
from gateway.http.paths import normal_form, respelled
from gateway.http.readings import MOST_OCTETS, Reading, Readings, TooManyReadings, folded

DEFAULT = (Reading.DOTS, Reading.SLASHES)

PIECES = [*"///.ab;~é{\\", "..", "%2F", "%2f", "%5C", "%3B", "%2e", "%2E", "%41", "%c3%a9", "%25", "%0d"]
paths = st.lists(st.sampled_from(PIECES), max_size=10).map(lambda pieces: ("/" + "".join(pieces)).encode())


def of(path: bytes, *kinds: Reading) -> set[bytes]:
    """Collect the readings of a path."""
    return set(Readings(kinds or DEFAULT).of(path))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/a/b", {b"/a/b"}),
        (b"/a/../b", {b"/a/../b", b"/b"}),
        (b"/a/%2e%2E/b", {b"/a/../b", b"/b"}),
        (b"/a/./b", {b"/a/./b", b"/a/b"}),
        (b"/a%2fb", {b"/a%2Fb", b"/a/b"}),
        (b"/a\\b", {b"/a%5Cb", b"/a/b"}),
        (b"/a%5cb", {b"/a%5Cb", b"/a/b"}),
        (b"/a//b", {b"/a//b", b"/a/b"}),
        (b"/a//../b", {b"/a//../b", b"/a/../b", b"/a/b", b"/b"}),
        (b"/a/..%2fb", {b"/a/..%2Fb", b"/a/../b", b"/b"}),
        (b"/a/..;x/b", {b"/a/..;x/b", b"/a/../b", b"/b"}),
        (b"/a;x/b%3By", {b"/a;x/b%3By"}),
        (b"/%61/%7e", {b"/a/~"}),
        (b"/%252e%252e/a", {b"/%252e%252e/a"}),
    ],
)
def test_the_readings_asked_by_default(path: bytes, expected: set[bytes]) -> None:
    """Dots resolved or not, everything that some server takes for a slash as one or not; nothing is decoded twice."""
    assert of(path) == expected


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        (Reading.PARAMS, b"/a;x=1/b%3by", {b"/a;x=1/b%3By", b"/a;x=1/b;y", b"/a/b%3By", b"/a/b;y", b"/a/b"}),
        (Reading.TRAILING_SLASH, b"/a", {b"/a", b"/a/"}),
        (Reading.TRAILING_SLASH, b"/a/", {b"/a", b"/a/"}),
        (Reading.TRAILING_SLASH, b"/", {b"/"}),
        (Reading.ESCAPES, b"/%61", {b"/%61", b"/a"}),
        (Reading.DOTS, b"/a//../b", {b"/a/b", b"/a/../b"}),
        (Reading.SLASHES, b"/a/../b%2Fc", {b"/b%2Fc", b"/b/c"}),
    ],
)
def test_a_kind_is_asked_by_itself(kind: Reading, path: bytes, expected: set[bytes]) -> None:
    """In all else the server is taken to read as the gateway does."""
    assert of(path, kind) == expected


def test_a_reading_above_the_root_is_told() -> None:
    """Nobody means that."""
    with pytest.raises(MalformedRequest):
        of(b"/a/..%2f..%2fb")


def test_the_work_is_bounded() -> None:
    """A hostile path costs no more than so many octets."""
    with pytest.raises(TooManyReadings):
        of(b"/a%2fb%5cc\\d//./..;x/%2e/" * 200)
    with pytest.raises(TooManyReadings):
        of(b"/a%2f./b%5c%2e/..;x//" * 3)
    with pytest.raises(TooManyReadings):
        of(b"/a%2f" * (MOST_OCTETS // 8))


def test_a_long_path_with_another_address_in_it_is_read() -> None:
    """What is in honest use: an encoded URL of two thousand octets has four readings."""
    assert len(of(b"/proxy/https%3A%2F%2Fexample.com%2F" + b"x" * 2000)) == 3


@given(paths)
def test_a_path_that_concerns_nobody_has_one_reading(path: bytes) -> None:
    """The check before finds every path that is read in two ways."""
    for kinds in (DEFAULT, (*DEFAULT, Reading.PARAMS), (Reading.DOTS,), (Reading.SLASHES,), (), tuple(Reading)):
        readings = Readings(kinds)
        try:
            form = normal_form(path)
            found = set(readings.of(path))
        except (MalformedRequest, TooManyReadings):
            continue
        if readings.concern(path):
            assert form in found
        else:
            assert found == {form}


@given(paths)
def test_readings_have_no_readings_of_their_own(path: bytes) -> None:
    """The steps were taken in every order: a proxy that has taken some already changes nothing."""
    try:
        found = of(path)
        again = set[bytes]().union(*(of(one) for one in found))
    except (MalformedRequest, TooManyReadings):
        return
    assert again <= found


@pytest.mark.parametrize(
    ("path", "alike"),
    [(b"/Admin/x", b"/aDMIN/X"), (b"/%C3%89t%C3%A9", b"/%c3%a9T%c3%89"), (b"/a;X/%FF", b"/A;x/%ff")],
)
def test_case_is_folded_for_all_letters(path: bytes, alike: bytes) -> None:
    """Octets that are no UTF-8 stay apart; an escaped slash stays one."""
    assert folded(respelled(path)) == folded(respelled(alike))
    assert b"/" not in folded(b"a%2Fb")
    assert folded(b"%FE") != folded(b"%FF")
