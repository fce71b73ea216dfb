"""How much a caller may ask for: token buckets, sliding windows, and several limits at once.

Layer 2: decides only. Time is passed in, nothing waits. Redis decides by the
same rules (`gateway/storage/limits.lua`); `tests/contracts/test_limit_store.py`
holds both to them.
"""
