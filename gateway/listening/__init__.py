"""The doors: ports, TLS, the HTTP/1.1 channel, and the room where errors become responses.

`endpoints` opens ports, `certificates` and `endpoint_parsers` are their TLS.
"""
