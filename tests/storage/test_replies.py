"""Errors of Redis and Valkey, as their versions word them, into what is done about them."""

from __future__ import annotations

import pytest

from gateway.storage.errors import CommandRefused
from gateway.storage.replies import MEANINGS, Meaning, code_of, meaning_of, place_of

_OLD = "ERR Error running script (call to f_6b1bf486c81ceb7edf3c093f4c48582e38c0e791): @user_script:75: "
"""How Redis 2.6 to 6.2 begin an error within a script; `@user_script: 75: ` follows where a command failed."""
_AGAIN = "@user_script: 75: "
_NEW = " script: 6b1bf486c81ceb7edf3c093f4c48582e38c0e791, on @user_script:75."
"""How Redis 7 and Valkey end one."""

READONLY_SLAVE = "READONLY You can't write against a read only slave."
READONLY = "READONLY You can't write against a read only replica."
OOM = "OOM command not allowed when used memory > 'maxmemory'."
MISCONF = (
    "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk. Commands that "
    "may modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details."
)
NOREPLICAS = "NOREPLICAS Not enough good replicas to write."
MASTERDOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."

TABLE = [
    # As it is: every version.
    ("NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT", Meaning.FORGOTTEN),
    ("MOVED 3999 127.0.0.1:6381", "MOVED", Meaning.ELSEWHERE),
    ("ASK 3999 127.0.0.1:6381", "ASK", Meaning.ELSEWHERE),
    (READONLY, "READONLY", Meaning.NOT_HERE),
    (MASTERDOWN, "MASTERDOWN", Meaning.NOT_HERE),
    ("UNBLOCKED force unblock from blocking operation, instance state changed", "UNBLOCKED", Meaning.NOT_HERE),
    ("NOAUTH Authentication required.", "NOAUTH", Meaning.NOT_HERE),
    ("WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS", Meaning.NOT_HERE),
    ("DENIED Redis is running in protected mode because protected mode is enabled", "DENIED", Meaning.NOT_HERE),
    ("LOADING Redis is loading the dataset in memory", "LOADING", Meaning.NOT_NOW),
    ("LOADING Valkey is loading the dataset in memory", "LOADING", Meaning.NOT_NOW),
    ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY", Meaning.NOT_NOW),
    ("CLUSTERDOWN The cluster is down", "CLUSTERDOWN", Meaning.NOT_NOW),
    ("CLUSTERDOWN Hash slot not served", "CLUSTERDOWN", Meaning.NOT_NOW),
    ("TRYAGAIN Multiple keys request during rehashing of slot", "TRYAGAIN", Meaning.REFUSED),
    (OOM, "OOM", Meaning.NO_WRITES),
    (MISCONF, "MISCONF", Meaning.NO_WRITES),
    (NOREPLICAS, "NOREPLICAS", Meaning.NO_WRITES),
    ("CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT", Meaning.REFUSED),
    ("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE", Meaning.REFUSED),
    ("NOPERM this user has no permissions to run the 'evalsha' command", "NOPERM", Meaning.REFUSED),
    ("ERR unknown command `EVALSHA`, with args beginning with: ", "ERR", Meaning.REFUSED),
    # Words only.
    ("ERR max number of clients reached", "MAXCLIENTS", Meaning.NOT_HERE),
    ("ERR invalid password", "WRONGPASS", Meaning.NOT_HERE),  # up to 5
    ("ERR operation not permitted", "NOAUTH", Meaning.NOT_HERE),  # up to 2.8
    ("ERR DB index is out of range", "ERR", Meaning.REFUSED),
    # Within a script, up to 6.2.
    (_OLD + _AGAIN + "-" + READONLY_SLAVE, "READONLY", Meaning.NOT_HERE),  # 4
    (_OLD + _AGAIN + "-" + READONLY, "READONLY", Meaning.NOT_HERE),  # 5, 6
    (_OLD + "-" + READONLY, "READONLY", Meaning.NOT_HERE),
    (_OLD + _AGAIN + "-" + OOM, "OOM", Meaning.NO_WRITES),
    (_OLD + "-" + OOM, "OOM", Meaning.NO_WRITES),
    (_OLD + _AGAIN + "-" + MISCONF, "MISCONF", Meaning.NO_WRITES),
    (_OLD + _AGAIN + "-" + NOREPLICAS, "NOREPLICAS", Meaning.NO_WRITES),
    (_OLD + _AGAIN + "-" + MASTERDOWN, "MASTERDOWN", Meaning.NOT_HERE),
    (_OLD + "WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE", Meaning.REFUSED),
    (
        _OLD + _AGAIN + "Lua script attempted to access a non local key in a cluster node",
        "CROSSSLOT",
        Meaning.REFUSED,
    ),
    (
        _OLD + _AGAIN + "Lua script attempted to execute a write command while the cluster is down and readonly",
        "CLUSTERDOWN",
        Meaning.NOT_NOW,
    ),
    (_OLD + _AGAIN + "The user executing the script can't run this command or subcommand", "NOPERM", Meaning.REFUSED),
    (_OLD + _AGAIN + "Write commands not allowed after non deterministic commands.", "ERR", Meaning.REFUSED),
    # Within a script, from 7 on.
    (READONLY + _NEW, "READONLY", Meaning.NOT_HERE),
    (OOM + _NEW, "OOM", Meaning.NO_WRITES),
    (MISCONF + _NEW, "MISCONF", Meaning.NO_WRITES),
    (NOREPLICAS + _NEW, "NOREPLICAS", Meaning.NO_WRITES),
    ("ERR Script attempted to access a non local key in a cluster node" + _NEW, "CROSSSLOT", Meaning.REFUSED),
    ("ERR Script attempted to execute a command while the cluster is down" + _NEW, "CLUSTERDOWN", Meaning.NOT_NOW),
    ("ERR ACL failure in script: User default has no permissions" + _NEW, "NOPERM", Meaning.REFUSED),
    ("ERR user_script:1: attempt to index a nil value" + _NEW, "ERR", Meaning.REFUSED),
]


@pytest.mark.parametrize(("answer", "code", "meaning"), TABLE, ids=[f"{row[1]}-{at}" for at, row in enumerate(TABLE)])
def test_every_error_has_its_code_and_meaning(answer: str, code: str, meaning: Meaning) -> None:
    """Whatever version words it, and whether a script wraps it."""
    error = CommandRefused(answer)

    assert (code_of(answer), error.code, error.meaning) == (code, code, meaning)
    assert str(error) == f"refused: {code}"


def test_the_table_has_every_code() -> None:
    """None is there that no text leads to."""
    assert set(MEANINGS) <= {code for _, code, _ in TABLE}
    assert meaning_of("SOMETHINGNEW") is Meaning.REFUSED


def test_what_a_command_brought_is_no_code() -> None:
    """Texts quote arguments: a key named `-READONLY ` does not close connections."""
    assert code_of("ERR unknown command `: -READONLY x`, with args beginning with: `-READONLY`") == "ERR"
    assert code_of(_OLD + "user text: -READONLY x") == "ERR"


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("MOVED 3999 127.0.0.1:6381", (3999, "127.0.0.1", 6381)),
        ("ASK 1 node.internal:7000", (1, "node.internal", 7000)),
        ("MOVED 2 ::1:6381", (2, "::1", 6381)),
        ("MOVED 2 :6381", (2, "", 6381)),
        ("MOVED 2 ?:6381", (2, "", 6381)),
        ("MOVED 2 nonsense", None),
        ("MOVED", None),
        ("READONLY You can't", None),
    ],
)
def test_where_a_key_is(answer: str, place: tuple[int, str, int] | None) -> None:
    """Slot, host and port."""
    assert place_of(answer) == place
