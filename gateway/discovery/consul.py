"""Members in Consul: the instances of a service, by blocking queries of its health API.

# Note [The index]
A query with the index of the last answer is answered when there is a newer one, or after `WAIT`. An index that goes
backwards (a restored snapshot, a server that was set up anew) or is 0 means nothing any more: it is asked without one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from twisted.internet.task import deferLater

from gateway.dialling.fetching import Fetched
from gateway.discovery.asking import Asking, member_of, read
from gateway.discovery.backoff import LONGEST as LONGEST_PAUSE
from gateway.discovery.contract import Answer, SourceFault, Tell
from gateway.discovery.members import MOST, Member, Refused, collect, from_address

WAIT: Final = 30.0
"""Seconds that Consul may hold a query; it adds up to a sixteenth."""
PATIENCE: Final = WAIT + WAIT / 16 + 5.0
"""Seconds until an answer is given up."""
SPACING: Final = 0.1
"""Seconds between two queries: other services' changes wake them too."""
_PASSING: Final = "passing"


class ConsulSource:
    """Follows the instances of a service (`gateway.discovery.contract.Source`).

    Args:
        asking: Asks, with `PATIENCE`.
        url: Base URL of the HTTP API, without a slash at the end.
        service: Its name.
        tag: That instances must have; None for any.
        passing: Only instances whose checks all pass.
        token: Of an ACL; None for none.
        datacenter: None for that of the agent.
        scheme: Of the members.
        reactor: Keeps time.
    """

    longest_pause = LONGEST_PAUSE

    def __init__(
        self,
        asking: Asking,
        url: str,
        service: str,
        tag: str | None,
        passing: bool,
        token: str | None,
        datacenter: str | None,
        scheme: str,
        reactor: Any,
    ) -> None:
        said = {"passing": "1" if passing else None, "tag": tag, "dc": datacenter}
        asked = {key: value for key, value in said.items() if value is not None}
        self._asking = asking
        self._url = f"{url}/v1/health/service/{quote(service, safe='')}?{urlencode(asked)}"
        self._fields = [] if token is None else [(b"X-Consul-Token", token.encode())]
        self._read: Callable[[Any], Member | None] = lambda entry: _member(entry, scheme)
        self._reactor = reactor

    async def follow(self, tell: Tell) -> None:
        """Tell the instances, now and after each change; see `Source`."""
        index = 0
        while True:
            url = f"{self._url}&index={index}&wait={WAIT:.0f}s" if index else self._url
            answer = await self._asking.fetch(b"GET", url, self._fields)
            said = read(answer, self._url)
            if not isinstance(said, list) or len(said) > MOST:
                raise SourceFault(f"the answer is no list of at most {MOST} instances")
            tell(Answer(*collect(said, self._read)))
            newer = _index(answer)
            index = newer if newer >= index else 0
            await deferLater(self._reactor, SPACING)

    def close(self) -> None:
        """Let go of connections; see `Source`."""
        self._asking.close()


def _index(answer: Fetched) -> int:
    said = (answer.headers.get(b"x-consul-index") or b"").strip()
    if not said.isdigit() or len(said) > 20:
        raise SourceFault("the answer has no X-Consul-Index")
    return int(said)


def _member(entry: Any, scheme: str) -> Member:
    service = member_of(entry, "Service")
    host = member_of(service, "Address") or member_of(entry, "Node", "Address")
    port = member_of(service, "Port")
    if not isinstance(host, str) or not host:
        raise Refused("expected an instance with an address, found none")
    checks = member_of(entry, "Checks")
    passing = all(member_of(one, "Status") == _PASSING for one in checks) if isinstance(checks, list) else True
    weight = member_of(service, "Weights", "Passing" if passing else "Warning")
    return from_address(scheme, host, port or None, 1 if weight is None else weight)
