"""The pytest plugin for authors of plugins: the fixture `gateway_harness`.

Registered by the entry point `pytest11`, so whoever has the gateway installed has the fixture. It costs them the import
of this module, and adds no option, no hook and no warning; the gateway is loaded by the first test that asks for it.

Not in the package: pytest loads what is registered before it has settled where modules are found, and the package that
came with it then would stand in the place of the one that is to be tested (the compiled one, or that of a checkout).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gateway.testing.harness import Harness

MakeHarness = Callable[..., "Harness"]
"""Makes a gateway: see `gateway_harness`."""


@pytest.fixture
def gateway_harness() -> Iterator[MakeHarness]:
    """Make gateways in memory, on a virtual clock; after the test each is looked at for what was left behind.

    `gateway_harness(Stamp, {"value": "x"})` has one route, `/*`, with the plugin `Stamp` under the name `plugin`, in
    front of a backend `backend`. Keywords are sections of the configuration and replace those (`routes`, `upstreams`,
    `plugins`), or options of the plugin: `on_error`, `timeout`. Without a class it is all as the keywords say.
    """
    made: list[Harness] = []

    def make(
        plugin: type | str | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        backends: tuple[str, ...] = ("backend",),
        on_error: str | None = None,
        timeout: str | float = "1s",
        **settings: Any,
    ) -> Harness:
        from gateway.testing.harness import Harness

        if plugin is not None:
            one = {"name": "plugin", "class": _path(plugin), "config": dict(config or {}), "timeout": timeout}
            if on_error is not None:
                one["on_error"] = on_error
            settings.setdefault("plugins", [one])
            names = [each["name"] for each in settings["plugins"]]
            route = {"name": "all", "path": "/*", "upstream": backends[0], "plugins": names}
            settings.setdefault("routes", [route])
        made.append(Harness(*backends, **settings))
        return made[-1]

    yield make
    for harness in made:
        harness.hang_up()
        harness.advance(46)  # what waits for something has given up by then
        harness.check_quiet()


def _path(plugin: type | str) -> str:
    """Return what a configuration calls a class.

    Raises:
        ValueError: It is made inside a function, where nobody can import it from.
    """
    if isinstance(plugin, str):
        return plugin
    if "<locals>" in plugin.__qualname__:
        raise ValueError(f"{plugin.__qualname__} is made inside a function: a plugin is imported from a module")
    return f"{plugin.__module__}:{plugin.__qualname__}"
