"""Records of the logs are sent to what takes them, whatever becomes of it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from twisted.logger import Logger, capturedLogs, formatEvent

from gateway.composition.builders import log_shipping
from gateway.memory.backend import Asked, FakeBackend, ok
from gateway.telemetry.shipped_lines import TICK
from gateway.testing import Harness
from tests.log_receivers import OTLP, Elasticsearch, Lines, Loki, Receiver

PORT = 3100


class World:
    """A gateway that sends its records to a receiver."""

    def __init__(self, receiver: Receiver, form: str, access_log: Any = None, **said: Any) -> None:
        self.receiver = receiver
        self.said: dict[str, Any] = {"url": f"http://127.0.0.1:{PORT}{receiver.path}", "format": form, **said}
        more = {} if access_log is None else {"access_log": access_log}
        self.gateway = Harness("orders", log_shipping=self.said, **more)
        self.backend = FakeBackend(self.gateway.network, "127.0.0.1", PORT)
        self.backend.answer = self.answer
        self.faults: list[str] = []

    def answer(self, asked: Asked) -> bytes | None:
        """Let the receiver answer; what it complains about is a failure of the test."""
        fields = {name.decode().lower(): value.decode() for name, value in asked.headers}
        try:
            status, body = self.receiver(asked.method.decode(), asked.target.decode(), fields, asked.body)
        except (AssertionError, ValueError, KeyError) as error:
            self.faults.append(str(error))
            status, body = 400, b""
        return ok(body, status=b"%d X" % status)

    def ask(self, count: int = 1, path: str = "/orders/{}") -> list[str]:
        """Make requests; returns their paths, in order."""
        before = len(self.gateway.log.lines)
        paths = [path.format(before + number) for number in range(count)]
        for each in paths:
            self.gateway.get(each)
        return paths

    def wait(self, seconds: float = 2.0) -> None:
        """Let time pass."""
        self.gateway.advance(seconds)
        assert not self.faults

    def stop(self) -> None:
        """Stop the gateway's services, and wait for that."""
        done: list[Any] = []
        self.gateway.gateway.foundation.carried.stopService().addBoth(done.append)
        self.gateway.network.pump()
        for _ in range(100):
            if done:
                break
            self.gateway.advance(0.1)
        assert done

    def dropped(self) -> float:
        """How many records the metric says are lost."""
        counts = self.gateway.gateway.foundation.metrics.counter(log_shipping.DROPPED)
        return sum(counts.cells.values())


def test_lines_of_json() -> None:
    """Every record once, in order, as it stands in the file."""
    at = World(Lines(), "ndjson", headers={"Authorization": "Bearer s3cret"})
    ids = at.ask(3)
    at.wait()

    assert [record["path"] for record in at.receiver.taken[""]] == ids
    assert at.receiver.taken[""] == [json.loads(line) for line in at.gateway.log.lines]
    assert at.receiver.fields[0]["authorization"] == "Bearer s3cret"
    assert at.dropped() == 0


def test_loki() -> None:
    """One stream, with the labels of the configuration and the time of each record."""
    at = World(Loki(), "loki", labels={"job": "edge", "env": "test"}, compression="gzip")
    at.ask(3)
    at.wait()

    (taken,) = at.receiver.taken.items()
    assert taken[0] == "env=test,job=edge,log=access"
    assert [line.encode() + b"\n" for _, line in taken[1]] == at.gateway.log.lines
    for nanoseconds, line in taken[1]:
        assert json.loads(line)["timestamp"].endswith(f"{int(nanoseconds) // 1_000_000 % 1000:03d}Z")


@pytest.mark.parametrize("schema", ["ecs", {"when": "timestamp", "p": "path"}, {"p": "path"}])
def test_loki_finds_the_time_under_another_name(schema: Any) -> None:
    """Where a record has none, it is the time at which it was collected."""
    at = World(Loki(), "loki", {"schema": schema})
    began = at.gateway.gateway.foundation.wall_clock()
    at.ask(1)
    at.wait()

    ((_, ((nanoseconds, _),)),) = at.receiver.taken.items()
    assert 0 <= int(nanoseconds) / 1e9 - began <= (TICK + 0.05 if schema == {"p": "path"} else 0.01)


def test_loki_takes_lines_of_text() -> None:
    """As nginx has them."""
    at = World(Loki(), "loki", {"format": "combined"})
    at.ask(1)
    at.wait()

    ((_, ((_, line),)),) = at.receiver.taken.items()
    assert '"GET /orders/0 HTTP/1.1" 200' in line


def test_elasticsearch() -> None:
    """Documents of the index, of the schema that it knows."""
    at = World(Elasticsearch(), "elasticsearch", {"schema": "ecs"}, index="logs-gateway-default")
    ids = at.ask(2)
    at.wait()

    assert [record["url.path"] for record in at.receiver.taken["logs-gateway-default"]] == ids


def test_what_elasticsearch_refuses_for_now_comes_again_and_the_rest_does_not() -> None:
    """429 of a record is sent again, alone; 400 is lost and counted."""
    states = {"/orders/0": [201], "/orders/1": [429, 503, 201], "/orders/2": [400]}
    at = World(Elasticsearch(lambda record: states[record["path"]].pop(0)), "elasticsearch")
    at.ask(3)
    at.wait(10)

    assert [record["path"] for record in at.receiver.taken["gateway-access"]] == ["/orders/0", "/orders/1"]
    assert states == {"/orders/0": [], "/orders/1": [], "/orders/2": []}
    assert at.dropped() == 1


def test_otlp() -> None:
    """Severity and trace id stand beside the record."""
    at = World(OTLP(), "otlp")
    at.ask(1)
    at.ask(1, "/nothing")
    at.wait()

    records = at.receiver.taken["gateway.access"]
    assert [record["severityText"] for record in records] == ["info", "warn"]
    assert [record["traceId"] for record in records] == [json.loads(line)["trace_id"] for line in at.gateway.log.lines]


def test_records_that_tell_of_an_event_have_its_name_beside_them() -> None:
    """In the application log; a request that says that it is one does not become one."""
    at = World(OTLP(), "otlp", what=["access", "application"])
    Logger("gateway.test").warn("The moon is gone", event="moon.gone")
    Logger("gateway.test").warn("The moon is odd")
    at.ask(1, '/orders/"event":"moon.gone"')
    at.wait()
    at.stop()

    said = at.receiver.taken["gateway.application"]
    assert [each.get("eventName") for each in said if "moon" in each["body"]["stringValue"]] == ["moon.gone", None]
    assert "eventName" not in at.receiver.taken["gateway.access"][0]


def test_log_records_are_of_the_resource_that_spans_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service that the environment names, its attributes, and one id for the process."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=edge,deployment.environment.name=test")
    receiver = OTLP()
    at = World(receiver, "otlp")
    at.gateway.apply(tracing={"exporter": "otlp", "endpoint": f"http://127.0.0.1:{PORT}"}, log_shipping=at.said)
    spans: list[bytes] = []

    def answer(asked: Asked) -> bytes | None:
        if asked.target != b"/v1/traces":
            return at.answer(asked)
        spans.append(asked.body)
        return ok()

    at.backend.answer = answer
    at.ask(1)
    at.wait()
    at.stop()

    said = receiver.resources[-1]
    assert (said["service.name"], said["deployment.environment.name"]) == ("edge", "test")
    assert said["service.instance.id"].encode() in gzip.decompress(spans[0])


def test_the_application_log_is_a_stream_of_its_own() -> None:
    """With `what`; what shipping says of itself is not in it."""
    at = World(Loki(), "loki", what=["access", "application"])
    at.receiver.answers = [(503, b"busy")]
    Logger("gateway.test").warn("The {thing} is odd", thing="moon")
    Logger("gateway.test").debug("not at this level")
    at.ask(1)
    at.wait(5)
    at.stop()
    Logger("gateway.test").warn("nobody listens any more")

    said = [json.loads(line) for _, line in at.receiver.taken["job=gateway,log=application"]]
    assert [(each["message"], each["level"]) for each in said] == [("The moon is odd", "warn")]
    assert len(at.receiver.taken["job=gateway,log=access"]) == 1


def test_without_the_access_log_among_what_is_sent() -> None:
    """The file is written as before."""
    at = World(Lines(), "ndjson", what="application")
    at.ask(1)
    at.wait()
    at.stop()

    assert at.receiver.taken == {}
    assert len(at.gateway.log.lines) == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_receiver_that_fails_for_a_while(status: int) -> None:
    """Nothing is lost, and everything comes in order."""
    at = World(Lines(), "ndjson", batch=2)
    at.receiver.answers = [(status, b"")] * 3
    ids = at.ask(5)
    at.wait(20)

    assert [record["path"] for record in at.receiver.taken[""]] == ids
    assert at.dropped() == 0


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_a_receiver_that_refuses_a_batch(status: int) -> None:
    """It is lost and counted; the next one is sent."""
    at = World(Lines(), "ndjson", batch=2)
    at.receiver.answers = [(status, b"no")]
    ids = at.ask(3)
    at.wait(20)

    assert [record["path"] for record in at.receiver.taken[""]] == ids[2:]
    assert at.dropped() == 2


def test_a_receiver_that_is_down() -> None:
    """Requests do not notice; records wait, as long as there is room."""
    at = World(Lines(), "ndjson")
    at.backend.refuse_connections()
    ids = at.ask(3)
    at.wait(10)
    at.backend.accept_connections()
    at.wait(60)

    assert [record["path"] for record in at.receiver.taken[""]] == ids


def test_a_receiver_that_says_nothing() -> None:
    """It is asked again after the time that an answer may take."""
    at = World(Lines(), "ndjson")
    at.backend.stall()
    ids = at.ask(2)
    at.wait(10)
    at.backend.answer = at.answer
    at.wait(log_shipping.TIMEOUT + 60)

    assert [record["path"] for record in at.receiver.taken[""]] == ids


@pytest.mark.parametrize(("drop", "stays"), [("newest", "first"), ("oldest", "last")])
def test_what_is_dropped_when_there_is_no_room(drop: str, stays: str) -> None:
    """The newest, or the oldest that are not under way; counted (C-27)."""
    at = World(Lines(), "ndjson", queue="64KiB", drop=drop, batch=10)
    at.backend.refuse_connections()
    ids = at.ask(300)
    at.wait(2)
    lost = at.dropped()
    at.backend.accept_connections()
    at.wait(60)

    came = [record["path"] for record in at.receiver.taken[""]]
    assert 0 < lost == 300 - len(came)
    if stays == "first":
        assert came == ids[: len(came)]
    else:
        assert came[-1] == ids[-1]
        assert came == sorted(came, key=ids.index)


def test_nothing_is_lost_at_the_end() -> None:
    """What was collected a moment before is sent before the gateway ends."""
    at = World(Lines(), "ndjson", interval="1h")
    ids = at.ask(5)
    at.stop()

    assert [record["path"] for record in at.receiver.taken[""]] == ids
    assert at.dropped() == 0


def test_a_receiver_that_is_down_does_not_keep_the_gateway_from_ending() -> None:
    """After some seconds what is left is lost, and counted."""
    at = World(Lines(), "ndjson")
    at.backend.refuse_connections()
    at.ask(5)
    at.stop()

    assert at.dropped() == 5


def test_a_reload_to_another_receiver() -> None:
    """Each record is sent once, to the one before or to the one after."""
    at = World(Lines(), "ndjson", interval="1h")
    first = at.ask(2)
    at.wait(0.5)  # handed over
    other = World.__new__(World)
    other.receiver, other.faults, other.gateway = Lines(), [], at.gateway
    backend = FakeBackend(at.gateway.network, "127.0.0.1", PORT + 1)
    backend.answer = other.answer
    between = at.ask(1)
    at.gateway.apply(log_shipping={"url": f"http://127.0.0.1:{PORT + 1}/logs"})
    last = at.ask(2)
    at.wait(3)

    assert not other.faults
    assert [record["path"] for record in at.receiver.taken[""]] == first
    assert [record["path"] for record in other.receiver.taken[""]] == between + last


def test_a_reload_without_it() -> None:
    """What was collected is sent; then nothing more is, and nothing is counted as queued."""
    at = World(Lines(), "ndjson", interval="1h")
    ids = at.ask(2)
    at.gateway.apply(log_shipping=None)
    at.ask(1)
    at.wait(3)

    assert [record["path"] for record in at.receiver.taken[""]] == ids
    assert b"gateway_log_queue_bytes{" not in at.gateway.gateway.foundation.metrics.exposition(b"", 1.0)[1]


def test_a_reload_that_changes_nothing_of_it() -> None:
    """The queue is kept."""
    at = World(Lines(), "ndjson", interval="1h")
    at.ask(2)
    at.wait(0.5)
    at.gateway.apply(log={"level": "warn"})
    assert at.receiver.taken == {}
    at.stop()

    assert len(at.receiver.taken[""]) == 2


def test_credentials_in_the_url_are_not_said() -> None:
    """Whoever reads the application log, or looks at the live page, does not get them."""
    at = World(Lines(), "ndjson", url="http://127.0.0.1:9/logs?token=s3cret")
    at.ask()
    with capturedLogs() as logs:
        at.wait()

    [failed] = [one for one in logs if one.get("event") == "shipping.failed"]
    assert failed["where"] == "http://127.0.0.1:9/logs?**********"
    assert not any("s3cret" in formatEvent(one) for one in logs)
