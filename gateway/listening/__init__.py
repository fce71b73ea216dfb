"""Ports and their TLS: what is opened, taken over and closed. Nothing of HTTP.

`endpoints` opens ports, `certificates` and `endpoint_parsers` are their TLS.
What happens on a connection is in `gateway.serving`.
"""
