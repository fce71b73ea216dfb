"""Members in Kubernetes: the ready endpoints of a service, by list and watch of its EndpointSlices.

# Note [From a list to a watch]
The slices are listed, and a watch begins at the resource version of the list. A watch ends after `WATCHED` seconds and
goes on at the last version that it told of (a bookmark tells one where nothing has changed). A version that is too old,
410 Gone, means a new list: as the status of an answer, or as an event of type ERROR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

from gateway.discovery.asking import Asking, Fields, WatchRefused, member_of
from gateway.discovery.backoff import LONGEST as LONGEST_PAUSE
from gateway.discovery.contract import Answer, SourceFault, Tell
from gateway.discovery.members import MOST, Member, Refused, collect, from_address

WATCHED: Final = 60
"""Seconds for which one watch is asked for: a server that hangs is found out by the next one."""
PAGE: Final = 500
"""Slices of one answer to a list."""
PAGES: Final = 20


class Gone(Exception):
    """The version that was asked for is too old."""


class KubernetesSource:
    """Follows the endpoints of a service (`gateway.discovery.contract.Source`).

    Args:
        asking: Asks.
        url: Of the API server, without a slash at the end.
        namespace: Where the service is.
        service: Its name.
        port: Number or name of one of its ports; None for its only one.
        token: Reads the token, which is renewed every hour; empty for none.
        scheme: Of the members.
        now: Monotonic seconds.
    """

    longest_pause = LONGEST_PAUSE

    def __init__(
        self,
        asking: Asking,
        url: str,
        namespace: str,
        service: str,
        port: int | str | None,
        token: Callable[[], bytes],
        scheme: str,
        now: Callable[[], float],
    ) -> None:
        self._asking = asking
        self._url = f"{url}/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        self._selector = {"labelSelector": f"kubernetes.io/service-name={service}"}
        self._port = port
        self._token = token
        self._scheme = scheme
        self._now = now

    async def follow(self, tell: Tell) -> None:
        """Tell the members, now and after each change; see `Source`."""
        slices, version = await self._list()
        tell(self._answer(slices))
        while True:
            began = self._now()
            try:
                version = await self._watch(slices, version, tell)
            except Gone:
                return
            if self._now() - began < 1.0:
                return  # it is ended again and again: the finder sees to the pause

    def close(self) -> None:
        """Let go of connections; see `Source`."""
        self._asking.close()

    def _fields(self) -> Fields:
        try:
            token = self._token()
        except OSError as error:
            raise SourceFault(f"the token cannot be read: {error.strerror}") from None
        fields = [(b"Accept", b"application/json")]
        return [*fields, (b"Authorization", b"Bearer " + token)] if token else fields

    async def _list(self) -> tuple[dict[str, Any], str]:
        slices: dict[str, Any] = {}
        more = ""
        for _ in range(PAGES):
            asked = self._selector | {"limit": str(PAGE)} | ({"continue": more} if more else {})
            answer = await self._asking.ask(b"GET", f"{self._url}?{urlencode(asked)}", self._fields())
            items = member_of(answer, "items")
            if items is not None and not isinstance(items, list):
                raise SourceFault("the answer has no list of slices")
            for one in items or ():
                slices[_name(one)] = one
            more = member_of(answer, "metadata", "continue") or ""
            if not isinstance(more, str) or not more:
                return slices, _version(answer)
        raise SourceFault(f"there are more than {PAGE * PAGES} slices")

    async def _watch(self, slices: dict[str, Any], version: str, tell: Tell) -> str:
        asked = self._selector | {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCHED),
        }
        watch = self._asking.watch(b"GET", f"{self._url}?{urlencode(asked)}", self._fields())
        try:
            async for event in watch:
                kind, about = member_of(event, "type"), member_of(event, "object")
                if kind == "ERROR":
                    if member_of(about, "code") == 410:
                        raise Gone
                    raise SourceFault("the watch tells of an error")
                version = _version(about)
                if kind in ("ADDED", "MODIFIED"):
                    slices[_name(about)] = about
                elif kind == "DELETED":
                    slices.pop(_name(about), None)
                elif kind != "BOOKMARK":
                    raise SourceFault("the watch tells of an event of no known type")
                if kind != "BOOKMARK":
                    if len(slices) > PAGE * PAGES:
                        raise SourceFault(f"there are more than {PAGE * PAGES} slices")
                    tell(self._answer(slices))
        except WatchRefused as refused:
            if refused.status == 410:
                raise Gone from None
            raise
        finally:
            await watch.aclose()  # type: ignore[attr-defined]
        return version

    def _answer(self, slices: dict[str, Any]) -> Answer:
        said = [said for name in sorted(slices) for said in self._said(slices[name])]
        return Answer(*collect(said[: MOST + 1], self._member))

    def _said(self, one: Any) -> Iterator[tuple[Any, Any]]:
        """Yield the addresses of a slice that are ready, each with its port."""
        ports, endpoints = member_of(one, "ports"), member_of(one, "endpoints")
        chosen = _port(ports if isinstance(ports, list) else [], self._port)
        for endpoint in endpoints if isinstance(endpoints, list) else []:
            if member_of(endpoint, "conditions", "ready") is False:
                continue
            addresses = member_of(endpoint, "addresses")
            for address in addresses[:1] if isinstance(addresses, list) else []:
                yield address, chosen  # further ones are the same endpoint's

    def _member(self, said: tuple[Any, Any]) -> Member:
        address, port = said
        if port is None:
            wanted = "one port" if self._port is None else f"a port {self._port}"
            raise Refused(f"expected {wanted} in the slice of the service, found none such")
        if not isinstance(address, str):
            raise Refused("expected an address in the slice, found none")
        return from_address(self._scheme, address, port)


def _port(ports: list[Any], wanted: int | str | None) -> int | None:
    """Choose among the ports of a slice; a name is that of the service's port, a number that of the endpoint's."""
    found = [
        member_of(one, "port")
        for one in ports
        if wanted is None or wanted in (member_of(one, "name"), member_of(one, "port"))
    ]
    return found[0] if len(found) == 1 and isinstance(found[0], int) else None


def _name(one: Any) -> str:
    name = member_of(one, "metadata", "name")
    if not isinstance(name, str):
        raise SourceFault("a slice has no name")
    return name


def _version(said: Any) -> str:
    version = member_of(said, "metadata", "resourceVersion")
    if not isinstance(version, str) or not version or len(version) > 100:
        raise SourceFault("the answer has no resource version")
    return version
