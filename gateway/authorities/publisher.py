"""Fetch an issuer's keys from a URL, or from where its metadata say (OpenID Connect Discovery).

Asked by `gateway.authorities.jwks`. Answers are read as strictly as tokens are;
redirects are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from hyperlink import URL

from gateway.dialling.fetching import Fetched, Fetcher, FetchFailed
from gateway.headers import Headers
from gateway.identity.compact import Unreadable, read_object

MOST = 256 * 1024
"""Most octets of a key set; the largest in use have some dozens of keys with certificates."""

_max_age = re.compile(r"(?:^|[,\s])max-age=\"?(\d{1,9})", re.IGNORECASE).search
_FIELDS = ((b"Accept", b"application/jwk-set+json, application/json"), (b"User-Agent", b"gateway"))


class Published(NamedTuple):
    """What an issuer published.

    Attributes:
        document: The JWK set.
        max_age: Seconds for which the set is good, as the issuer says; None where it does not.
    """

    document: dict[str, Any]
    max_age: int | None


class Publisher:
    """Fetches the keys of one issuer.

    Args:
        make_fetcher: Makes a fetcher for the server of a URL.
        url: URL of the keys; None where the issuer's metadata have it.
        issuer: The issuer, whose URL leads to its metadata.
    """

    def __init__(self, make_fetcher: Callable[[str], Fetcher], url: str | None, issuer: str | None = None) -> None:
        self._make_fetcher = make_fetcher
        self._fetchers: dict[tuple[str, str, int | None], Fetcher] = {}
        self._url = url
        self._issuer = issuer

    async def stop(self) -> None:
        """Close every connection."""
        fetchers, self._fetchers = self._fetchers, {}
        for fetcher in fetchers.values():
            await fetcher.stopService()

    async def ask(self) -> Published:
        """Return what the issuer publishes now.

        Raises:
            FetchFailed: There is no answer, or it is not a JSON object.
        """
        url = self._url or await self._discover()
        answer = await self._get(url)
        return Published(_object(answer), _seconds(answer.headers))

    async def _discover(self) -> str:
        issuer = self._issuer or ""
        metadata = _object(await self._get(issuer.rstrip("/") + "/.well-known/openid-configuration"))
        # OpenID Connect Discovery 1.0 section 4.3: without this check one issuer could name keys for another.
        if metadata.get("issuer") != issuer:
            raise FetchFailed("the metadata are those of another issuer")
        url = metadata.get("jwks_uri")
        secure = issuer.startswith("https://")
        if not isinstance(url, str) or not re.fullmatch(r"https?://[!-~]+", url):
            raise FetchFailed("the metadata name no jwks_uri")
        if secure and _parsed(url).scheme != "https":
            raise FetchFailed("the metadata lead from https to http")
        return url

    async def _get(self, url: str) -> Fetched:
        parsed = _parsed(url)
        written = url if url.isascii() else parsed.to_text()
        server = (parsed.scheme, parsed.host.lower(), parsed.port)
        fetcher = self._fetchers.get(server)
        if fetcher is None:
            fetcher = self._fetchers[server] = self._make_fetcher(written)
        answer = await fetcher.fetch(b"GET", written.encode("ascii"), _FIELDS)
        if answer.status != 200:
            raise FetchFailed(f"status {answer.status}")
        return answer


def _parsed(url: str) -> URL:
    """Parse the URL of an issuer, or one that an issuer names; a host that is not ASCII is encoded by IDNA.

    Raises:
        FetchFailed: It has no host, or has userinfo, or is no URL.
    """
    try:
        parsed = URL.from_text(url).to_uri()
    except ValueError:  # raised by hyperlink and idna, too
        raise FetchFailed("it has no URL that can be asked") from None
    if not parsed.host or parsed.userinfo:
        raise FetchFailed("it has no URL that can be asked")
    return parsed


def _object(answer: Fetched) -> dict[str, Any]:
    try:
        return read_object(answer.body)
    except Unreadable as error:
        raise FetchFailed(f"the answer is {error}") from None


def _seconds(headers: Headers) -> int | None:
    """Return the seconds for which an answer is fresh (RFC 9111 section 5.2.2)."""
    control = (headers.joined(b"cache-control") or b"").decode("latin-1").lower()
    if "no-store" in control or "no-cache" in control:
        return 0
    found = _max_age(control)
    return None if found is None else int(found[1])
