"""A client stays at the backend that has answered it: `sticky`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from twisted.web.http_headers import Headers as TwistedHeaders

from gateway.composition.agents import AgentLeaf, agent_route
from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.serving.agent import ProxyAgent
from gateway.testing import Harness

NAMES = ("a", "b", "c")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def upstream(*weights: int, sticky: Any = None, **extra: Any) -> dict[str, Any]:
    """An upstream that binds its clients, with backends of these weights."""
    backends = [{"url": f"http://127.0.0.1:{9001 + number}", "weight": weight} for number, weight in enumerate(weights)]
    return {"name": "shop", "sticky": sticky or {}, "backends": backends, **extra}


def gateway(*weights: int, sticky: Any = None, route: Any = None, **extra: Any) -> Harness:
    """A gateway with such an upstream; each backend says its name."""
    made = Harness(
        *NAMES[: len(weights or NAMES)],
        upstreams=[upstream(*(weights or (1, 1, 1)), sticky=sticky, **extra)],
        routes=[{"name": "shop", "path": "/*", "upstream": "shop", **(route or {})}],
    )
    for name in NAMES[: len(weights or NAMES)]:
        made.backend(name).answers(ok(name.encode()))
    return made


def cookie_of(answer: Received) -> str:
    """The cookie that an answer sets, as a browser sends it back; empty for none."""
    return (answer.headers.get(b"set-cookie") or b"").partition(b";")[0].decode()


def visit(made: Harness, cookie: str = "", target: str = "/") -> tuple[str, str]:
    """Ask with a cookie; returns who has answered, and the cookie from then on."""
    answer = made.get(target, **({"Cookie": cookie} if cookie else {}))
    return answer.body.decode(), cookie_of(answer) or cookie


def test_a_client_stays_at_its_backend() -> None:
    """The first answer sets the cookie, no later one does, and other clients do not disturb it."""
    made = gateway()
    answer = made.get("/")
    name, _, value = (answer.headers.get(b"set-cookie") or b"").partition(b"=")
    token, _, attributes = value.partition(b"; ")

    assert (answer.body, name) == (b"a", b"gw_backend")
    assert attributes == b"Path=/; HttpOnly; SameSite=Lax; Secure"
    assert len(token) == 24
    assert b"127" not in token
    for _ in range(5):
        made.get("/")
        again = made.get("/", Cookie=cookie_of(answer))
        assert (again.body, again.headers.get(b"set-cookie")) == (b"a", None)
    made.check_quiet()


def test_weights_hold_for_new_clients() -> None:
    """Those who are bound take nobody's turn."""
    made = gateway(1, 3)
    bound = visit(made)[1]
    counted: Counter[str] = Counter()
    for _ in range(40):
        visit(made, bound)
        counted[visit(made)[0]] += 1

    assert counted == {"a": 10, "b": 30}


@pytest.mark.parametrize("secret", [None, "a secret"])
def test_a_reload_and_other_instances_know_the_cookie(secret: str | None) -> None:
    """Also when backends come, go and change places."""
    sticky = {"secret": secret} if secret else {}
    made, other = gateway(sticky=sticky), gateway(sticky=sticky)
    visit(made)
    name, cookie = visit(made)
    assert name == "b"

    assert visit(other, cookie) == ("b", cookie)
    turned = upstream(1, 1, 1, sticky=sticky)
    turned["backends"] = [*turned["backends"][1::-1], {"url": "http://127.0.0.1:9009"}]
    made.apply(upstreams=[turned], timeouts={"connect": "1s"})
    assert visit(made, cookie) == ("b", cookie)


def test_with_a_secret_nobody_else_makes_the_cookie() -> None:
    """Another secret, or none, makes another one: it cannot be told from the URL of the backend."""
    made = [gateway(sticky=sticky) for sticky in ({}, {"secret": "one"}, {"secret": "other"})]
    cookies = [visit(one)[1] for one in made]

    assert len(set(cookies)) == 3
    assert visit(made[0])[0] == "b"
    assert visit(made[0], cookies[1])[0] == "c"


@pytest.mark.parametrize(
    "cookie", ["gw_backend=", "gw_backend", "gw_backend=http://127.0.0.1:9001", "gw_backend=%41" + "A" * 900, "gw=a"]
)
def test_a_cookie_that_nobody_knows_is_a_new_client(cookie: str) -> None:
    """It gets its turn, and a cookie."""
    made = gateway()
    visit(made)
    name, kept = visit(made, cookie)

    assert name == "b"
    assert kept.startswith("gw_backend=")
    assert kept != cookie
    assert visit(made, kept) == ("b", kept)


def test_of_several_cookies_the_first_that_is_known_counts() -> None:
    """One may be another path's, or have been set by somebody else."""
    made = gateway()
    first, second = visit(made)[1], visit(made)[1]

    assert visit(made, f"gw_backend=x; {second}; {first}") == ("b", f"gw_backend=x; {second}; {first}")


def gone(made: Harness) -> None:
    """Its backend is in the configuration no more."""
    made.apply(upstreams=[{**upstream(1, 1, 1), "backends": upstream(1, 1, 1)["backends"][1:]}])


def drained(made: Harness) -> None:
    """Its backend drains."""
    made.apply(upstreams=[upstream(0, 1, 1)])


def unhealthy(made: Harness) -> None:
    """Its backend fails its checks."""
    made.backend("a").answer = lambda asked: ok(b"a", status=b"500 No") if asked.target == b"/health" else ok(b"a")
    made.advance(4)


@pytest.mark.parametrize(
    ("happens", "watched"),
    [
        (gone, {}),
        (drained, {}),
        (unhealthy, {"health_check": {"interval": 1, "timeout": 1}}),
    ],
)
def test_a_client_whose_backend_is_out_goes_to_another_and_stays_there(happens: Any, watched: dict[str, Any]) -> None:
    """With a new cookie, also once its first backend is back."""
    made = gateway(**watched)
    name, cookie = visit(made)
    assert name == "a"
    happens(made)

    name, moved = visit(made, cookie)
    assert name != "a"
    assert moved != cookie
    assert visit(made, moved) == (name, moved)
    made.backend("a").answers(ok(b"a"))
    made.apply(upstreams=[upstream(1, 1, 1, **watched)])
    made.advance(4)
    assert visit(made, moved) == (name, moved)


@pytest.mark.parametrize(
    "watched",
    [
        {"circuit_breaker": {"failure_threshold": 2}},
        {"passive_health": {"failures": 2, "eject": 60}},
    ],
)
def test_a_client_whose_backend_fails_is_bound_until_it_is_out(watched: dict[str, Any]) -> None:
    """Its answers of 500 neither bind nor unbind; its open breaker, or its ejection, does."""
    made = gateway(**watched)
    name, cookie = visit(made)
    made.backend("a").answers(ok(b"no", status=b"500 No"))

    assert [visit(made, cookie) for _ in range(2)] == [("no", cookie)] * 2
    name, moved = visit(made, cookie)
    assert name in "bc"
    assert moved != cookie
    assert visit(made, moved) == (name, moved)


def test_a_failure_binds_nobody() -> None:
    """Neither a status from 500 up nor an answer of the gateway's own."""
    made = gateway()
    made.backend("a").answers(ok(b"no", status=b"503 No"))
    made.backend("b").refuse_connections()

    assert [cookie_of(made.get("/")) for _ in range(2)] == ["", ""]
    made.backend("c").answers(ok(b"gone", status=b"404 Not Found"))
    assert cookie_of(made.get("/"))


def test_a_retry_goes_elsewhere_and_binds_there() -> None:
    """The client's next request goes to the backend that has answered."""
    made = gateway(route={"retry": {"backoff": 0.001}})
    cookie = visit(made)[1]
    made.backend("a").refuse_connections()
    made.backend("a").connection.close()
    client = made.send(f"GET / HTTP/1.1\r\nHost: h\r\nCookie: {cookie}\r\n\r\n".encode())
    made.advance(0.1)
    (answer,) = client.responses()

    assert answer.status == 200
    assert answer.body in b"bc"
    made.backend("a").accept_connections()
    assert visit(made, cookie_of(answer)) == (answer.body.decode(), cookie_of(answer))


def test_a_hedge_binds_to_the_backend_that_has_answered() -> None:
    """Whichever of the two that is."""
    made = gateway(1, 1, route={"hedge": {"min_delay": 0.1, "budget": 1}})
    for _ in range(32):
        made.get("/")
    cookie = visit(made)[1]
    made.backend("a").stall()
    client = made.send(f"GET / HTTP/1.1\r\nHost: h\r\nCookie: {cookie}\r\n\r\n".encode())
    made.advance(0.2)
    (answer,) = client.responses()

    assert answer.body == b"b"
    assert visit(made, cookie_of(answer)) == ("b", cookie_of(answer))


def test_websockets_are_bound_too() -> None:
    """The 101 sets the cookie, and the next handshake goes where that one went."""
    made = gateway()
    for name in NAMES:
        made.backend(name).answers(SWITCH)
    head = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    client = made.send(f"{head}\r\n".encode())
    lines = client.received.split(b"\r\n")
    set_cookie = next(line for line in lines if line.startswith(b"Set-Cookie: "))

    assert lines[0].startswith(b"HTTP/1.1 101 ")
    assert not any(line.lower().startswith(b"cache-control") for line in lines)
    cookie = set_cookie.split(b" ")[1].rstrip(b";").decode()
    for _ in range(3):
        made.send(f"{head}Cookie: {cookie}\r\n\r\n".encode())
    assert [len(made.backend(name).requests) for name in NAMES] == [4, 0, 0]


def test_no_backend_sees_the_cookie() -> None:
    """On no route; the other cookies come through octet by octet."""
    plain = {"name": "plain", "backends": [{"url": "http://127.0.0.1:9003"}]}
    made = gateway()
    made.apply(
        upstreams=[upstream(1, 1), plain],
        routes=[
            {"name": "shop", "path": "/*", "upstream": "shop"},
            {"name": "plain", "path": "/plain/*", "upstream": "plain"},
        ],
    )
    cookie = visit(made)[1]
    for target, backend in (("/", "a"), ("/plain/", "c")):
        for sent, seen in (
            (cookie, None),
            (f"a=1;  {cookie};b = \xe9", b"a=1;b = \xc3\xa9"),
            (f"{cookie}; gw_backend=x; a=1", b"a=1"),
        ):
            made.get(target, Cookie=sent)
            assert made.backend(backend).last.headers.get(b"cookie") == seen


def test_two_upstreams_do_not_take_each_others_cookies() -> None:
    """The same backend has another token in another upstream."""
    made = gateway()
    other = {**upstream(1, 1, 1), "name": "other"}
    routes = [{"name": name, "path": f"/{name}/*", "upstream": name} for name in ("shop", "other")]
    made.apply(upstreams=[upstream(1, 1, 1), other], routes=routes)
    cookie = visit(made, target="/shop/")[1]

    name, moved = visit(made, cookie, "/other/")
    assert (name, moved != cookie) == ("a", True)


def test_a_cookie_with_a_time_is_renewed_while_it_is_used() -> None:
    """Half of the time before it is over; whoever stays away longer is a new client for its browser."""
    made = gateway(sticky={"ttl": "10m", "secure": False, "same_site": "strict", "cookie": "at"})
    answer = made.get("/")
    assert (answer.headers.get(b"set-cookie") or b"").endswith(b"; Path=/; Max-Age=600; HttpOnly; SameSite=Strict")
    cookie = cookie_of(answer)

    made.advance(290)
    assert visit(made, cookie) == ("a", cookie)
    made.advance(20)
    name, renewed = visit(made, cookie)
    assert (name, renewed != cookie) == ("a", True)
    assert visit(made, renewed) == ("a", renewed)


@pytest.mark.parametrize("forged", [".", ".zz", ".ffffffffffffffff", ".-1", "." + "f" * 99, ".0", ".1.2"])
def test_a_forged_time_is_no_more_than_a_reason_for_a_new_cookie(forged: str) -> None:
    """The client stays where it was."""
    made = gateway(sticky={"ttl": "10m"})
    cookie = visit(made)[1].partition(".")[0]

    name, renewed = visit(made, cookie + forged)
    assert (name, renewed.partition(".")[0], renewed != cookie + forged) == ("a", cookie, True)


def test_an_answer_that_binds_is_for_its_client_alone() -> None:
    """No shared cache may give the cookie to others; one that sets nothing stays as it was."""
    made = gateway()
    made.backend("a").answers(ok(b"a", (b"Cache-Control", b"public, max-age=60"), (b"Set-Cookie", b"own=1")))
    first = made.get("/")
    set_cookies = first.headers.get_all(b"set-cookie")

    assert first.headers.get_all(b"cache-control") == [b"max-age=60, private"]
    assert [line.partition(b"=")[0] for line in set_cookies] == [b"own", b"gw_backend"]
    again = made.get("/", Cookie=set_cookies[1].partition(b";")[0].decode())
    assert again.headers.get_all(b"cache-control") == [b"public, max-age=60"]


@pytest.mark.parametrize("strategy", ["ip_hash", "consistent_hash", "least_connections", "random"])
def test_every_strategy_places_new_clients(strategy: str) -> None:
    """Those that hash keep a client of its address together until it has a cookie."""
    made = gateway(strategy=strategy)
    name, cookie = visit(made)
    for other in NAMES:
        if other != name:
            made.backend(other).answers(ok(b"other"))

    assert visit(made, cookie) == (name, cookie)
    if strategy.endswith("hash"):
        assert visit(made)[0] == name


def test_what_is_kept_for_a_breaker_holds_no_cookie() -> None:
    """The last good answer is given to everybody."""
    made = gateway(
        1,
        circuit_breaker={"failure_threshold": 1, "fallback": {"cached": True}},
    )
    made.backend("a").answers(ok(b"good", (b"Cache-Control", b"max-age=1")), ok(b"no", status=b"500 No"))
    assert cookie_of(made.get("/"))
    made.advance(2)
    made.get("/")
    answer = made.get("/")

    assert (answer.body, answer.headers.get(b"set-cookie")) == (b"good", None)
    assert b"private" not in (answer.headers.get(b"cache-control") or b"")


def test_an_application_may_keep_its_place_too() -> None:
    """By the cookie that its own requests come back with."""
    made = gateway()
    leaf = AgentLeaf(agent_route("shop", 2, None), made.gateway)
    agent = ProxyAgent("shop", leaf.find, made.gateway.site, made.clock, leaf.timeout)
    answers: list[Any] = []

    def ask(**fields: str) -> Any:
        headers = TwistedHeaders({name: [value] for name, value in fields.items()})
        agent.request(b"GET", b"gateway://shop/", headers, None).addCallback(answers.append)
        made.network.pump()
        return answers[-1]

    (cookie,) = ask().headers.getRawHeaders("Set-Cookie")
    again = [ask(Cookie=cookie.partition(";")[0]) for _ in range(3)]
    assert [one.headers.getRawHeaders("Set-Cookie") for one in again] == [None] * 3
    assert [len(made.backend(name).requests) for name in NAMES] == [4, 0, 0]
