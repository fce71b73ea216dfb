"""The classes of plugins: found by import path or entry point, imported anew where that is asked, and their models.

The code of a plugin runs in this process: whoever writes the configuration decides which. A name that cannot be
imported is looked for in the working directory, last, as `twistd` and `gateway` then find the same.
Whatever that code raises while it is looked at, `SystemExit` and `KeyboardInterrupt` too, refuses the configuration.

Tests: `tests/config/test_plugins.py`.
"""

from __future__ import annotations

import importlib
import sys
from copy import deepcopy
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import BaseModel, ValidationError

from gateway.config import foreign

GROUP = "gateway.plugins"
"""The group of entry points."""

HOOKS = ("on_request", "on_response", "on_finish", "start")
"""One of these a plugin must have."""

_Stamp = tuple[tuple[str, int, int], ...]

_read: dict[str, _Stamp] = {}
"""Packages that are imported anew when they change: what their files were when they were imported."""


class NoSuchClass(Exception):
    """There is no class by this name that could be a plugin; the text ends the sentence "found …"."""


class WrongConfig(Exception):
    """A plugin does not take its configuration."""


def find(written: str, fresh: bool = False) -> type:
    """Return the class that a configuration names.

    Args:
        written: `package.module.Class`, `package.module:Class`, or the name of an entry point.
        fresh: Import its package anew, where a file of it has changed since it was imported.

    Raises:
        NoSuchClass: It cannot be imported, or is no class that has a hook.
    """
    try:
        return _found(written, fresh)
    except NoSuchClass:
        raise
    except BaseException as error:  # its module, a metaclass
        raise NoSuchClass(foreign.words(error)) from error


def _found(written: str, fresh: bool) -> type:
    module, _, name = written.rpartition(":" if ":" in written else ".")
    if not module:
        module, name = _entry_point(written)
    found: Any = _imported(module, fresh)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise NoSuchClass(f"no `{name}` in the module {module}") from None
    if not isinstance(found, type):
        raise NoSuchClass(f"{_a(type(found).__name__)} in the module {module}")
    if not any(callable(getattr(found, hook, None)) for hook in HOOKS):
        raise NoSuchClass(f"the class {found.__name__}, which has none of {', '.join(HOOKS)}")
    # What is asked of it later, it may not have against being asked.
    is_security(found)
    model_of(found)
    return found


def is_security(plugin: type) -> bool:
    """Whether a plugin says that nothing may pass without it."""
    return getattr(plugin, "security", False) is True


def model_of(plugin: type) -> type[BaseModel] | None:
    """Return the model that checks the configuration of a plugin: its `Config`, or what its `__init__` asks for."""
    stated = getattr(plugin, "Config", None)
    if isinstance(stated, type) and issubclass(stated, BaseModel):
        return stated
    try:
        hints = get_type_hints(plugin.__init__)  # type: ignore[misc]  # it is only looked at
    except BaseException:  # noqa: BLE001 - a name in an annotation that cannot be found is no fault of the configuration
        return None
    hints.pop("return", None)
    first = next(iter(hints.values()), None)
    return first if isinstance(first, type) and issubclass(first, BaseModel) else None


def make(plugin: type, config: dict[str, Any]) -> Any:
    """Return a plugin, made with its configuration: a copy, since what it changes in there is in force elsewhere.

    Raises:
        WrongConfig: Its model does not take that; what was written is not in the words.
    """
    model = model_of(plugin)
    said: Any = deepcopy(config)
    if model is not None:
        try:
            said = model.model_validate(said)
        except ValidationError as error:
            found = "; ".join(str(one["msg"]) for one in error.errors(include_input=False))
            raise WrongConfig(foreign.masked(found, config)) from None
    # `object` takes no argument: a plugin without `__init__` has no configuration.
    return plugin() if plugin.__init__ is object.__init__ else plugin(said)  # type: ignore[misc]  # it is only looked at


def _entry_point(name: str) -> tuple[str, str]:
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        listed = ", ".join(f"`{one}`" for one in sorted(known)) or "none"
        raise NoSuchClass(f"no entry point of that name in the group {GROUP} ({listed})")
    point = known[name]
    return point.module, point.attr


def _imported(name: str, fresh: bool) -> ModuleType:
    top = name.partition(".")[0]
    before: dict[str, ModuleType] = {}
    if fresh and top != "gateway":
        before = {one: module for one, module in sys.modules.items() if one == top or one.startswith(f"{top}.")}
        if before and _read.get(top) == _stamp(before.values()):
            before = {}
        importlib.invalidate_caches()
        for one in before:
            del sys.modules[one]
    try:
        module = _import(name)
    except BaseException:
        sys.modules.update(before)
        raise
    if fresh:
        _read[top] = _stamp([module for one, module in sys.modules.items() if one == top or one.startswith(f"{top}.")])
    return module


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        here = str(Path.cwd())
        if error.name != name.partition(".")[0] or here in sys.path or "" in sys.path:
            raise
        sys.path.append(here)  # and it stays: the plugin may import more from there later
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            sys.path.remove(here)
            raise


def _stamp(modules: Any) -> _Stamp:
    """Return what tells whether files of modules have changed."""
    found = []
    for module in modules:
        file = getattr(module, "__file__", None)
        if file:
            try:
                seen = Path(file).stat()
            except OSError:
                continue
            found.append((file, seen.st_mtime_ns, seen.st_size))
    return tuple(sorted(found))


def _a(word: str) -> str:
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"
