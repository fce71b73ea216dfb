"""What an operator wrote, read and checked: a file or directory into `Settings`.

`loading` has the steps in order, `schema` the keys, `packages` the keys
whose features need what may not be installed. Pure apart from reading the files.
"""

from __future__ import annotations

from gateway.config.loading import from_mapping, load, load_with_doubts
from gateway.config.problems import ConfigError, Problem
from gateway.config.schema import Settings

__all__ = ["ConfigError", "Problem", "Settings", "from_mapping", "load", "load_with_doubts"]
