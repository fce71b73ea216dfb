"""What an error that Redis answers with means for who asked, and for the connection it came on.

Redis tells the kind of an error by its first word, in capitals. Up to 6.2 an
error within a script comes wrapped, and its first word is ERR:

    -ERR Error running script (call to f_…): @user_script:75: @user_script: 75: -READONLY You can't write against …

From 7 on it comes as it is (`-READONLY You can't … script: …, on @user_script:75.`). A few errors
have words only, and never had a code of their own; `_WORDS` gives them one.
"""

from __future__ import annotations

import re
from enum import Enum


class Meaning(Enum):
    """What to do about an error."""

    FORGOTTEN = "the script is not known (any more): send its source"
    ELSEWHERE = "another node of the cluster has the key: ask that one"
    NOT_HERE = "this server, or this connection, is not the one: close it and dial again"
    NOT_NOW = "the server cannot serve anybody at the moment: it counts as down"
    NO_WRITES = "the server answers, but takes no writes: this command is refused"
    REFUSED = "this command is refused; others may not be"


MEANINGS = {
    "NOSCRIPT": Meaning.FORGOTTEN,
    "MOVED": Meaning.ELSEWHERE,
    "ASK": Meaning.ELSEWHERE,
    # A replica: the master has changed, and the name or the sentinels lead to the new one.
    "READONLY": Meaning.NOT_HERE,
    "MASTERDOWN": Meaning.NOT_HERE,
    "UNBLOCKED": Meaning.NOT_HERE,
    # Passwords and users are changed while connections are open.
    "NOAUTH": Meaning.NOT_HERE,
    "WRONGPASS": Meaning.NOT_HERE,
    "DENIED": Meaning.NOT_HERE,
    "MAXCLIENTS": Meaning.NOT_HERE,
    "LOADING": Meaning.NOT_NOW,
    "BUSY": Meaning.NOT_NOW,
    "CLUSTERDOWN": Meaning.NOT_NOW,
    "TRYAGAIN": Meaning.REFUSED,
    "OOM": Meaning.NO_WRITES,
    "MISCONF": Meaning.NO_WRITES,
    "NOREPLICAS": Meaning.NO_WRITES,
}
"""By code. What is not here is `REFUSED`: WRONGTYPE, CROSSSLOT, NOPERM, EXECABORT, ERR, …"""

_WRAPPED = re.compile(r"ERR Error (?:running|compiling) script \(.*?\): (?:@?\w+: ?\d+: )*-?(.*)", re.DOTALL)
_CODE = re.compile(r"-?([A-Z][A-Z0-9_]+)(?: |$)")

_WORDS = (
    ("max number of clients reached", "MAXCLIENTS"),
    ("max number of clients + cluster connections reached", "MAXCLIENTS"),
    ("invalid password", "WRONGPASS"),
    ("operation not permitted", "NOAUTH"),
    ("The user executing the script can't run this command", "NOPERM"),
    ("ACL failure in script", "NOPERM"),
    ("Lua script attempted to access a non local key in a cluster node", "CROSSSLOT"),
    ("Script attempted to access a non local key in a cluster node", "CROSSSLOT"),
    ("Script attempted to access keys that do not hash to the same slot", "CROSSSLOT"),
    ("Lua script attempted to execute a write command while the cluster is down", "CLUSTERDOWN"),
    ("Script attempted to execute a write command while the cluster is down", "CLUSTERDOWN"),
    ("Script attempted to execute a command while the cluster is down", "CLUSTERDOWN"),
)


def code_of(answer: str) -> str:
    """Return the code of an error, also of one that comes wrapped by a script or has words only.

    Only what Redis itself has written before any argument is looked at: what follows may quote the command.
    """
    wrapped = _WRAPPED.match(answer)
    inner = answer if wrapped is None else wrapped[1]
    code = _CODE.match(inner)
    if code is not None and code[1] != "ERR":
        return code[1]
    words = inner if code is None else inner[code.end() :]
    return next((found for begin, found in _WORDS if words.startswith(begin)), "ERR")


def meaning_of(code: str) -> Meaning:
    """Return what to do about an error with this code."""
    return MEANINGS.get(code, Meaning.REFUSED)


def place_of(answer: str) -> tuple[int, str, int] | None:
    """Return slot, host and port that MOVED or ASK names; an empty host is that of who answers. None for others.

    A node that tells host names, and has none of the other, says `?`. The map has its address; until that is there, the
    host of who answers is as good as any.
    """
    parts = answer.split(" ")
    if len(parts) < 3 or parts[0] not in ("MOVED", "ASK") or not parts[1].isdecimal():
        return None
    host, _, port = parts[2].rpartition(":")
    return (int(parts[1]), host.strip("[]?"), int(port)) if port.isdecimal() else None
