"""Our cache beside hishel's: two readings of RFC 9111, given the same requests, answers and times.

hishel's state machine (as a shared cache, without stale answers) and the whole gateway each stand in front of an origin
of their own; both origins say the same. After each request the clients must have got the same answer, by the same way:
given as it was kept, validated, or fetched. Where they differ on purpose, `DIFFERENCES` says why, and by which part of
a request or an answer it comes about; a test for each sees that the difference is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any, NamedTuple

import hishel
import pytest
from hishel._core import _spec
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import Headers
from gateway.memory.backend import Asked
from gateway.middleware.cache import CacheStep
from gateway.testing import Harness

OLD = "Sat, 01 Jan 2000 00:00:00 GMT"


class Thing(NamedTuple):
    """What the origin has, as it is for the whole of a run: one that says something else each time is not to be cached.

    Attributes:
        tag: Its answers have an ETag.
        dated: They have a Last-Modified.
        vary: Their field of that name.
    """

    tag: bool = True
    dated: bool = False
    vary: str = ""


class Said(NamedTuple):
    """What the origin says of an answer.

    Attributes:
        status: Of it.
        directives: Of Cache-Control; none for no field.
        fields: Others.
        expires: Seconds until it does; None for no field.
    """

    status: int = 200
    directives: tuple[str, ...] = ("max-age=10",)
    fields: tuple[tuple[str, str], ...] = ()
    expires: int | None = None


class Step(NamedTuple):
    """What happens.

    Attributes:
        wait: Seconds pass first: at least one, since hishel tells the newer of two answers by their Date.
        changed: What the origin has is another thing from now on.
        method: Of the request.
        fields: Likewise.
        said: What the origin says if it is asked.
    """

    wait: int = 1
    changed: bool = False
    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    said: Said = Said()


class Origin:
    """What both ask, one each.

    Args:
        thing: What it has.

    Attributes:
        asked: Statuses of its answers since somebody looked.
        version: Of what it has.
        said: What it says of it.
        now: Unix seconds.
    """

    def __init__(self, thing: Thing) -> None:
        self._thing = thing
        self.asked: list[int] = []
        self.version = 0
        self.said = Said()
        self.now = 0.0

    def answer(self, method: str, fields: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Return status, fields and content."""
        said, thing = self.said, self._thing
        for_whom = fields.get("accept", "") if "Accept" in thing.vary else ""
        tag = f'"{self.version}{for_whom}{said.status}"'
        head = {"Date": formatdate(self.now, usegmt=True), **dict(said.fields)}
        if said.directives:
            head["Cache-Control"] = ", ".join(said.directives)
        if said.expires is not None:
            head["Expires"] = formatdate(self.now + said.expires, usegmt=True)
        if thing.tag:
            head["ETag"] = tag
        if thing.dated and said.status == 200:
            head["Last-Modified"] = OLD
        if thing.vary:
            head["Vary"] = thing.vary
        conditions = fields.get("if-none-match"), fields.get("if-modified-since")
        same = conditions[0] == tag if conditions[0] else conditions[1] == OLD and not self.version
        status = 304 if said.status == 200 and method in ("GET", "HEAD") and same else said.status
        self.asked.append(status)
        content = b"" if status in (204, 304) else f"{method} {self.version} {for_whom}".encode()
        return status, head, content


class Theirs:
    """hishel, as it is driven by its own transports."""

    def __init__(self, thing: Thing) -> None:
        self.origin = Origin(thing)
        self.entries: list[hishel.Entry] = []

    def ask(self, method: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
        """Make a request."""
        request = hishel.Request(method, "http://gateway.test/a", hishel.Headers(dict(fields)))
        state: Any = hishel.IdleClient(options=hishel.CacheOptions(shared=True, allow_stale=False))
        content = b""
        while True:
            if isinstance(state, hishel.IdleClient):
                state = state.next(request, list(self.entries))
            elif isinstance(state, (hishel.CacheMiss, hishel.NeedRevalidation)):
                sent = {name.lower(): value for name, value in state.request.headers.items()}
                status, head, content = self.origin.answer(method, sent)
                state = state.next(hishel.Response(status, hishel.Headers(head), iter([content])))
            elif isinstance(state, hishel.StoreAndUse):
                kept = hishel.Response(state.response.status_code, state.response.headers, iter([content]))
                entry = hishel.Entry(uuid.uuid4(), request, kept)
                entry.response.content = content  # type: ignore[attr-defined]
                self.entries.append(entry)
                return kept.status_code, content
            elif isinstance(state, hishel.CouldNotBeStored):
                return state.response.status_code, content
            elif isinstance(state, hishel.FromCache):
                whole = next(one for one in self.entries if one.id == state.entry.id)
                return whole.response.status_code, whole.response.content  # type: ignore[attr-defined]
            elif isinstance(state, hishel.NeedToBeUpdated):
                for updated in state.updating_entries:
                    whole = next(one for one in self.entries if one.id == updated.id)
                    whole.response.headers = updated.response.headers
                state = state.next()
            else:
                assert isinstance(state, hishel.InvalidateEntries)
                self.entries = [one for one in self.entries if one.id not in state.entry_ids]
                state = state.next()


class Ours:
    """The gateway, with one route."""

    def __init__(self, thing: Thing) -> None:
        self.origin = Origin(thing)
        self.harness = Harness(
            "orders", routes=[{"name": "all", "path": "/*", "upstream": "orders", "cache": {"status": False}}]
        )
        self.harness.backend("orders").answer = self._answer
        leaf: Any = self.harness.gateway.root.tree.routes.match(b"gateway.test", b"/a", b"GET", Headers(), b"").value
        steps = [method.__self__ for method in leaf._chain._requests]
        self._parts: Any = next(step for step in steps if isinstance(step, CacheStep))._parts

    def forget(self) -> None:
        """Let an answer be kept behind one that was not: it would be streamed past the cache once more."""
        self._parts._passing.clear()

    def _answer(self, asked: Asked) -> bytes:
        fields = {lower.decode(): value.decode() for lower, _, value in asked.headers.fields}
        status, head, content = self.origin.answer(asked.method.decode(), fields)
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        length = "" if status in (204, 304) else f"Content-Length: {len(content)}\r\n"
        shown = b"" if asked.method == b"HEAD" else content
        return f"HTTP/1.1 {status} Said\r\n{lines}{length}\r\n".encode() + shown

    def ask(self, method: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
        """Make a request."""
        got = self.harness.request(method, "/a", dict(fields), b"" if method == "POST" else None)
        return got.status, got.body


class Outcome(NamedTuple):
    """What a client can tell, and the origin.

    Attributes:
        way: `kept`, `validated` or `fetched`.
        status: Of the answer.
        content: Likewise.
    """

    way: str
    status: int
    content: bytes


class Both:
    """The two caches, and one clock."""

    def __init__(self, thing: Thing) -> None:
        self.ours, self.theirs = Ours(thing), Theirs(thing)

    @property
    def now(self) -> float:
        """Unix seconds."""
        return float(self.ours.harness.gateway.foundation.wall_clock())

    def step(self, step: Step) -> tuple[Outcome, Outcome]:
        """Let something happen; returns what came of it."""
        self.ours.harness.advance(step.wait)
        self.ours.forget()
        outcomes = []
        for cache in (self.ours, self.theirs):
            origin = cache.origin
            origin.version += step.changed
            origin.said, origin.now = step.said, self.now
            origin.asked.clear()
            status, content = cache.ask(step.method, dict(step.fields))
            way = "kept" if not origin.asked else "validated" if origin.asked[-1] == 304 else "fetched"
            outcomes.append(Outcome(way, status, b"" if step.method == "HEAD" else content))
        return outcomes[0], outcomes[1]


@contextmanager
def both(thing: Thing) -> Iterator[Both]:
    """Make both, with hishel's clock on that of the gateway."""
    caches = Both(thing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_spec, "time", SimpleNamespace(time=lambda: caches.now))
        yield caches


def lasts(said: Said) -> int | None:
    """Return for how many seconds an answer is fresh, as it says; None where it says nothing."""
    told = dict(one.partition("=")[::2] for one in said.directives)
    for name in ("s-maxage", "max-age"):
        if name in told:
            return int(told[name])
    return None if said.expires is None else max(0, said.expires)


def for_all(said: Said) -> bool:
    """Whether an answer to a request with Authorization says that all may have it (section 3.5)."""
    return any(one.startswith(("public", "s-maxage", "must-revalidate")) for one in said.directives)


KEEPABLE = {200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410, 451}

DIFFERENCES: dict[str, Callable[[Step, Thing], bool]] = {
    # We guess nothing from Last-Modified, and keep nothing that says nothing: `ttl: 0s` (RFC 9111 section 4.2.2: may).
    "nothing of freshness": lambda step, _: lasts(step.said) is None and "no-cache" not in step.said.directives,
    # An error that one client's request has brought about would be given to all (cache-poisoned denial of service).
    "a status of one request": lambda step, _: step.said.status not in KEEPABLE,
    # Section 4.2.3: hishel goes by Date alone.
    "an age that it came with": lambda step, _: any(name == "Age" for name, _ in step.said.fields),
    # A session is nobody else's; section 7.3 leaves that to caches.
    "Set-Cookie": lambda step, _: any(name == "Set-Cookie" for name, _ in step.said.fields),
    # Section 4.3.5: a GET answers HEAD; hishel has an answer for each of them.
    "HEAD": lambda step, _: step.method == "HEAD",
    # `*` never matches (section 4.1); hishel keeps it, to be validated.
    "Vary: *": lambda _, thing: "*" in thing.vary,
    # hishel validates the newest answer, whichever Accept it is for, and gives that where only its date is compared.
    "answers for others": lambda _, thing: "Accept" in thing.vary,
    # What is private now was not for all before; hishel goes on with the answer that it has, also where a 304 says so.
    "not for all any more": lambda step, _: (
        not {"no-store", "private"}.isdisjoint(step.said.directives)
        or (("Authorization", "x") in step.fields and not for_all(step.said))
    ),
    # A newer answer takes the place of an older one; hishel has both, and gives the one that is fresh for longer.
    "a newer answer while one is fresh": lambda step, _: ("Cache-Control", "no-cache") in step.fields,
    # Section 5.2.1: of the directives of requests hishel knows no-cache.
    "a wish": lambda step, _: any(name == "Cache-Control" and value != "no-cache" for name, value in step.fields),
}
"""By which part of a step a difference comes about. In each case ours is the stricter reading, or the fuller one."""


def reasons(steps: Sequence[Step], thing: Thing) -> list[str]:
    """Return why the two may differ after these."""
    return [name for name, seen in DIFFERENCES.items() if any(seen(step, thing) for step in steps)]


THING = st.builds(
    Thing, tag=st.booleans(), dated=st.booleans(), vary=st.sampled_from(["", "", "Accept", "Accept, X-Other", "*"])
)
SAID = st.builds(
    Said,
    status=st.sampled_from([200] * 12 + [203, 204, 301, 302, 404, 410, 500, 503, 400, 405, 501]),
    directives=st.lists(
        st.sampled_from(
            ["max-age=0", "max-age=10", "max-age=100", "s-maxage=0", "s-maxage=10", "s-maxage=100", "public", "private",
             "no-store", "no-cache", "must-revalidate", "proxy-revalidate", "no-transform", "immutable", "x=y"]
        ),
        min_size=1, max_size=3, unique_by=lambda one: one.partition("=")[0],
    ).map(tuple),
    fields=st.sampled_from([()] * 10 + [(("Age", "5"),), (("Set-Cookie", "a=b"),)]),
    expires=st.sampled_from([None, None, -10, 0, 10, 100]),
)  # fmt: skip
STEP = st.builds(
    Step,
    wait=st.sampled_from([1, 1, 1, 9, 10, 11, 50, 99, 100]),
    changed=st.sampled_from([False, False, True]),
    method=st.sampled_from(["GET"] * 8 + ["POST", "HEAD"]),
    fields=st.sampled_from(
        [(), (), (("Accept", "a"),), (("Accept", "b"),), (("Authorization", "x"),), (("Cache-Control", "no-cache"),),
         (("Cache-Control", "max-age=5"),)]
    ),
    said=SAID,
)  # fmt: skip
PLAIN = Thing()


@given(thing=THING, steps=st.lists(STEP, min_size=2, max_size=8))
def test_both_read_the_rfc_alike(thing: Thing, steps: list[Step]) -> None:
    """Up to the first difference that is on purpose."""
    with both(thing) as caches:
        for number, step in enumerate(steps, 1):
            ours, theirs = caches.step(step)
            told = f"{ours} and {theirs} of {thing} after {steps[:number]}"
            for_whom = dict(step.fields).get("Accept", "") if "Accept" in thing.vary else ""
            assert not ours.content or ours.content.endswith(f" {for_whom}".encode()), told
            if ours != theirs:
                assert reasons(steps[:number], thing), told
                # We keep more than hishel where a GET answers HEAD, and where it has mixed up answers for others.
                more = step.method == "HEAD" or "Accept" in thing.vary
                assert ours.way != "kept" or theirs.way == "kept" or more, told
                return


@given(
    thing=THING.filter(lambda thing: not reasons([Step()], thing)),
    steps=st.lists(STEP.filter(lambda step: not reasons([step], PLAIN)), min_size=2, max_size=8),
)
def test_without_a_reason_there_is_no_difference(thing: Thing, steps: list[Step]) -> None:
    """The same, with what the list above knows left out: the runs go on for longer."""
    with both(thing) as caches:
        for number, step in enumerate(steps, 1):
            ours, theirs = caches.step(step)
            assert ours == theirs, f"{ours} and {theirs} of {thing} after {steps[:number]}"


SHOWN: dict[str, tuple[Thing, list[Step]]] = {
    "nothing of freshness": (PLAIN, [Step(said=Said(directives=()))] * 2),
    "a status of one request": (PLAIN, [Step(said=Said(status=414))] * 2),
    "an age that it came with": (PLAIN, [Step(said=Said(fields=(("Age", "10"),)))] * 2),
    "Set-Cookie": (PLAIN, [Step(said=Said(fields=(("Set-Cookie", "a=b"),)))] * 2),
    "HEAD": (PLAIN, [Step(), Step(method="HEAD")]),
    "Vary: *": (Thing(vary="*"), [Step()] * 2),
    "answers for others": (
        Thing(tag=False, dated=True, vary="Accept"),
        [Step(fields=(("Accept", "a"),)), Step(fields=(("Accept", "b"),))],
    ),
    "not for all any more": (PLAIN, [Step(), Step(20, said=Said(directives=("private", "max-age=10"))), Step()]),
    "a newer answer while one is fresh": (
        Thing(tag=False),
        [
            Step(said=Said(directives=("max-age=100",))),
            Step(fields=(("Cache-Control", "no-cache"),), said=Said(directives=("max-age=0",))),
            Step(),
        ],
    ),
    "a wish": (PLAIN, [Step(), Step(5, fields=(("Cache-Control", "max-age=1"),))]),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_each_difference_is_there(name: str) -> None:
    """One that is gone, by a new version of hishel or by us, is to go from the list."""
    thing, steps = SHOWN[name]
    assert reasons(steps, thing) == [name]
    with both(thing) as caches:
        ours, theirs = [caches.step(step) for step in steps][-1]

    assert ours != theirs
