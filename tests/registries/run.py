"""The doubles and the name server in a process of their own: for tests that block, and for who tries a guide.

`python -m tests.registries.run` says `consul PORT` and `dns PORT`, and runs until it is ended.
"""

# mypy: allow-untyped-calls, disable-error-code="misc"

from __future__ import annotations

import sys

from twisted.internet import reactor
from twisted.names import dns

from tests.registries.consul_double import ConsulDouble
from tests.registries.name_server import NameServer


def main() -> None:
    """Serve."""
    consul = ConsulDouble(reactor)
    names = NameServer(reactor)
    names.zone.records[b"users.internal", dns.A] = [dns.Record_A("127.0.0.1", 0)]
    sys.stdout.write(f"consul {consul.served.number}\ndns {names.number}\n")
    sys.stdout.flush()
    reactor.run()


if __name__ == "__main__":
    main()
