"""The gateway without sockets, threads and files, on a clock that is turned: for commands and tests.

`MemoryGateway` is the real site, chain, forwarder and pool over a `MemoryNetwork`; `FakeBackend` and `FakeClient` are
the ends of connections there, which do as they are told. What only a test needs is in `gateway.testing`.
"""
