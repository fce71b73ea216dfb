"""Certificates that end soon are told of, each once a day."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from gateway.listening.certificate_ends import AGAIN, INTERVAL, SOON, CertificateEnds

NOW = 1_700_000_000.0


def test_certificates_that_end_soon_are_told_of_once_a_day() -> None:
    """One that was renewed is not told of again; one that a reload brings is, within a minute; nothing at the end."""
    clock = Clock()
    shown = [
        ("tcp 443", "soon.example", NOW + SOON - 1),
        ("tcp 443", "good.example", NOW + SOON + 30 * AGAIN),
        ("tcp 8443", "gone.example", NOW - 1.5 * 86400),
    ]
    ends = CertificateEnds(lambda: shown, clock, lambda: NOW + clock.seconds())

    with capturedLogs() as logs:
        ends.startService()
        first = [formatEvent(event) for event in logs]
        clock.pump([INTERVAL] * 100)
        again = len(logs)
        shown[0] = ("tcp 443", "soon.example", NOW + 90 * 86400)
        shown.append(("tcp 443", "new.example", NOW + 86400))
        clock.advance(INTERVAL)
        fresh = [formatEvent(event) for event in logs[again:]]
        clock.pump([INTERVAL] * int(AGAIN / INTERVAL))
        daily = [event["name"] for event in logs[again + len(fresh) :]]
        ends.stopService()

    assert first == [
        "The certificate soon.example at tcp 443 ends in 14.0 days",
        "The certificate gone.example at tcp 8443 has ended 1.5 days ago",
    ]
    assert again == len(first)
    assert fresh == ["The certificate new.example at tcp 443 ends in 0.9 days"]
    assert sorted(daily) == ["gone.example", "new.example"]
    assert {(event["event"], event["log_level"].name) for event in logs} == {
        ("certificate.ends_soon", "warn"),
        ("certificate.ends_soon", "error"),
    }
    assert not clock.getDelayedCalls()
