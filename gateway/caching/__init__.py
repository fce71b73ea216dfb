"""Answers that were kept, and when they may be given again (RFC 9111, as a shared cache).

Layer 2: decides only. Time is passed in, nothing waits. `store` is the contract of where answers are kept; `memory` is
one of its implementations, Redis another (`gateway.storage`). `gateway.middleware.cache` asks.
"""
