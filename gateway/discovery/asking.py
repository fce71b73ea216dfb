"""How a registry is asked over HTTP: a question that ends, and a watch that does not; JSON both.

Tests: `tests/discovery/test_lies.py`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from gateway.config.texts import without_credentials
from gateway.dialling.fetching import Fetched, Fetcher, FetchFailed
from gateway.dialling.streaming import Streamer
from gateway.discovery.contract import SourceFault

LARGEST: Final = 4 * 1024 * 1024
"""Octets of an answer, and of a line of a watch."""
TIMEOUT: Final = 5.0
"""Seconds for an answer that ends, and for the head of one that does not."""
WORDS: Final = 200
"""Characters that are shown of what a registry says of an error."""

Fields = Iterable[tuple[bytes, bytes]]


class WatchRefused(SourceFault):
    """The answer to a watch is an error.

    Attributes:
        status: Of the answer.
    """

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


class Asking:
    """Asks the servers of one registry.

    Args:
        fetcher: Makes requests that end.
        streamer: Opens those that do not.
    """

    def __init__(self, fetcher: Fetcher, streamer: Streamer) -> None:
        self._fetcher = fetcher
        self._streamer = streamer

    def close(self) -> None:
        """Close the connections that are kept for the next question."""
        self._fetcher.stopService()

    async def fetch(self, method: bytes, url: str, fields: Fields, body: Any = None) -> Fetched:
        """Ask; the answer may have any status.

        Raises:
            SourceFault: There is none.
        """
        try:
            return await self._fetcher.fetch(method, url.encode(), fields, _written(body))
        except FetchFailed as error:
            raise SourceFault(f"{_shown(url)}: {error}") from None

    async def ask(self, method: bytes, url: str, fields: Fields, body: Any = None) -> Any:
        """Ask, and read the JSON of the answer.

        Raises:
            SourceFault: There is no answer, it is an error, or no JSON object or list.
        """
        return read(await self.fetch(method, url, fields, body), url)

    async def watch(self, method: bytes, url: str, fields: Fields, body: Any = None) -> AsyncIterator[Any]:
        """Yield what a watch tells, until its server ends it; closing the generator closes the connection.

        Raises:
            SourceFault: It cannot be opened (where it is answered: `WatchRefused`), or broke.
        """
        try:
            stream = await self._streamer.open(method, url.encode(), fields, _written(body))
        except FetchFailed as error:
            raise SourceFault(f"{_shown(url)}: {error}") from None
        try:
            if stream.status != 200:
                raise WatchRefused(f"{_shown(url)}: the status is {stream.status}", stream.status)
            while True:
                line = await stream.line()
                if line is None:
                    return
                yield parsed(line, url)
        except FetchFailed as error:
            raise SourceFault(f"{_shown(url)}: {error}") from None
        finally:
            stream.close()


def read(answer: Fetched, url: str) -> Any:
    """Return the JSON of an answer.

    Raises:
        SourceFault: It is an error, or no JSON.
    """
    if answer.status != 200:
        said = without_credentials(answer.body[:WORDS].decode("utf-8", "replace").strip())
        raise SourceFault(f"{_shown(url)}: the status is {answer.status}: {json.dumps(said)}")
    return parsed(answer.body, url)


def parsed(text: bytes, url: str) -> Any:
    """Return what JSON says.

    Raises:
        SourceFault: It is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise SourceFault(f"{_shown(url)}: the answer is not JSON") from None


def member_of(value: Any, *keys: str) -> Any:
    """Return what lies below these keys, None where one is not there or what should have it is no mapping."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _written(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _shown(url: str) -> str:
    return without_credentials(url)
