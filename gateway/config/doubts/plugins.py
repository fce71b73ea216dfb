"""What is doubtful about plugins.

Tests: `tests/config/test_plugins.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config import plugin_classes
from gateway.config.doubts.common import Doubt
from gateway.config.schema import Settings


def plugins(settings: Settings) -> Iterator[Doubt]:
    """Doubt plugins that protect something and let requests pass without them, and those that no route names."""
    named = {name for route in settings.routes for name in route.plugins}
    for index, plugin in enumerate(settings.plugins):
        if plugin.name not in named:
            yield ("plugins", index, "name"), "no route names it (`plugins`): it is not made"
        if plugin.on_error == "continue" and plugin.file is None:
            try:
                found = plugin_classes.find(plugin.class_)
            except plugin_classes.NoSuchClass:
                continue  # loaded for its form only
            if plugin_classes.is_security(found):
                words = "the plugin protects something (`security = True`): when it fails, requests pass without it"
                yield ("plugins", index, "on_error"), words
    for index, route in enumerate(settings.routes):
        if len(set(route.plugins)) < len(route.plugins):
            yield ("routes", index, "plugins"), "a plugin that is named twice is asked twice"
