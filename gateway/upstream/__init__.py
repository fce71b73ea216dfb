"""The way to a backend: its name, the connection, TLS, the pool and the exchange over it.

`resolver` finds addresses, `dialer` connects, `tls` says whom to trust,
`failures` turns what goes wrong into a `GatewayError`.
"""
