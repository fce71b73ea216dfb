"""Lines of text: ours, nginx's and Apache's, Envoy's, and those of a template."""

from __future__ import annotations

import pytest

from gateway.recorded.facts import Unreadable, recorded
from gateway.recorded.forms import UnknownForm, named
from gateway.recorded.request import Recorded
from tests.recorded.test_json_lines import written

COMBINED = b'192.0.2.7 - u1 [30/Nov/2026:09:14:00 +0000] "GET /a?b=c HTTP/1.1" 200 2 "-" "a \\x22b\\x22 \\xC3\\xA4"\n'


def read(line: bytes, form: str) -> Recorded:
    """Read one line by a form."""
    return recorded(1, named(form).read(line))


def test_a_combined_line_is_read() -> None:
    """What its writer escaped is as it was sent."""
    request = read(COMBINED, "combined")

    assert (request.client, request.user, request.began) == ("192.0.2.7", "u1", 1796030040.0)
    assert (request.method, request.target, request.status) == ("GET", "/a?b=c", 200)
    assert request.headers == (("User-Agent", 'a "b" ä'),)
    assert (request.host, request.seconds) == ("", None)


def test_a_quote_that_apache_escaped_does_not_end_the_value() -> None:
    r"""`\"` there, `\x22` elsewhere."""
    assert read(COMBINED.replace(rb"\x22", rb"\""), "combined").headers == (("User-Agent", 'a "b" ä'),)


@pytest.mark.parametrize("form", ["combined", "common"])
def test_our_own_lines_of_text_are_read(form: str) -> None:
    """As the gateway writes them."""
    lines, _ = written({"format": form})

    request = read(lines[0], form)

    assert (request.client, request.method, request.target, request.status) == ("192.0.2.7", "GET", "/a/1?b=c", 200)


def test_envoy_s_usual_line_is_read() -> None:
    """The one that it writes where nobody says otherwise."""
    line = (
        b'[2026-11-30T09:14:00.000Z] "GET /a?b=c HTTP/1.1" 200 - 0 2 12 11 "192.0.2.7" "curl" "id" "api.example.com" '
        b'"10.0.0.1:9001"\n'
    )

    request = read(line, "envoy-text")

    assert (request.method, request.target, request.host) == ("GET", "/a?b=c", "api.example.com")
    assert (request.seconds, request.upstream_seconds, request.backend) == (0.012, 0.011, "10.0.0.1:9001")


@pytest.mark.parametrize(
    ("template", "line"),
    [
        (
            '%{timestamp} %{host} "%{request_line}" %{status} %{duration_ms}',
            b'2026-11-30T09:14:00Z x "GET /a HTTP/1.1" 200 12',
        ),
        (
            '$time_iso8601 $host "$request" $status ${request_time}',
            b'2026-11-30T09:14:00+00:00 x "GET /a HTTP/1.1" 200 0.012',
        ),
        (
            "%START_TIME% %REQ(:AUTHORITY)% %REQ(:METHOD)% %REQ(:PATH):20% %RESPONSE_CODE% %DURATION%",
            b"2026-11-30T09:14:00Z x GET /a 200 12",
        ),
    ],
    ids=["ours", "nginx", "envoy"],
)
def test_a_template_says_how_its_lines_are_read(template: str, line: bytes) -> None:
    """In the words of who wrote the log."""
    request = read(line, template)

    assert (request.host, request.method, request.target, request.status) == ("x", "GET", "/a", 200)
    assert request.seconds == pytest.approx(0.012)


def test_a_field_of_the_request_has_its_name_from_the_variable() -> None:
    """Whichever it is."""
    request = read(
        b"30/Nov/2026:09:14:00 +0000|GET /a HTTP/1.1|200|de", "$time_local|$request|$status|$http_accept_language"
    )

    assert request.headers == (("accept-language", "de"),)


def test_another_line_says_so() -> None:
    """By the name of the form."""
    with pytest.raises(Unreadable, match=r"^it is no line of the form combined$"):
        read(b"hello\n", "combined")


def test_a_template_without_a_request_is_refused() -> None:
    """Nothing could be made of its lines."""
    with pytest.raises(UnknownForm, match=r"^expected a template with a place for the request in it"):
        named("$status $time_local")
