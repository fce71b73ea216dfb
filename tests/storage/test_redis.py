"""The Redis store against a real server: answers, or a failure in time."""

# mypy: allow-untyped-calls

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.logger import capturedLogs

from gateway.limiting.limit import Limit
from gateway.limiting.store import MemoryLimits
from gateway.resilience.breaker import State
from gateway.storage import subscriptions
from gateway.storage.errors import CommandRefused, StoreUnavailable
from gateway.storage.redis import RedisStore
from gateway.storage.resp import Script
from gateway.storage.shared_limits import RedisLimits
from tests.pki import Authority, key_pem, pem
from tests.storage.conftest import Counts, MakeStore
from tests.system.gateway_process import until
from tests.system.ports import free_port
from tests.system.redis_server import RedisServer, redis_server
from tests.system.running_reactor import eventually, turns, watched


async def reason_of(reactor: Any, asked: Deferred[Any]) -> str:
    """Why a command failed."""
    with pytest.raises(StoreUnavailable) as caught:
        await asked
    return caught.value.reason


def lines(events: Sequence[Any]) -> list[str]:
    """What the store logged."""
    return [event["log_format"].format(**event) for event in events if event["log_namespace"].endswith("RedisStore")]


def counts(store: RedisStore) -> Counts:
    """What it counted."""
    found = store._counts
    assert isinstance(found, Counts)
    return found


@pytest_twisted.ensureDeferred
async def test_octets_come_back_as_they_are(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """No number, no text is made of them."""
    store = make(redis.url)

    assert (await store.command("SET", "key", b"34\xff\r\n")) == b"OK"
    assert (await store.command("GET", "key")) == b"34\xff\r\n"
    assert (await store.command("STRLEN", "key")) == 5
    assert (await store.command("GET", "other")) is None


@pytest_twisted.ensureDeferred
async def test_commands_of_one_turn_share_a_write(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """And come back in their order."""
    store = make(redis.url)
    await store.command("PING")
    before = len(counts(store).durations)

    answers = await gatherResults([store.command("INCR", "n") for _ in range(100)])

    assert answers == list(range(1, 101))
    assert len(counts(store).durations) == before + 1


@pytest_twisted.ensureDeferred
async def test_a_command_given_before_the_connection_is_up_waits_for_it(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """A gateway that starts does not begin with an outage."""
    assert (await make(redis.url).command("PING")) == b"PONG"


@pytest_twisted.ensureDeferred
async def test_a_script_is_sent_once(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """Then its digest does, until the server has forgotten it."""
    store, script = make(redis.url), Script(b"return {KEYS[1], ARGV[1]}")

    for _ in range(2):
        assert (await store.script(script, ("a",), (1,))) == [b"a", b"1"]
        await store.command("SCRIPT", "FLUSH")
    assert (await store.script(script, ("b",), (2,))) == [b"b", b"2"]


@pytest_twisted.ensureDeferred
async def test_an_error_is_told_by_its_first_word(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """The rest may quote the command."""
    store = make(redis.url)
    await store.command("SET", "text", "secret")

    with pytest.raises(CommandRefused) as caught, capturedLogs() as events:
        await store.command("LPUSH", "text", "secret")

    assert caught.value.code == "WRONGTYPE"
    assert str(caught.value) == "refused: WRONGTYPE"
    assert lines(events) == [f"Redis at 127.0.0.1:{redis.port} answers with an error: WRONGTYPE"]
    assert store.available


async def answering(reactor: Any, store: RedisStore, text: str) -> None:
    """Have the server answer with this error, as a script may make it."""
    with pytest.raises(CommandRefused):
        await store.script(Script(b"return redis.error_reply(ARGV[1])"), (), (text,))


@pytest_twisted.ensureDeferred
async def test_a_replica_is_told_also_where_a_script_wraps_the_error_and_is_not_up_until_it_is_the_master(
    reactor: Any, tmp_path: Path, make: MakeStore
) -> None:
    """Redis up to 6.2 says ERR first: limits would stay local for ever after a failover."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with redis_server(first) as one, redis_server(second, replicaof=f"127.0.0.1 {one.port}") as two:
        until(lambda: b"master_link_status:up" in two.say("INFO", "replication"))
        store = make(two.url, pool=1, timeout=1.0)
        assert (await store.command("PING")) == b"PONG"

        with capturedLogs() as events:
            await answering(
                reactor,
                store,
                "ERR Error running script (call to f_6b1bf486c81ceb7edf3c093f4c48582e38c0e791): @user_script:75: "
                "@user_script: 75: -READONLY You can't write against a read only replica.",
            )
            await eventually(reactor, lambda: len(lines(events)) >= 2)
        assert not store.up
        assert lines(events)[0].endswith("answers with an error: READONLY")
        two.say("REPLICAOF", "NO", "ONE")
        await eventually(reactor, lambda: store.up)

        assert (await store.command("SET", "a", "b")) == b"OK"


@pytest_twisted.ensureDeferred
async def test_a_server_that_serves_nobody_is_down_until_it_does(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """It answers in time, but LOADING, BUSY or CLUSTERDOWN: nobody is sent there."""
    store = make(redis.url, timeout=1.0)
    await store.command("PING")

    with capturedLogs() as events:
        for _ in range(3):
            await answering(reactor, store, "LOADING Redis is loading the dataset in memory")
        assert not store.up
        assert await reason_of(reactor, store.command("PING")) == "down"
        await eventually(reactor, lambda: store.up)

    assert [line.split(" ", 3)[3].partition(":")[0].partition(",")[0] for line in lines(events)] == [
        "answers with an error",
        "does not answer",
        "answers again",
    ]


@pytest_twisted.ensureDeferred
async def test_where_nobody_listens_it_fails_at_once(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """The first commands when the connection is refused, the others when they are given."""
    redis.kill()
    store = make(redis.url)

    assert await reason_of(reactor, store.command("PING")) == "down"
    assert not store.available
    asked = store.command("PING")
    assert asked.called  # without a turn of the reactor
    assert await reason_of(reactor, asked) == "down"
    redis.start()


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_killed_and_comes_back_is_used_again(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """With one line in the log for each change, whatever number of connections it was."""
    store = make(redis.url, pool=4)
    with capturedLogs() as events:
        await store.command("PING")
        redis.kill()
        await eventually(reactor, lambda: not store.available)
        begun = time.monotonic()
        redis.start()
        await eventually(reactor, lambda: store.up)
        took = time.monotonic() - begun

    assert (await store.command("PING")) == b"PONG"
    assert took < 5
    said = lines(events)
    assert said[0] == f"Redis at 127.0.0.1:{redis.port} answers"
    assert [line.split(" ", 3)[3].partition(":")[0].partition(",")[0] for line in said] == [
        "answers",
        "does not answer",
        "answers again",
    ]


@pytest_twisted.ensureDeferred
async def test_a_server_that_stands_still_costs_its_time_a_few_times_only(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """Then nobody waits, until it answers a PING of ours in time."""
    store = make(redis.url, timeout=0.05)
    await store.command("PING")
    redis.pause()
    reasons, longest = [], 0.0
    for _ in range(10):
        begun = time.monotonic()
        reasons.append(await reason_of(reactor, store.command("PING")))
        longest = max(longest, time.monotonic() - begun)

    assert "timeout" in reasons
    assert reasons.count("timeout") <= 3
    assert reasons[-5:] == ["down"] * 5
    assert longest < 1.0
    redis.resume()
    await eventually(reactor, lambda: store.up)
    assert (await store.command("PING")) == b"PONG"


@pytest_twisted.ensureDeferred
async def test_a_slow_answer_fails_in_time_and_only_what_was_behind_it(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """The connection is closed, and another takes its place."""
    store = make(redis.url, timeout=0.05, pool=1)
    await store.command("PING")
    begun = time.monotonic()

    assert await reason_of(reactor, store.command("BLPOP", "nothing", "5")) == "timeout"

    assert time.monotonic() - begun < 2.0
    await eventually(reactor, lambda: store.up)
    assert (await store.command("PING")) == b"PONG"
    assert "timeout" in counts(store).failures


@pytest_twisted.ensureDeferred
async def test_a_probe_that_is_lost_behind_older_commands_is_followed_by_another(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """The breaker hears of both: it would wait for ever for a probe that nobody tells it about."""
    store = make(redis.url, timeout=1.0, pool=1)
    await store.command("PING")
    redis.pause()
    store.command("PING").addErrback(lambda _: None)
    await turns(reactor)
    for _ in range(3):
        store._breaker.failed(time.monotonic(), store._breaker.admit(time.monotonic()), "said by the test")
    await eventually(reactor, lambda: store._breaker.state is State.HALF_OPEN)

    # As a server does that goes while it stands still.
    store._ready[0].transport.abortConnection()
    redis.resume()

    await eventually(reactor, lambda: store.up)


@pytest_twisted.ensureDeferred
async def test_user_password_and_database(reactor: Any, tmp_path: Path, make: MakeStore) -> None:
    """As the URL says; percent-encoded where it must be."""
    with redis_server(tmp_path, requirepass="s3cret/x") as server:
        store = make(f"redis://default:s3cret%2Fx@127.0.0.1:{server.port}/5")

        assert b"db=5" in (await store.command("CLIENT", "INFO"))


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_tried_again_and_never_told(reactor: Any, tmp_path: Path, make: MakeStore) -> None:
    """It may be the server's that changes; txredisapi would give up for good."""
    with redis_server(tmp_path, requirepass="one") as server, capturedLogs() as events:
        store = make(f"redis://:other@127.0.0.1:{server.port}/0")
        assert await reason_of(reactor, store.command("PING")) == "down"
        server.kill()
        server._command[server._command.index("one")] = "other"
        server.start()

        await eventually(reactor, lambda: store.up)

    assert "does not answer: refused: WRONGPASS" in lines(events)[0]
    assert not any("other@" in line or "one" in line.split() for line in lines(events))


@pytest_twisted.ensureDeferred
async def test_tls_is_verified(reactor: Any, tmp_path: Path, make: MakeStore) -> None:
    """With the authority that is told; without it there is no connection."""
    authority = Authority()
    certificate, key = authority.issue("127.0.0.1")
    (tmp_path / "cert.pem").write_bytes(pem(certificate))
    (tmp_path / "key.pem").write_bytes(key_pem(key))
    trust = trustRootFromCertificates([Certificate.loadPEM(pem(authority.certificate))])
    with redis_server(
        tmp_path, tls_cert_file=str(tmp_path / "cert.pem"), tls_key_file=str(tmp_path / "key.pem")
    ) as server:
        good = make(server.url, tls=optionsForClientTLS("127.0.0.1", trustRoot=trust))
        bad = make(server.url, tls=optionsForClientTLS("127.0.0.1"))

        assert (await good.command("PING")) == b"PONG"
        # It may be asked before the handshake has failed, and then it is lost.
        assert await reason_of(reactor, bad.command("PING")) in ("down", "lost")


@pytest_twisted.ensureDeferred
async def test_a_sentinel_is_asked_for_the_master(reactor: Any, tmp_path: Path, make: MakeStore) -> None:
    """The first sentinel is down, the second knows; after a failover the new master is found."""
    first, second, watcher = (tmp_path / name for name in ("first", "second", "sentinel"))
    for directory in (first, second, watcher):
        directory.mkdir()
    with (
        redis_server(first) as one,
        redis_server(second, replicaof=f"127.0.0.1 {one.port}") as two,
        redis_server(watcher, sentinel=True) as sentinel,
    ):
        sentinel.say("SENTINEL", "MONITOR", "main", "127.0.0.1", str(one.port), "1")
        store = make(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/main/2", timeout=1.0)
        await eventually(reactor, lambda: store.up)
        assert b"db=2" in (await store.command("CLIENT", "INFO"))
        assert (await store.command("CONFIG", "GET", "port"))[1] == b"%d" % one.port

        # As a sentinel does when it moves the master.
        two.say("REPLICAOF", "NO", "ONE")
        one.say("REPLICAOF", "127.0.0.1", str(two.port))
        sentinel.say("SENTINEL", "REMOVE", "main")
        sentinel.say("SENTINEL", "MONITOR", "main", "127.0.0.1", str(two.port), "1")
        store.command("SET", "a", "b").addErrback(lambda failure: failure.trap(CommandRefused))

        async def moved() -> bool:
            try:
                return bool((await store.command("CONFIG", "GET", "port"))[1] == b"%d" % two.port)
            except StoreUnavailable:
                return False

        await eventually(reactor, moved)


@pytest_twisted.ensureDeferred
async def test_sentinels_that_want_a_password_get_the_servers(reactor: Any, tmp_path: Path, make: MakeStore) -> None:
    """One that wants none is not told it: it would refuse."""
    for name in ("server", "open", "closed"):
        (tmp_path / name).mkdir()
    with (
        redis_server(tmp_path / "server", requirepass="s3cret") as server,
        redis_server(tmp_path / "open", sentinel=True) as open_to_all,
        redis_server(tmp_path / "closed", sentinel=True, requirepass="s3cret") as closed,
    ):
        open_to_all.say("SENTINEL", "MONITOR", "main", "127.0.0.1", str(server.port), "1")
        with socket.create_connection(("127.0.0.1", closed.port), timeout=10) as connection:
            monitor = f"AUTH s3cret\r\nSENTINEL MONITOR main 127.0.0.1 {server.port} 1\r\n"
            connection.sendall(monitor.encode())
            until(lambda: connection.recv(100).endswith(b"+OK\r\n"))
        for sentinel in (open_to_all, closed):
            store = make(f"redis+sentinel://:s3cret@127.0.0.1:{sentinel.port}/main", timeout=1.0)
            assert (await store.command("PING")) == b"PONG"
        wrong = make(f"redis+sentinel://:wrong@127.0.0.1:{closed.port}/main", timeout=1.0)
        assert await reason_of(reactor, wrong.command("PING")) == "down"


@pytest_twisted.ensureDeferred
async def test_messages_reach_who_is_subscribed(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """Also those who subscribe before the connection is up, and of their channel only."""
    store, other = make(redis.url), make(redis.url)
    heard: list[bytes] = []
    end = store.subscribe("purges", heard.append)
    store.subscribe("others", lambda message: pytest.fail("of another channel"))
    await eventually(reactor, lambda: b"purges" in redis.say("PUBSUB", "CHANNELS"))

    assert (await other.publish("purges", "one")) == 1
    await eventually(reactor, lambda: heard)
    end()
    await eventually(reactor, lambda: b"purges" not in redis.say("PUBSUB", "CHANNELS"))

    assert heard == [b"one"]


@pytest_twisted.ensureDeferred
async def test_who_is_subscribed_hears_that_something_may_have_been_missed(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """Redis keeps no message for who is not there."""
    store = make(redis.url)
    heard: list[bytes] = []
    missed: list[bool] = []
    store.subscribe("purges", heard.append, lambda: missed.append(True))
    await eventually(reactor, lambda: b"purges" in redis.say("PUBSUB", "CHANNELS"))
    assert not missed

    redis.kill()
    redis.start()
    await eventually(reactor, lambda: missed)
    await eventually(reactor, lambda: b"purges" in redis.say("PUBSUB", "CHANNELS"))
    redis.say("PUBLISH", "purges", "two")
    await eventually(reactor, lambda: heard)

    assert heard == [b"two"]


@pytest_twisted.ensureDeferred
async def test_a_server_that_stands_still_is_noticed_by_who_only_listens(
    reactor: Any, redis: RedisServer, make: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks PING now and then: a connection that only listens would never know."""
    monkeypatch.setattr(subscriptions, "INTERVAL", 0.05)
    store = make(redis.url)
    missed: list[bool] = []
    store.subscribe("purges", lambda message: None, lambda: missed.append(True))
    await eventually(reactor, lambda: b"purges" in redis.say("PUBSUB", "CHANNELS"))
    link = store._subscriptions._link
    await eventually(reactor, lambda: link.connection is not None)

    redis.pause()
    await eventually(reactor, lambda: link.connection is None)
    redis.resume()

    await eventually(reactor, lambda: missed)


@pytest_twisted.ensureDeferred
async def test_a_listener_that_fails_does_not_keep_others_from_hearing(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """It is logged."""
    store = make(redis.url)
    heard: list[bytes] = []
    store.subscribe("purges", lambda message: 1 / 0)
    store.subscribe("purges", heard.append)
    await eventually(reactor, lambda: b"purges" in redis.say("PUBSUB", "CHANNELS"))

    with capturedLogs() as events:
        redis.say("PUBLISH", "purges", "one")
        await eventually(reactor, lambda: heard)

    assert any("listener failed" in event["log_format"] for event in events)


@pytest_twisted.ensureDeferred
async def test_when_it_is_stopped_nothing_is_left(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """No connection, no timer."""
    before = watched(reactor)
    store = make(redis.url)
    store.subscribe("purges", lambda message: None)
    await store.command("PING")

    await store.stopService()
    await turns(reactor)

    assert watched(reactor) <= before


@pytest_twisted.ensureDeferred
async def test_a_cluster_takes_all_limits_of_a_request_in_one_script(
    reactor: Any, tmp_path: Path, make: MakeStore
) -> None:
    """Their keys have one hash tag; a cluster refuses a script whose keys are apart."""
    limits = [Limit(b"one-----", "ip", 5, 10.0, 5), Limit(b"two-----", "user", 5, 10.0, 5, sliding=True)]
    with redis_server(tmp_path, cluster_enabled="yes", cluster_port=str(free_port())) as server:
        server.say("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        until(lambda: b"cluster_state:ok" in server.say("CLUSTER", "INFO"))
        store = make(server.url, timeout=1.0)
        decide = RedisLimits(store, MemoryLimits(), 1, lambda: pytest.fail("Redis did not decide")).bind(limits)

        left = []
        for number in range(6):
            verdict: Any = decide([b"192.0.2.1", b"alice"], 100.0 + number)
            left.append((await verdict).remaining)
        with pytest.raises(CommandRefused, match="CROSSSLOT"):
            await store.command("MGET", "a", "b")

    assert left == [4, 3, 2, 1, 0, 0]
