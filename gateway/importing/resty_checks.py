"""Health checks in the words of lua-resty-healthcheck, which Kong and APISIX share.

Tests: `tests/importing/test_resty_checks.py`.
"""

from __future__ import annotations

from typing import Final

from gateway.importing.draft import Data, Draft
from gateway.importing.parts import Part
from gateway.importing.values import seconds

TOGETHER: Final = "failures of all kinds are counted together"
KINDS: Final = ("http_failures", "tcp_failures", "timeouts")
EJECTED: Final = "A backend that failed is asked again after `passive_health.eject`; there it waits for a check."


def check(checks: Part, upstream: Data, draft: Draft) -> None:
    """Put active and passive checks into an upstream of ours.

    Args:
        checks: What has `active` and `passive`.
        upstream: The upstream.
        draft: Where what cannot be said is listed.
    """
    if (active := checks.get("active")) is not None and (made := _active(active, draft)):
        upstream["health_check"] = made
    if (passive := checks.get("passive")) is not None:
        failures = passive.whole("unhealthy", "http_failures") or 0
        draft.only(passive, "type", ("http", "https", "grpc", "tcp"), "another type")
        for kind in ("tcp_failures", "timeouts"):
            if (unhealthy := passive.get("unhealthy")) is not None:
                draft.only(unhealthy, kind, (0, failures), TOGETHER)
        if failures:
            upstream["passive_health"] = {"failures": failures}
            draft.remark(EJECTED)


def _active(active: Part, draft: Draft) -> Data:
    """Return our check; nothing where its interval is 0, which switches it off."""
    kind = active.text("type") or "http"
    intervals = {one for key in ("healthy", "unhealthy") if (one := active.number(key, "interval"))}
    if not intervals:
        return {}
    made: Data = {"path": active.text("http_path") or "/"} if kind in ("http", "https") else {"type": kind}
    if (port := active.whole("port")) is not None:
        made["port"] = port
    made["interval"] = seconds(min(intervals))
    if len(intervals) > 1 and (other := active.get("unhealthy", "interval")) is not None:
        draft.leave(other, "the healthy and the unhealthy are checked equally often", "the shorter time was taken")
    made["timeout"] = seconds(active.number("timeout") or 1)
    _thresholds(active, made, draft)
    fields = {name: ", ".join(part.texts()) for name, part in active.entries("headers")}
    if (host := active.text("host")) is not None:
        fields["Host"] = host
    for part in active.each("req_headers"):
        name, colon, value = (part.text() or "").partition(":")
        if colon:
            fields[name.strip()] = value.strip()
        else:
            draft.leave(part, "expected `name: value`")
    if fields:
        made["headers"] = fields
    draft.pass_over(active, "concurrency")
    return made


def _thresholds(active: Part, made: Data, draft: Draft) -> None:
    healthy, unhealthy = active.get("healthy"), active.get("unhealthy")
    if healthy is not None:
        if successes := healthy.whole("successes"):
            made["healthy_threshold"] = successes
        if statuses := [one for part in healthy.each("http_statuses") if (one := part.whole()) is not None]:
            made["expected_status"] = statuses
    if unhealthy is None:
        return
    counts = {key: unhealthy.whole(key) or 0 for key in KINDS}
    named = [one for one in counts.values() if one]
    if named:
        made["unhealthy_threshold"] = min(named)
    for key, count in counts.items():
        if count and count != min(named) and (part := unhealthy.get(key)) is not None:
            draft.leave(part, TOGETHER, "the smallest number was taken")
