"""What OpenTelemetry's environment variables say, and who makes the spans."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from gateway.telemetry.tracing.resource import HONOURED, Environment, read, resource

OTLP = "OTEL_EXPORTER_OTLP_"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, {}),
        ({"OTEL_SDK_DISABLED": "True"}, {"disabled": True}),
        ({"OTEL_SDK_DISABLED": "no"}, {}),
        ({"OTEL_SERVICE_NAME": "edge"}, {"service": "edge"}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=edge, a%20b=c%2Cd ,"},
            {"service": "edge", "attributes": (("service.name", "edge"), ("a b", "c,d"))},
        ),
        (
            {"OTEL_SERVICE_NAME": "door", "OTEL_RESOURCE_ATTRIBUTES": "service.name=edge"},
            {"service": "door", "attributes": (("service.name", "edge"),)},
        ),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, {"ratio": 0.0}),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_on"}, {"ratio": 1.0}),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}, {"ratio": 0.25}),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, {"ratio": 1.0}),
        ({OTLP + "ENDPOINT": "http://c:4318/"}, {"endpoint": "http://c:4318/v1/traces"}),
        (
            {OTLP + "ENDPOINT": "http://c:4318", OTLP + "TRACES_ENDPOINT": "https://t/spans"},
            {"endpoint": "https://t/spans"},
        ),
        (
            {OTLP + "HEADERS": "a=1,b=2", OTLP + "TRACES_HEADERS": "b=x%20y"},
            {"fields": ((b"a", b"1"), (b"b", b"x y"))},
        ),
        ({OTLP + "COMPRESSION": "gzip"}, {"compress": True}),
        ({OTLP + "COMPRESSION": "gzip", OTLP + "TRACES_COMPRESSION": "none"}, {"compress": False}),
        ({OTLP + "TIMEOUT": "2500"}, {"timeout": 2.5}),
        ({"OTEL_EXPORTER_ZIPKIN_ENDPOINT": "http://z/api/v2/spans"}, {"zipkin": "http://z/api/v2/spans"}),
    ],
)
def test_variables(environ: dict[str, str], said: dict[str, Any]) -> None:
    """As their specification has them; those for traces before those for everything."""
    with capturedLogs() as logs:
        assert read(environ) == Environment(**said)
    assert not logs
    assert environ.keys() <= {*HONOURED}


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_TRACES_SAMPLER": "sometimes"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"},
        {OTLP + "ENDPOINT": "collector:4318"},
        {OTLP + "TIMEOUT": "soon"},
        {OTLP + "TIMEOUT": "0"},
        {OTLP + "HEADERS": "hush"},
        {"OTEL_EXPORTER_ZIPKIN_ENDPOINT": "nowhere"},
    ],
)
def test_what_makes_no_sense_is_said_and_not_used(environ: dict[str, str]) -> None:
    """Its name, and not its value: that may be a credential."""
    with capturedLogs() as logs:
        assert read(environ) == Environment()

    [event] = logs
    assert event["name"] in environ
    assert not set(environ.values()) & set(map(str, event.values()))


def test_a_pair_that_is_none_takes_nothing_from_the_others() -> None:
    """Which one it is is said by its place: its text may be a credential."""
    with capturedLogs() as logs:
        assert read({"OTEL_RESOURCE_ATTRIBUTES": "team=a,hush,region=b"}).attributes == (("team", "a"), ("region", "b"))

    assert [formatEvent(event) for event in logs] == [
        "Part 2 of the environment variable OTEL_RESOURCE_ATTRIBUTES is not used: KEY=VALUE was expected"
    ]


def test_who_makes_the_spans() -> None:
    """Attributes of the environment come before ours, but for the name, which was settled."""
    made = dict(resource("edge", "1.2.3", "an-id", [("host.name", "pod-7"), ("team", "a"), ("service.name", "x")]))

    assert (made["service.name"], made["service.version"], made["service.instance.id"]) == ("edge", "1.2.3", "an-id")
    assert (made["host.name"], made["team"], made["telemetry.sdk.language"]) == ("pod-7", "a", "python")
