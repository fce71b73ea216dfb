"""Which of the known attacks on TLS a port withstands, as testssl.sh sees it: Heartbleed, ROBOT, POODLE and the like.

Asked for are protocols, ciphers, key exchange and attacks. The certificate is one that the tests have made, so what
testssl.sh would say of it, and with that the one letter in which newer versions sum everything up, says nothing of the
gateway; HTTP headers are those of whatever page is served.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

ASKED = ("--protocols", "--std", "--pfs", "--server-preference", "--vulnerable")
PATIENCE = 600
"""Seconds that one port may take; a quiet machine needs 40."""
HARMLESS = frozenset({"OK", "INFO", "DEBUG"})
UNKNOWN = frozenset({"WARN", "FATAL"})
"""What testssl.sh calls a question that it could not answer."""


class Scan(NamedTuple):
    """What testssl.sh found out about a port.

    Attributes:
        asked: Questions that have an answer.
        weak: In words, each answer of severity LOW or more.
        unanswered: In words, what testssl.sh could not look at.
    """

    asked: int
    weak: list[str]
    unanswered: list[str]


def scan(port: int, report: Path) -> Scan:
    """Let testssl.sh look at a port of 127.0.0.1; `report` is where it writes, and must not be there yet.

    Raises:
        ValueError: It has looked at nothing.
        subprocess.TimeoutExpired: It took longer than `PATIENCE`.
    """
    subprocess.run(
        ["testssl", "--quiet", "--warnings", "batch", "--nodns", "none", "--color", "0", *ASKED,
         "--jsonfile", str(report), f"127.0.0.1:{port}"],
        env={**os.environ, "TERM": "dumb"}, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip
    return read(report.read_text())


def read(text: str) -> Scan:
    """Read a report.

    Raises:
        ValueError: It says nothing of the port: nobody answered.
    """
    # testssl.sh tells what it misses in the machine's own OpenSSL as a finding about no address.
    found = [one for one in json.loads(text) if one["ip"] != "/"]
    judged = [one for one in found if one["severity"] not in UNKNOWN]
    if len(judged) < len(ASKED):
        raise ValueError("testssl.sh found no port that speaks TLS")
    words = {id(one): f"{one['id']}: {one['finding']} ({one['severity']})" for one in found}
    return Scan(
        len(judged),
        [words[id(one)] for one in judged if one["severity"] not in HARMLESS],
        [words[id(one)] for one in found if one["severity"] in UNKNOWN],
    )
