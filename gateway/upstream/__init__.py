"""A backend: its connections, its pool, its standing, and one attempt of an exchange on it.

How a connection is opened is in `gateway.dialling`, below this; which backend
an exchange goes to, and how often, is in `gateway.forwarding`, above it.
"""
