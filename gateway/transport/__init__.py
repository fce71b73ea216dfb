"""Sockets that write at once: what Twisted's transports promise, for less of the processor's time.

`direct` has the transports, `tls` the TLS layer over them, `port` the
listening sockets that make them and hold back when the gateway is full.
"""
