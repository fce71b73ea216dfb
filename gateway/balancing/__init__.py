"""Which backend of an upstream gets an exchange: one file for each strategy, `build` to make one by its name.

Layer 2: decides only. Health and breakers speak through `may_try` of the backends.
"""

from gateway.balancing.registry import STRATEGIES, build

__all__ = ["STRATEGIES", "build"]
