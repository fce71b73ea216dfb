"""Requests that an access log remembers: ours in every schema, Envoy's and nginx's; read line by line.

`log` opens a file and yields `Recorded` values; nothing here knows a gateway or a network.
"""
