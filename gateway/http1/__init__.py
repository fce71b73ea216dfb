"""The wire of HTTP/1.1 in both roles: octets in, messages out, and back. No I/O.

Requests from clients and responses from backends are held to the same rules of framing.
"""
