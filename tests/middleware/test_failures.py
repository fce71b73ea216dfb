"""Exchanges that fail: all are counted, and those that somebody should know of are told of, sparingly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.logger import LogLevel, capturedLogs

from gateway import errors
from gateway.middleware.failures import Failures

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


class Told:
    """What was counted, and what was logged."""

    def __init__(self, make: MakeExchange, explained: frozenset[int] = frozenset()) -> None:
        self.now = 100.0
        self.counted: list[tuple[str, str]] = []
        self.failures = Failures(lambda *what: self.counted.append(what), lambda: self.now, explained)
        self._make = make

    def end(self, *failed: errors.GatewayError) -> list[dict[str, Any]]:
        """End an exchange with each; returns the records."""
        with capturedLogs() as events:
            for error in failed:
                self.failures.ended(self._make(), error)
        return list(events)


@pytest.mark.parametrize(
    ("error", "event", "level"),
    [
        (errors.BackendRefused(), "request.failed", LogLevel.warn),
        (errors.InternalError(), "request.failed", LogLevel.warn),
        (errors.BreakerOpen(1.0), "request.failed", LogLevel.warn),
        (errors.LimitUnavailable(), "request.failed", LogLevel.warn),
        (errors.CredentialMissing(), "auth.refused", LogLevel.info),
        (errors.AddressRefused(), "auth.refused", LogLevel.info),
        (errors.Overloaded(1.0), "limit.refused", LogLevel.info),
    ],
    ids=lambda value: getattr(value, "reason", None),
)
def test_the_event_says_what_became_of_it(
    make: MakeExchange, error: errors.GatewayError, event: str, level: LogLevel
) -> None:
    """With all by which the exchange is found in the access log."""
    (said,) = Told(make).end(error)

    assert (said["event"], said["log_level"], said["reason"]) == (event, level, error.reason)
    assert (said["route"], said["client_ip"], said["status"]) == ("users", "192.0.2.7", error.status)


@pytest.mark.parametrize("error", [errors.RouteNotFound(), errors.MalformedRequest(), errors.ClientAborted()])
def test_what_is_the_clients_business_is_counted_only(make: MakeExchange, error: errors.GatewayError) -> None:
    """The access log has it."""
    made = Told(make)

    assert made.end(error) == []
    assert made.counted == [(error.reason, "downstream")]


def test_what_others_explain_is_not_told_twice(make: MakeExchange) -> None:
    """With `log.format: text`."""
    made = Told(make, frozenset([502]))

    assert [said["status"] for said in made.end(errors.BackendRefused(), errors.InternalError())] == [500]


def test_a_client_that_fails_on_purpose_causes_a_line_a_minute(make: MakeExchange) -> None:
    """Of each reason and route; the next line says how many there were."""
    made = Told(make)

    assert len(made.end(*[errors.CredentialInvalid() for _ in range(1000)])) == 1
    assert len(made.counted) == 1000
    made.now += 60
    (said,) = made.end(errors.CredentialInvalid())
    assert said["untold"] == 999
