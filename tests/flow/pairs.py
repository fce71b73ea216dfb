"""The pairs of docs/guides/coming-from.md, played: our side of each runs in memory and is asked what the page says.

A block of requests has a line for each, in the order in which they are made (with a sign of multiplication for `*`):

    5 * GET a.example/x, from 192.0.2.7, Field: value → 200 from NAME, sees /path, sees Field: value, with Field: value,
    reason TOKEN, saying TEXT

`from NAME` is the upstream, or `HOST:PORT` of the backend, that was asked (`a or b`, `the same` as before); nobody is
where there is none, but for a 5xx. `…` stands for anything, `any` for every status. `with its cookies` sends back what
was set. `<token of ada>` stands for a token that the page's key has signed, `<ada:secret>` for a name and a password.
`on inside` names the listener. Other lines are what happens: `orders refuses`, `orders accepts`, `orders is silent`,
`orders answers 503`, `10 s pass`.
"""

from __future__ import annotations

import random
import re
from base64 import b64encode
from pathlib import Path
from typing import Any, NamedTuple

from gateway import config
from gateway.memory.backend import Asked, FakeBackend, ok
from gateway.memory.client import FakeClient, parse_responses
from gateway.memory.gateway import MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from tests.tokens import SECRET, said, sign

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_REQUEST = re.compile(r"(?:(\d+) \u00d7 )?([A-Z]+) ([^/\s,]+)(/[^\s,]*)(.*)")
_EVENT = re.compile(r"(\S+) (refuses|accepts|is silent|answers (\d+))|(\d+) s pass")


class Pair(NamedTuple):
    """One idiom of another gateway, ours, and what must hold.

    Attributes:
        name: Its heading, after that of the gateway.
        theirs: Kind and text of their side.
        ours: Our configuration.
        requests: What is asked of it.
    """

    name: str
    theirs: tuple[str, str]
    ours: str
    requests: list[str]


def pairs(page: Path) -> list[Pair]:
    """Read the pairs of a page."""
    found = []
    for chapter in re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[1:]:
        gateway = chapter.partition("\n")[0]
        for section in re.split(r"^### ", chapter, flags=re.MULTILINE)[1:]:
            blocks: list[tuple[str, str]] = _BLOCK.findall(section)
            assert [kind for kind, _ in blocks[1:]] == ["yaml", "text"], section
            lines = [line for line in blocks[2][1].splitlines() if line.strip()]
            found.append(Pair(f"{gateway}: {section.partition(chr(10))[0]}", blocks[0], blocks[1][1], lines))
    return found


class Player:
    """Our side of a pair, running.

    Args:
        text: The configuration.
        directory: Where its files are.
    """

    def __init__(self, text: str, directory: Path) -> None:
        file = directory / "gateway.yaml"
        file.write_text(text)
        settings = config.load(file, {"JWT_SECRET": SECRET, "ADMIN_TOKEN": "a" * 40})
        network = MemoryNetwork(virtual_clock())
        self.backends: dict[str, FakeBackend] = {}
        self._names: dict[str, list[str]] = {}
        for upstream in settings.upstreams:
            for backend in upstream.backends:
                place = self._place(network, backend.url)
                self._names.setdefault(upstream.name, []).append(place)
        self.gateway = MemoryGateway(settings, network, random.Random(1))
        self.gateway.start()
        self.gateway.advance(0.1)
        self._cookies: dict[str, str] = {}
        self._last: list[str] = []

    def play(self, line: str) -> None:
        """Do what a line says, and see whether it is so.

        Raises:
            AssertionError: It is not.
        """
        event = _EVENT.fullmatch(line.strip())
        if event is not None:
            self._happen(event)
            return
        left, arrow, right = line.partition(" → ")
        request = _REQUEST.fullmatch(left.strip())
        assert arrow, line
        assert request is not None, line
        times, method, host, target, more = request.groups()
        for _ in range(int(times or 1)):
            self._ask(method, host, target, _parts(more), _parts(right), line)

    def _place(self, network: MemoryNetwork, url: str) -> str:
        match = re.fullmatch(r"(\w+)://([^/:]+)(?::(\d+))?(/.*)?", url)
        host, port = (url.split(":")[1], 0) if match is None else (match[2], int(match[3] or 80))
        place = host if match is None else f"{host}:{port}"
        if place not in self.backends:
            backend = self.backends[place] = FakeBackend(network, host, port)
            backend.answer = lambda asked: ok()
        return place

    def _happen(self, event: re.Match[str]) -> None:
        if event[4] is not None:
            self.gateway.advance(float(event[4]))
            return
        for place in self._names.get(event[1], [event[1]]):
            if place not in self.backends:  # not of an upstream: an authority
                self._place(self.gateway.network, f"http://{place}")
            backend = self.backends[place]
            if event[2] == "refuses":
                backend.refuse_connections()
                for connection in backend.connections:
                    connection.reset()
            elif event[2] == "is silent":
                backend.stall()
            else:
                backend.accept_connections()
                status = b"%b Status" % (event[3] or "200").encode()
                backend.answer = lambda asked, status=status: ok(status=status)  # type: ignore[misc]
        self.gateway.network.pump()

    def _ask(self, method: str, host: str, target: str, more: list[str], expected: list[str], line: str) -> None:
        address, listener, fields = "192.0.2.1", None, {"Host": host}
        for part in more:
            if part.startswith("from "):
                address = part.removeprefix("from ")
            elif part.startswith("on "):
                listener = part.removeprefix("on ")
            elif part == "with its cookies":
                fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            else:
                name, _, value = part.partition(": ")
                fields[name] = _credential(value)
        client = FakeClient()
        self.gateway.accept(client, address, listener)
        before = {place: len(backend.requests) for place, backend in self.backends.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        client.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode())
        self.gateway.network.pump()
        for _ in range(120):
            if client.received:
                break
            self.gateway.advance(0.5)
        [response] = parse_responses(client.received, (method.encode(),), ended=client.closed is not None)
        asked: dict[str, Asked] = {
            place: backend.requests[-1]
            for place, backend in self.backends.items()
            if len(backend.requests) > before[place] and b"/health" not in backend.requests[-1].target
        }
        for cookie in response.headers.get_all(b"set-cookie"):
            key, _, rest = cookie.decode().partition("=")
            self._cookies[key] = rest.partition(";")[0]
        status, *further = expected
        code, _, source = status.partition(" from ")
        if code == "any":
            return
        assert str(response.status) == code, f"{line}\n{response.status} {response.headers.fields} {response.body!r}"
        ours = [place for place in asked if any(place in places for places in self._names.values())]
        if source:
            wanted = [place for name in source.split(" or ") for place in self._names.get(name, [name])]
            assert set(self._last if source == "the same" else wanted) & set(ours), f"{line}\nasked: {ours}"
            self._last = ours
        else:
            assert not ours or int(code) >= 500, f"{line}\nasked: {ours}"
        for part in further:
            _check(part, response, list(asked.values()), line)


def _check(part: str, response: Any, asked: list[Asked], line: str) -> None:
    kind, _, wanted = part.partition(" ")
    found: Any
    if kind == "sees" and wanted.startswith("/"):
        found = asked[-1].target.decode()
    elif kind in ("sees", "with"):
        name, _, wanted = wanted.partition(": ")
        found = ((asked[-1] if kind == "sees" else response).headers.get(name.lower().encode()) or b"").decode()
    elif kind == "reason":
        found = (response.headers.get(b"gateway-reason") or b"").decode()
    else:
        assert kind == "saying", line
        found = response.body.decode()
    pattern = re.escape(wanted).replace("…", ".*")
    assert re.fullmatch(pattern, found, re.DOTALL), f"{line}\nfound {found!r}"


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(", ") if part.strip()]


def _credential(value: str) -> str:
    match = re.search(r"<(?:token of (\w+)|(\w+:\w+))>", value)
    if match is None:
        return value
    if match[2]:
        return value.replace(match[0], b64encode(match[2].encode()).decode())
    return value.replace(match[0], sign(SECRET, "HS256", said(sub=match[1], aud=None)))
