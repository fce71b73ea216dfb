"""Methods of builders that are asked again and again for the same, and make it once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar, cast
from weakref import WeakMethod

P = ParamSpec("P")
T = TypeVar("T")


def memo(method: Callable[P, T]) -> Callable[P, T]:
    """Remember what a method returns, for as long as its object is there.

    Kept by the object itself, `functools.cache` of its method would keep the object alive, and with it all that was
    built for a configuration, until Python's collector comes by; see `gateway.composition.collecting`.
    """
    weak = WeakMethod(method)

    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        found = weak()
        assert found is not None  # who asks has the object
        return found(*args, **kwargs)

    return cast("Callable[P, T]", cache(ask))
