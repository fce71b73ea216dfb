"""The gateway without sockets, threads and files, on a clock that is turned: for commands and tests.

`MemoryGateway` is the real site, chain, forwarder and pool over a `MemoryNetwork`. What only a test
needs (backends to command, clients that read answers) is in `gateway.testing`.
"""
