"""The keys of a configuration: names, kinds, defaults and meanings.

`settings` is the root; one module a section below it. The reference and the
JSON Schema are generated from the descriptions here.
"""

from __future__ import annotations

from gateway.config.schema.settings import Settings

__all__ = ["Settings"]
