"""What an engine tells of some octets, in plain values that can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from gateway.http2.engine import EngineOptions
from gateway.http2.events import Broken, Closed, Data, Event, Head, Reset, Trailers
from gateway.http2.ngh2_engine import Ngh2Engine
from tests.http2.wire import feed


def parts(octets: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Octets cut at some places."""
    places = sorted({cut % (len(octets) + 1) for cut in cuts} | {0, len(octets)})
    for start, stop in pairwise(places):
        yield octets[start:stop]


def told(chunks: Iterator[bytes] | list[bytes]) -> list[tuple[object, ...]]:
    """What an engine tells of them, and how it ends."""
    server = Ngh2Engine(False, EngineOptions())
    events: list[Event] = []
    for chunk in chunks:
        more, _ = feed(server, chunk)
        events += more
    # A request whose stream ended in error is told or not, by whether both came at once: leave all of it out.
    undone = {event.sid for event in events if isinstance(event, Reset) or (isinstance(event, Closed) and event.code)}
    # What is told of a stream comes in order; its content in as many pieces as there were feeds.
    facts: dict[int, list[tuple[object, ...]]] = {}
    for event in events:
        of_stream = facts.setdefault(event.sid, [])
        if event.sid in undone:
            continue
        if isinstance(event, Data) and of_stream and of_stream[-1][0] == "data":
            before = of_stream.pop()[2]
            assert isinstance(before, bytes)
            event = Data(event.sid, before + event.data, event.end)  # joined
        of_stream.append(facts_of(event))
    return [fact for sid in sorted(facts) for fact in facts[sid]]


def facts_of(event: Event) -> tuple[object, ...]:
    """What an event says."""
    if isinstance(event, Head):
        return ("head", event.sid, event.pseudo, event.block, event.end, event.too_large)
    if isinstance(event, Data):
        return ("data", event.sid, event.data, event.end)
    if isinstance(event, Trailers):
        return ("trailers", event.sid, event.block)
    if isinstance(event, Broken):
        return ("broken", event.code)
    return (type(event).__name__, event.sid)


def heads_of(octets: bytes) -> list[Head | Trailers]:
    """Return the heads and trailers that an engine tells of, as they came."""
    events, _ = feed(Ngh2Engine(False, EngineOptions()), octets)
    return [event for event in events if isinstance(event, Head | Trailers)]
