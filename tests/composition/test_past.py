"""What earlier versions say, packed and read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from gateway.composition.past import packed, unpacked
from gateway.composition.slices import SLICE, Slices, at_once
from gateway.config import Settings, from_mapping
from gateway.config.differences import same
from gateway.config.schema.routes import Route

MORE: list[dict[str, Any]] = [{}, {"timeout": "3s"}, {"retry": {}}, {"labels": {"a": "b"}}, {"compression": "off"}]
UPSTREAM = {"name": "u", "backends": [{"url": "http://127.0.0.1:9001"}]}
ROUTES = from_mapping(
    {
        "upstreams": [UPSTREAM],
        "routes": [{"name": f"r{one}", "path": f"/r{one}", "upstream": "u", **more} for one, more in enumerate(MORE)],
        "compression": {"min_size": 10},
    }
)
SOME = st.lists(st.sampled_from(range(len(MORE))), unique=True)


def with_routes(routes: Sequence[Route]) -> Settings:
    """Make settings with these."""
    return ROUTES.model_copy(update={"routes": tuple(routes)})


def there_and_back(settings: Settings, after: Settings, slices: Callable[[], Slices] = Slices) -> Any:
    """Pack and unpack; returns settings, and what was let go of."""

    async def both() -> Any:
        past, gone = await packed(settings, after, slices())
        return await unpacked(past, after, slices()), gone

    return both()


@given(
    st.lists(st.sampled_from(range(5)), unique=True), st.lists(st.sampled_from(range(5)), unique=True), st.booleans()
)
def test_all_is_there_again(before: list[int], now: list[int], again: bool) -> None:
    """Whatever was added, removed, moved, or read again; what both have is one object, and nothing else is held."""
    there = [ROUTES.routes[one] for one in now]
    here = [ROUTES.routes[one].model_copy() if again and one % 2 else ROUTES.routes[one] for one in before]
    settings, after = with_routes(here), with_routes(there)
    found, gone = at_once(there_and_back(settings, after))

    assert same(found, settings)
    shared = {id(one) for one in here} & {id(one) for one in there}
    assert {id(one) for one in found.routes} & {id(one) for one in there} == shared
    assert [id(one) for one in gone] == [id(one) for one in here if id(one) not in shared]


def test_it_goes_in_slices() -> None:
    """Thousands of routes are packed some at a time, and so read."""
    clock, made = Clock(), list[Slices]()

    def slices() -> Slices:
        made.append(Slices(clock))
        return made[-1]

    here = with_routes([ROUTES.routes[0].model_copy(update={"name": f"x{one}"}) for one in range(3000)])
    done: list[Any] = []
    ensureDeferred(there_and_back(here, ROUTES, slices)).addCallback(done.append)
    while clock.getDelayedCalls():
        clock.advance(0)

    ((found, gone),) = done
    assert (same(found, here), len(gone)) == (True, 3000)
    assert min(one.count for one in made) >= 5
    assert max(one.longest for one in made) < 1.5 * SLICE


def test_it_takes_little() -> None:
    """Of a list of which one thing is another, one thing is packed, and two ranges are kept."""
    many = [ROUTES.routes[0].model_copy(update={"name": f"x{one}"}) for one in range(1000)]
    before = with_routes([*many[:500], many[500].model_copy(), *many[501:]])
    past, _ = at_once(packed(before, with_routes(many), Slices()))

    first, one, last = past.lists["routes"]
    assert (first, last) == (range(500), range(501, 1000))
    assert isinstance(one, bytes)
    every, _ = at_once(packed(with_routes(many), ROUTES, Slices()))
    assert sum(map(len, every.lists["routes"])) < 100 * len(many)
