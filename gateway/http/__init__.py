"""The rules of HTTP that the gateway follows: headers, framing, paths, forwarding fields, problems.

Layer 1: pure functions on bytes, no I/O and no clock.
"""
