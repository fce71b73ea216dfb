"""Members in etcd v3, by its JSON gateway: each key below a prefix is one.

# Note [From a list to a watch]
All keys are listed at one revision; the watch begins at the next, so that nothing is missed between the two. etcd
forgets old revisions (compaction): a watch that it cancels for that, or for any other reason, begins again with a list.
A watch says nothing while nothing changes, so the server is asked a small question every `ALIVE` seconds: one that
hangs would look like one without news.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredList, ensureDeferred
from twisted.internet.task import deferLater

from gateway.discovery.asking import Asking, member_of
from gateway.discovery.backoff import LONGEST as LONGEST_PAUSE
from gateway.discovery.contract import Answer, SourceFault, Tell
from gateway.discovery.members import MOST, collect, from_text

ALIVE: Final = 10.0
"""Seconds between two questions whether the server still answers."""

JSON: Final = [(b"Content-Type", b"application/json")]


class EtcdKeys:
    """The keys below a prefix, followed; members are made of them by `EtcdSource`, a configuration elsewhere.

    Args:
        asking: Asks.
        endpoints: Base URLs of the cluster's members, without a slash at the end.
        prefix: Of the keys.
        credentials: User and password; None without authentication.
        reactor: Keeps time.
        alive: As `ALIVE`.
    """

    def __init__(
        self,
        asking: Asking,
        endpoints: Sequence[str],
        prefix: str,
        credentials: tuple[str, str] | None,
        reactor: Any,
        alive: float = ALIVE,
    ) -> None:
        self._asking = asking
        self._endpoints = list(endpoints)
        self._range = question_of(prefix)
        self._credentials = credentials
        self._reactor = reactor
        self._alive = alive

    async def follow(self, tell: Any) -> None:
        """Call `tell` with all keys and values, now and after each change; see `gateway.discovery.contract.Source`."""
        try:
            await self._follow(self._endpoints[0], tell)
        except SourceFault:
            # The next one is asked after the pause.
            self._endpoints.append(self._endpoints.pop(0))
            raise

    def close(self) -> None:
        """Let go of the connections that are kept for the next question."""
        self._asking.close()

    async def _follow(self, endpoint: str, tell: Any) -> None:
        fields = [*JSON]
        if self._credentials is not None:
            said = dict(zip(("name", "password"), self._credentials, strict=True))
            token = member_of(await self._asking.ask(b"POST", f"{endpoint}/v3/auth/authenticate", JSON, said), "token")
            if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                raise SourceFault(f"{endpoint}: it gives no token")
            fields.append((b"Authorization", token.encode()))
        found, revision = await self._list(endpoint, fields)
        tell(found)
        watching = ensureDeferred(self._watch(endpoint, fields, found, revision + 1, tell))
        asking = ensureDeferred(self._ask_again(endpoint, fields))
        await first_of(watching, asking)

    async def _list(self, endpoint: str, fields: list[tuple[bytes, bytes]]) -> tuple[dict[bytes, bytes], int]:
        question = self._range | {"limit": MOST + 1}
        answer = await self._asking.ask(b"POST", f"{endpoint}/v3/kv/range", fields, question)
        if not isinstance(answer, dict):
            raise SourceFault(f"{endpoint}: the answer is no mapping")
        keys = answer.get("kvs", [])
        if not isinstance(keys, list) or len(keys) > MOST:
            raise SourceFault(f"{endpoint}: there are more than {MOST} keys, or no list of them")
        found = {}
        for one in keys:
            key, value = pair(one, endpoint)
            found[key] = value
        return found, _number(member_of(answer, "header", "revision"), endpoint)

    async def _watch(
        self, endpoint: str, fields: list[tuple[bytes, bytes]], found: dict[bytes, bytes], begin: int, tell: Any
    ) -> None:
        question = {"create_request": self._range | {"start_revision": begin}}
        watch = self._asking.watch(b"POST", f"{endpoint}/v3/watch", fields, question)
        try:
            async for message in watch:
                if member_of(message, "error") is not None:
                    raise SourceFault(f"{endpoint}: the watch is refused")
                result = member_of(message, "result")
                if member_of(result, "canceled"):
                    return  # compacted, or its server leaves: see Note [From a list to a watch]
                events = member_of(result, "events")
                if isinstance(events, list) and events:
                    for event in events:
                        key, value = pair(member_of(event, "kv"), endpoint)
                        if member_of(event, "type") == "DELETE":
                            found.pop(key, None)
                        else:
                            found[key] = value
                    if len(found) > MOST:
                        raise SourceFault(f"{endpoint}: there are more than {MOST} keys")
                    tell(found)
        finally:
            await watch.aclose()  # type: ignore[attr-defined]

    async def _ask_again(self, endpoint: str, fields: list[tuple[bytes, bytes]]) -> None:
        while True:
            await deferLater(self._reactor, self._alive)
            question = self._range | {"count_only": True}
            await self._asking.ask(b"POST", f"{endpoint}/v3/kv/range", fields, question)


class EtcdSource:
    """Members among the keys of etcd (`gateway.discovery.contract.Source`).

    Args:
        keys: Followed.
    """

    longest_pause = LONGEST_PAUSE

    def __init__(self, keys: EtcdKeys) -> None:
        self._keys = keys

    async def follow(self, tell: Tell) -> None:
        """Tell the members, now and after each change; see `Source`."""

        def read(found: dict[bytes, bytes]) -> None:
            tell(Answer(*collect([found[key] for key in sorted(found)], from_text)))

        await self._keys.follow(read)

    def close(self) -> None:
        """Let go of connections; see `Source`."""
        self._keys.close()


async def first_of(*running: Deferred[None]) -> None:
    """Wait for the first of several to end, cancel the others, and end as it has."""
    try:
        await DeferredList(running, fireOnOneCallback=True, fireOnOneErrback=True, consumeErrors=True)
    except Exception as error:
        first = getattr(error, "subFailure", None)
        if first is None:
            raise
        first.raiseException()
    finally:
        for one in running:
            one.addErrback(lambda failure: failure.trap(CancelledError) and None)
            one.cancel()


def end_of(prefix: bytes) -> bytes:
    r"""Return the first key after all that begin with a prefix; `\0`, which is every key, where there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b"\0"


def question_of(prefix: str) -> dict[str, Any]:
    """Return what asks for all keys that begin with a prefix."""
    octets = prefix.encode()
    return {"key": _b64(octets), "range_end": _b64(end_of(octets))}


def _b64(octets: bytes) -> str:
    return b64encode(octets).decode()


def pair(said: Any, endpoint: str) -> tuple[bytes, bytes]:
    """Return a key and its value.

    Raises:
        SourceFault: There is none.
    """
    key, value = member_of(said, "key"), member_of(said, "value")
    try:
        if not isinstance(key, str) or not isinstance(value, str | None):
            raise ValueError
        return b64decode(key, validate=True), b64decode(value or "", validate=True)
    except ValueError:
        raise SourceFault(f"{endpoint}: a key or value is not base64") from None


def _number(said: Any, endpoint: str) -> int:
    text = said if isinstance(said, str | int) and not isinstance(said, bool) else ""
    if not str(text).isdecimal() or len(str(text)) > 19:
        raise SourceFault(f"{endpoint}: the revision is no number")
    return int(text)
