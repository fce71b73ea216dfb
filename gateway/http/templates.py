"""Texts with runtime names in them: `Bearer ${claim.sub}`, taken apart when the configuration is loaded.

Layer 1. What a name stands for is in `gateway.middleware.runtime_values`; which names there are, in
`gateway.config.substitution`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_TOKEN: Final = re.compile(r"(\$\$\{)|\$\{([^{}]*)\}")


def split(text: str) -> list[str]:
    """Return literals and names in turns: literals stand at even places. A `$${` is a literal `${`."""
    parts = [""]
    end = 0
    for found in _TOKEN.finditer(text):
        parts[-1] += text[end : found.start()]
        end = found.end()
        if found[1]:
            parts[-1] += "${"
        else:
            parts += [found[2], ""]
    parts[-1] += text[end:]
    return parts


def names(text: str) -> list[str]:
    """Return the names in a text."""
    return split(text)[1::2]


def literals(text: str) -> str:
    """Return a text without its names."""
    return "".join(split(text)[::2])


def without(text: str, left_out: Collection[str]) -> str:
    """Return a text without some names; what is literal stays so."""
    parts = split(text)
    made = [part.replace("${", "$${") for part in parts[::2]]
    named = ["" if name in left_out else f"${{{name}}}" for name in parts[1::2]]
    return "".join(piece for pair in zip(made, [*named, ""], strict=True) for piece in pair)
