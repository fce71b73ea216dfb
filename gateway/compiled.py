"""Whether the hot path runs compiled, or as it is written.

Which modules are compiled, and how: `docs/compiled.md`.

Tests: `tests/test_compiled.py`.
"""

from __future__ import annotations

from gateway import headers

COMPILED = not headers.__file__.endswith(".py")

KIND = "compiled" if COMPILED else "interpreted"
"""For people: in the log of a start, and behind the version."""
