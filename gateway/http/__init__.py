"""The rules of HTTP in any version: fields, paths, forwarding fields, dates.

Layer 1: pure functions on bytes, no I/O and no clock. The wire of HTTP/1.1 is in `gateway.http1`.
"""
