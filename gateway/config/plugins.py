"""What plugins have to say about a configuration: whether each can be had, and whether it takes its own part.

Problems come with those of the schema, at their places: a plugin's pydantic model speaks of its own configuration as
the schema does of the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config import foreign, plugin_classes
from gateway.config.nodes import ListNode, MapNode, Node, ScalarNode, describe
from gateway.config.problems import Problem, problem, suggestion
from gateway.config.schema import Settings
from gateway.config.schema.plugins import Plugin
from gateway.config.validation import locate, spot

CLASS = "a class that can be a plugin"
TAKES = "what the plugin takes"

_PLAIN = ("int", "float", "bool", "literal", "enum", "time", "date", "decimal", "greater", "less", "finite", "multiple")
"""Beginnings of kinds of errors about what is no text: what was found instead is shown, since it is no secret."""

_FIXED = ("literal_error", "enum", "missing", "extra_forbidden")
"""Kinds of errors whose words do not depend on what was written: the words that are possible stay readable."""


def check(root: MapNode, settings: Settings) -> Iterator[Problem]:
    """Report every plugin that cannot be had, and everything that one does not take."""
    for index, plugin in enumerate(settings.plugins):
        if plugin.file is not None:
            yield from _module(root, index, plugin)
            continue
        try:
            found = plugin_classes.find(plugin.class_, plugin.reload)
        except plugin_classes.NoSuchClass as error:
            place, path = locate(root, ("plugins", index, "class"))
            yield problem(place, path, CLASS, str(error))
            continue
        model = plugin_classes.model_of(found)
        if model is None:
            continue
        try:
            found_wrong = _wrong(model, plugin.config)
        except BaseException as error:  # noqa: BLE001 - a validator of theirs
            place, path = locate(root, ("plugins", index, "config"))
            yield problem(place, path, TAKES, foreign.words(error, plugin.config))
            continue
        for details in found_wrong:
            yield _translated(details, root, index, list(model.model_fields))


def _wrong(model: type[BaseModel], config: dict[str, Any]) -> list[ErrorDetails]:
    """Return what a model has against a configuration, in words without what is secret in it."""
    try:
        model.model_validate(deepcopy(config))  # a validator may change what it looks at
    except ValidationError as error:
        found = error.errors(include_url=False)
        for details in found:
            if details["type"] not in _FIXED:
                details["msg"] = foreign.masked(details["msg"], config)
        return found
    return []


def _module(root: MapNode, index: int, plugin: Plugin) -> Iterator[Problem]:
    from gateway.config.packages import installed, missing

    place, path = locate(root, ("plugins", index, "class"))
    if not installed("wasmtime"):
        yield Problem(*place, path, missing("wasmtime", "WebAssembly"))


def _translated(details: ErrorDetails, root: MapNode, index: int, known: list[str]) -> Problem:
    kind = details["type"]
    node, place, path = spot(root, ("plugins", index, "config", *details["loc"]), kind)
    message = details["msg"]
    if kind == "missing":
        return problem(place, path, "a value: the key is required", "nothing")
    if kind == "extra_forbidden":
        near = suggestion(str(details["loc"][-1]), known) if len(details["loc"]) == 1 else ""
        return problem(place, path, "a known key", f"an unknown key{near}")
    words = message.removeprefix("Value error, ").removeprefix("Assertion failed, ").removeprefix("Input should be ")
    return problem(place, path, words, _found(node, kind))


def _found(node: Node, kind: str) -> str:
    """Say what was written; of texts only that there is one: tokens and passwords are texts."""
    if isinstance(node, ScalarNode) and isinstance(node.value, str) and not kind.startswith(_PLAIN):
        return "a text"
    if isinstance(node, (ScalarNode, MapNode, ListNode)):
        return describe(node)
    return "nothing"
