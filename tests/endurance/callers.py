"""Clients of the soak: they call at times that do not depend on the answers, and count what was not as it should be."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp
import httpx

from tests.system.chaos_backend import BODY

PATIENCE = 15.0
"""Seconds until an answer is given up."""


class Callers:
    """All clients of one gateway.

    Args:
        port: Of the gateway.
        rate: Requests a second by each version of HTTP.
        sockets: WebSockets that are open all the time.
        random: For what is left to chance.

    Attributes:
        done: How often each thing went well.
        errors: What went wrong, how often.
        times: Seconds that requests took since somebody looked last, from when they were due.
    """

    def __init__(self, port: int, rate: float, sockets: int, random: random.Random) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._port = port
        self._rate = rate
        self._sockets = sockets
        self._random = random
        self._tasks: set[asyncio.Task[None]] = set()
        self.done: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.times: list[float] = []

    async def run(self, seconds: float) -> None:
        """Call for so long."""
        end = time.monotonic() + seconds
        limits = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(timeout=limits, connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(
                self._at_rate("HTTP/1.1", end, self._rate, lambda: self._http1(session)),
                self._http2(end),
                self._at_rate("limited", end, self._rate / 10, lambda: self._limited(session)),
                self._at_rate("gone away", end, self._rate / 10, self._gone),
                *(self._socket(session, end) for _ in range(self._sockets)),
            )
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _at_rate(self, name: str, end: float, rate: float, call: Callable[[], Awaitable[None]]) -> None:
        """Begin calls at fixed times, however long each takes: what queues is seen as latency."""
        due = time.monotonic()
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.ensure_future(self._timed(name, call, due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            due += 1 / rate

    async def _timed(self, name: str, call: Callable[[], Awaitable[None]], due: float) -> None:
        try:
            await call()
        except (aiohttp.ClientError, httpx.HTTPError, OSError, TimeoutError) as error:
            self.errors[f"{name}: {type(error).__name__}"] += 1
        else:
            self.times.append(time.monotonic() - due)

    def _judge(self, name: str, status: int, content: bytes, wanted: bytes, reason: str | None) -> None:
        if status == 200 and content == wanted:
            self.done[name] += 1
        else:
            self.errors[f"{name}: {status} {reason or ''}"] += 1

    async def _http1(self, session: aiohttp.ClientSession) -> None:
        """Ask the backends that fail; each tenth request uploads something to one that does not."""
        if self._random.random() < 0.1:
            content = self._random.randbytes(self._random.randrange(1, 200_000))
            async with session.post(f"{self._url}/steady/upload", data=content) as response:
                length = (await response.json())["length"] if response.status == 200 else -1
                self._judge("uploads", response.status, b"%d" % length, b"%d" % len(content), None)
            return
        kind = self._random.choice(["orders", "moves"])
        async with session.get(f"{self._url}/{kind}/{self._random.randrange(10_000)}") as response:
            reason = response.headers.get("Gateway-Reason")
            self._judge("HTTP/1.1", response.status, await response.read(), BODY, reason)

    async def _http2(self, end: float) -> None:
        """Ask over HTTP/2, on a new connection every few seconds."""
        while time.monotonic() < end:
            async with httpx.AsyncClient(http1=False, http2=True, timeout=PATIENCE) as client:

                async def ask(client: httpx.AsyncClient = client) -> None:
                    kind = self._random.choice(["orders", "moves"])
                    response = await client.get(f"{self._url}/{kind}/{self._random.randrange(10_000)}")
                    reason = response.headers.get("Gateway-Reason")
                    self._judge("HTTP/2", response.status_code, response.content, BODY, reason)

                await self._at_rate("HTTP/2", min(end, time.monotonic() + 5), self._rate, ask)
                if self._tasks:
                    await asyncio.wait(set(self._tasks), timeout=PATIENCE)

    async def _limited(self, session: aiohttp.ClientSession) -> None:
        """Ask what is limited by a key that is hardly ever the same, so that a limiter which forgets nothing grows."""
        key = {"X-Key": str(self._random.randrange(1_000_000))}
        async with session.get(f"{self._url}/limited/", headers=key) as response:
            await response.read()
            self._judge("limited", response.status, b"", b"", response.headers.get("Gateway-Reason"))

    async def _gone(self) -> None:
        """Go away in the middle of a request, or before its answer."""
        octets = b"POST /steady/gone HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789"
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(octets[: self._random.randrange(1, len(octets) + 1)])
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.transport.abort()
        self.done["gone away"] += 1

    async def _socket(self, session: aiohttp.ClientSession, end: float) -> None:
        """Keep a WebSocket open for some seconds, hear an echo each second, and open another."""
        while time.monotonic() < end:
            try:
                async with session.ws_connect(f"{self._url}/steady/socket") as socket:
                    for number in range(self._random.randrange(3, 30)):
                        if time.monotonic() > end:
                            break
                        await socket.send_str(str(number))
                        heard = await socket.receive_str(timeout=PATIENCE)
                        if heard == f"echo {number}":
                            self.done["WebSocket echoes"] += 1
                        else:
                            self.errors["WebSocket: another echo"] += 1
                        await asyncio.sleep(1)
            except (aiohttp.ClientError, OSError, TimeoutError, TypeError) as error:
                self.errors[f"WebSocket: {type(error).__name__}"] += 1
                await asyncio.sleep(1)
