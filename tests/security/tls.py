"""What a port takes of TLS, as sslscan sees it, and what of that is weak: wanted are TLS 1.2 or newer and AEAD."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

TAKEN = frozenset({"TLSv1.2", "TLSv1.3"})
_AEAD = ("GCM", "CHACHA20", "CCM")


class Port(NamedTuple):
    """What sslscan found out.

    Attributes:
        versions: Of TLS and SSL that are taken.
        ciphers: Taken, each with its version.
        weak: In words, whatever should not be so.
    """

    versions: list[str]
    ciphers: list[tuple[str, str]]
    weak: list[str]


def scan(port: int, report: Path) -> Port:
    """Let sslscan look at a port of 127.0.0.1; `report` is where it writes."""
    subprocess.run(
        ["sslscan", "--no-colour", f"--xml={report}", f"127.0.0.1:{port}"], capture_output=True, check=True, timeout=120
    )
    return grade(report.read_text())


def grade(text: str) -> Port:
    """Read a report of sslscan's.

    Raises:
        ValueError: It says nothing of any cipher: nobody answered.
    """
    # Written by a program that we have started, of a port that is ours.
    test = ElementTree.fromstring(text).find("ssltest")
    if test is None or test.find("cipher") is None:
        raise ValueError("sslscan found no port that speaks TLS")
    versions = [
        f"{one.get('type', '').upper()}v{one.get('version')}"
        for one in test.iter("protocol")
        if one.get("enabled") == "1"
    ]
    ciphers = [(one.get("sslversion", ""), one.get("cipher", "")) for one in test.iter("cipher")]
    weak = [f"{version} is taken" for version in versions if version not in TAKEN]
    for version, cipher in ciphers:
        if not any(part in cipher for part in _AEAD):
            weak.append(f"{cipher} is taken, which has no AEAD")
        elif version != "TLSv1.3" and not cipher.startswith(("ECDHE-", "DHE-")):
            weak.append(f"{cipher} is taken, whose secrets end with the key's")
    told = {"compression": "supported", "heartbleed": "vulnerable"}
    for element, word in told.items():
        weak += [f"{element}" for one in test.iter(element) if one.get(word) == "1"]
    weak += [
        "insecure renegotiation"
        for one in test.iter("renegotiation")
        if one.get("supported") == "1" and one.get("secure") != "1"
    ]
    return Port(versions, ciphers, weak)
