"""A backend: its connections, its pool and its standing.

How a connection is opened is in `gateway.dialling`, below this; which backend
an exchange goes to, and how often, is in `gateway.forwarding`, above it.
"""
