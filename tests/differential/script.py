"""What clients send and backends answer, drawn by a seed beforehand: so many exchanges, valid and malformed, in pieces.

Nothing here depends on what a gateway does with it, so two gateways are given the same octets for certain.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from tests.conformance import test_requests, test_responses
from tests.differential.configurations import CONFIGURATIONS, KEYS, TOKENS

SIZES = (0, 1, 3, 40, 40, 40, 40, 300, 300, 300, 3_000) * 3 + (70_000,)
CONVERSATIONS = 40
"""In a chapter: memos are cold at its beginning and warm at its end."""


class Answer(NamedTuple):
    """What a backend answers.

    Attributes:
        pieces: The first is sent at once, each of the others when the script says so.
        early: It is sent when the head of the request is there; else when all of it is.
        end: What the backend does with the connection afterwards: `close`, `reset`, or nothing.
    """

    pieces: list[bytes]
    early: bool
    end: str


class Step(NamedTuple):
    """One thing that happens.

    Attributes:
        what: `client` comes, from the address in `octets`; `send`, by a client; `pay`: a piece that a backend owes;
            `wait`, for so many seconds; else something that a client does with its connection.
        client: Which of the conversation's.
        octets: That it sends.
        seconds: That pass.
    """

    what: str
    client: int = 0
    octets: bytes = b""
    seconds: float = 0.0


class Conversation(NamedTuple):
    """Some clients and what they ask; backends answer in turn with `answers`."""

    steps: list[Step]
    answers: list[Answer]


class Chapter(NamedTuple):
    """What one gateway lives through.

    Attributes:
        seed: Of all that the gateway leaves to chance, and of the order on the network.
        disorder: Reads are cut anywhere, and what is due happens in any order.
    """

    configuration: str
    seed: int
    disorder: bool
    conversations: list[Conversation]


def write(seed: int, exchanges: int) -> list[Chapter]:
    """Draw a script in which so many requests are sent."""
    chance = random.Random(seed)
    chapters: list[Chapter] = []
    left = exchanges
    while left > 0:
        conversations: list[Conversation] = []
        while left > 0 and len(conversations) < CONVERSATIONS:
            requests = min(left, chance.choice((1, 2, 3, 4, 5, 8)))
            left -= requests
            conversations.append(_conversation(chance, requests))
        names = list(CONFIGURATIONS)
        number = len(chapters)
        chapters.append(Chapter(names[number % len(names)], number, number % 3 == 2, conversations))
    return chapters


def _conversation(chance: random.Random, requests: int) -> Conversation:
    steps: list[Step] = []
    clients = chance.randint(1, min(3, requests))
    steps += [Step("client", octets=b"192.0.2.%d" % chance.choice((1, 1, 2, 9, 77))) for _ in range(clients)]
    pieces: list[list[bytes]] = [[] for _ in range(clients)]
    for _ in range(requests):
        # In one piece with what came before it, now and then: pipelined.
        mine = chance.choice(pieces)
        cut = _cut(chance, request(chance))
        if mine and chance.random() < 0.3:
            mine[-1] += cut.pop(0)
        mine += cut
    while any(pieces):
        client = chance.choice([number for number in range(clients) if pieces[number]])
        steps.append(Step("send", client, pieces[client].pop(0)))
        if chance.random() < 0.4:
            steps.append(Step("pay"))
        if chance.random() < 0.1:
            steps.append(Step("wait", seconds=chance.choice((0.1, 0.1, 0.3, 1.1, 2.1))))
        if chance.random() < 0.06:
            what = chance.choice(("close", "reset", "half_close", "stop_reading", "stop_reading", "read_on"))
            steps.append(Step(what, chance.randrange(clients)))
    steps += [Step("read_on", number) for number in range(clients)]
    steps += [Step("pay")] * (2 * requests)
    if chance.random() < 0.2:
        steps.append(Step("wait", seconds=chance.choice((1.1, 5.1))))
    # More than one where a route tries again.
    return Conversation(steps, [answer(chance) for _ in range(2 * requests)])


def _cut(chance: random.Random, data: bytes) -> list[bytes]:
    """Cut octets anywhere, or not at all."""
    drawn = chance.random()
    if drawn < 0.6 or len(data) < 2:
        return [data]
    if drawn < 0.63 and len(data) < 200:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(chance.sample(range(1, len(data)), min(len(data) - 1, chance.randint(1, 5))))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _spoil(chance: random.Random, data: bytes) -> bytes:
    """Change an octet or some."""
    at = chance.randrange(len(data) + 1)
    length = chance.choice((1, 1, 2, 8))
    some = chance.choice((b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"%", b"/", b"0", b"\xe9",
                          b"\x7f", bytes([chance.randrange(256)])))  # fmt: skip
    return chance.choice((
        data[:at] + some + data[at:],
        data[:at] + some + data[at + 1 :],
        data[:at] + data[at + length :],
        data[:at] + data[at : at + length] * 2 + data[at + length :],
        data[:at],
    ))  # fmt: skip


_TARGETS = [b"/orders/1", b"/orders/1", b"/orders/2", b"/orders/3", b"/orders/17/lines", b"/orders/%2e%2e/1",
            b"/orders//1", b"/orders/a%2Fb", b"/Orders/1", b"/orders/../x", b"/orders/\xc3\xa9", b"/orders/%C3%A9",
            b"/orders/1?a=1", b"/orders/1?a=1&b=2&a=3", b"/orders/1?b=%zz", b"/orders", b"/", b"/health", b"/nowhere",
            b"http://h2/orders/1?x", b"/orders/" + b"x" * 300]  # fmt: skip
_HOSTS = [b"h", b"h", b"h", b"h2", b"www.example.com", b"H:80", b"[::1]:8080", b"xn--e1afmkfd.example.com"]
_METHODS = [b"GET"] * 8 + [b"HEAD", b"POST", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"]
_FIELDS = [b"X-A: 1", b"X-A: 2", b"X-B: 3", b"Accept: */*", b"Cookie: a=1; b=2", b"Connection: close",
           b"Connection: keep-alive", b"Connection: X-A, X-B", b"TE: trailers", b"Expect: 100-continue",
           b"X-Forwarded-For: 203.0.113.9", b"X-Forwarded-Proto: https", b"Forwarded: for=203.0.113.9;proto=https",
           b"X-Request-ID: theirs", b"X-Who: admin", b"X_Who: admin", b"Origin: https://example.com",
           b"Origin: https://other.example", b"Access-Control-Request-Method: POST", b"Idempotency-Key: 5",
           b"Upgrade: websocket", b"Connection: Upgrade", b"Max-Forwards: 0", b"User-Agent: caf\xe9", b"Via: 1.0 outer",
           b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"Content-Type: application/json",
           b"X-Empty:", b"X-Long: " + b"a" * 900, b"Accept: text/html"]  # fmt: skip
_JSON = [b'{"old": 1, "secret": "x"}', b'{"a": [1, 2.50, "\\u00e9"]}', b"[]", b"{", b'"\xff"']
_ROWS: list[bytes] = [
    *(row[1] for row in test_requests.MALFORMED),
    *(row[1] for row in test_requests.OTHERS),
    *(row[1] for row in test_requests.TAKEN),
]


def request(chance: random.Random) -> bytes:
    """Draw a request; about one in eight is none."""
    drawn = chance.random()
    if drawn < 0.06:
        return chance.choice(_ROWS)
    method, target = chance.choice(_METHODS), chance.choice(_TARGETS)
    if chance.random() < 0.3:
        target = b"/orders/%d" % chance.randrange(60)
    version = b"1.0" if chance.random() < 0.06 else b"1.1"
    lines = [b"%b %b HTTP/%b" % (method, target, version), b"Host: " + chance.choice(_HOSTS)]
    lines += chance.sample(_FIELDS, chance.choice((0, 0, 1, 2, 4)))
    if chance.random() < 0.7:
        lines.append(b"Authorization: Bearer " + chance.choice(TOKENS))
    if chance.random() < 0.3:
        lines.append(b"X-API-Key: " + chance.choice(KEYS))
    content = _content(chance) if method in (b"POST", b"PUT", b"PATCH") or chance.random() < 0.03 else None
    whole = _framed(chance, lines, content)
    return _spoil(chance, whole) if drawn > 0.94 else whole


def _content(chance: random.Random) -> bytes:
    return chance.choice(_JSON) if chance.random() < 0.4 else b"content-" * (chance.choice(SIZES) // 8)


def _framed(chance: random.Random, lines: list[bytes], content: bytes | None, *, closes: bool = False) -> bytes:
    """Return a message with its content in one of the ways there are."""
    if content is None or closes:
        return b"\r\n".join([*lines, b"", content or b""])
    if chance.random() < 0.6:
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(content), b"", content])
    size = chance.choice((1, 7, 100, 5_000)) if len(content) < 5_000 else 16_000
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    extension = chance.choice((b"", b"", b";a=b", b';a="b;c"'))
    trailers = chance.choice((b"", b"", b"X-Sum: 1\r\n", b"X-Sum: 1\r\nHost: x\r\n"))
    octets = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", octets + b"0\r\n" + trailers + b"\r\n"])


_STATUSES = [b"200 OK"] * 8 + [
    b"201 Created",
    b"204 No Content",
    b"302 Found",
    b"304 Not Modified",
    b"404 Not Found",
    b"500 Internal Server Error",
    b"502 Bad Gateway",
    b"503 Service Unavailable",
    b"299",
    b"418 ",
]
_SAID = [
    b"Server: nginx",
    b"Date: Sat, 28 Nov 2026 12:00:00 GMT",
    b"Content-Type: text/html",
    b"Set-Cookie: a=1; Path=/",
    b"Set-Cookie: b=2; Domain=127.0.0.1",
    b"Connection: close",
    b"Connection: X-A",
    b"X-A: 1",
    b"Keep-Alive: 5",
    b"Location: http://127.0.0.1:9003/base/orders/1",
    b"Location: /base/x",
    b"Via: 1.1 inner",
    b"X-Request-ID: no",
    b"Access-Control-Allow-Origin: *",
    b'ETag: "1"',
    b"X-User-Id: 7",
    b"Vary: Origin",
    b"X: caf\xe9",
    b"Retry-After: 1",
    b"Trailer: X-Sum",
]
_ANSWERS = [[row[1]] for row in test_responses.BAD if len(row[1]) < 10_000]
_ANSWERS += [row[2] for row in test_responses.GOOD] + [[data] for data in test_responses.EARLY if len(data) < 10_000]
_INTERIMS = (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"


def answer(chance: random.Random) -> Answer:
    """Draw what a backend answers; about one in five is malformed, and some never end."""
    drawn = chance.random()
    early = chance.random() < 0.05
    end = chance.choice(("",) * 12 + ("close", "reset"))
    if drawn < 0.1:
        return Answer([*chance.choice(_ANSWERS)], early, end)
    if drawn < 0.13:
        return Answer([_SWITCH], early, end)
    lines = [b"HTTP/%b %b" % (chance.choice((b"1.1",) * 9 + (b"1.0",)), chance.choice(_STATUSES))]
    lines += chance.sample(_SAID, chance.choice((0, 1, 2, 5)))
    content = chance.choice(_JSON) if chance.random() < 0.3 else b"answered" * (chance.choice(SIZES) // 8)
    closes = chance.random() < 0.08
    whole = _framed(chance, lines, content, closes=closes)
    if chance.random() < 0.1:
        whole = chance.choice(_INTERIMS) + whole
    if drawn > 0.9:
        whole = _spoil(chance, whole)
    return Answer(_cut(chance, whole), early, "close" if closes else end)
