"""Write the figures of docs/conformance.md: what the suites hold the gateway to, counted from their own tables.

python -m tests.conformance.figures

How many tests a suite has changes with every one that is added: those figures are collected when the page is made, and
have a date. The table of rows is held against the page by a test.
"""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import write_markdown
from tests.conformance import test_requests, test_responses

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/conformance.md"

SECTIONS: Mapping[str, str] = {
    "3986 2.1": "Percent-encoding",
    "9110 2.5": "Protocol version",
    "9110 4.1": "URI references",
    "9110 4.2.5": "Userinfo in URIs",
    "9110 5.1": "Field names",
    "9110 5.4": "Field limits",
    "9110 5.5": "Field values",
    "9110 7.8": "Upgrade",
    "9110 8.6": "Content-Length",
    "9110 9.1": "Methods",
    "9110 9.3.2": "HEAD",
    "9110 9.3.6": "CONNECT",
    "9110 15": "Status codes",
    "9110 15.2": "Interim answers",
    "9110 15.2.2": "101 Switching Protocols",
    "9110 15.3.5": "204 No Content",
    "9110 15.4.5": "304 Not Modified",
    "9110 15.5.14": "413 Content Too Large",
    "9112 2.2": "Message parsing: line ends, what stands before and between messages",
    "9112 2.3": "HTTP version",
    "9112 3": "Request line",
    "9112 3.2": "Request target and Host",
    "9112 3.2.1": "Origin form",
    "9112 3.2.2": "Absolute form",
    "9112 3.2.3": "Authority form",
    "9112 3.2.4": "Asterisk form",
    "9112 4": "Status line",
    "9112 5": "Field syntax",
    "9112 5.1": "Blanks around names and values",
    "9112 5.2": "Obsolete line folding",
    "9112 6.1": "Transfer-Encoding",
    "9112 6.3": "Message body length",
    "9112 7.1": "Chunks",
    "9112 7.1.1": "Chunk extensions",
    "9112 7.1.2": "Trailers",
    "9112 9": "Connection management",
    "9112 9.2": "Which answer belongs to which request",
    "9112 9.3": "Persistence",
    "9112 9.6": "Tear-down",
    "9113 3.4": "HTTP/2 connection preface",
}
"""What sections of RFCs are about, in the words of this project."""

SUITES: Sequence[tuple[str, str]] = (
    ("tests/conformance", "HTTP/1.1 on both sides: octets in, octets out, judged by a strict reader of its own"),
    ("tests/http1", "the wire of 1.1: parsers, framing, chunks, with properties that compare ways of cutting"),
    ("tests/http2", "the wire of 2: frames, fields, windows, abuse, each by octets"),
    ("tests/flow/test_http2.py", "HTTP/2 with clients, the whole gateway in memory"),
    ("tests/flow/test_http2_floods.py", "HTTP/2 floods: resets, settings, pings, headers, and what ends them"),
    ("tests/system/test_grpc.py", "gRPC by grpcio's own clients and servers"),
    ("tests/system/test_http2.py", "HTTP/2 by curl, h2 and h2load over sockets and TLS"),
    ("tests/caching", "RFC 9111: freshness, validation, keys, stores"),
    ("tests/flow/test_cache.py", "RFC 9111 through the whole gateway"),
    ("tests/differential", "our cache beside hishel's; interpreted beside compiled"),
    ("tests/contracts", "one suite for each interface, run on every implementation, doubles too"),
    ("tests/simulation", "random clients, backends and faults against invariants, replayable by seed"),
)


def rows() -> str:
    """Return the tables that are counted from the suites' own."""
    requests = _by_section(test_requests.MALFORMED, test_requests.OTHERS), _by_section(test_requests.TAKEN)
    answers = _by_section(test_responses.BAD), _by_section(test_responses.GOOD)
    lines = [
        "| section | about | requests refused | requests taken | answers refused | answers taken |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    counters = (*requests, *answers)
    for section in sorted(set().union(*counters), key=_place):
        rfc, _, number = section.partition(" ")
        counts = " | ".join(str(counter[section] or "") for counter in counters)
        lines.append(f"| RFC {rfc}, {number} | {SECTIONS[section]} | {counts} |")
    sums = " | ".join(f"**{counter.total()}**" for counter in counters)
    return "\n".join([*lines, f"| | **all** | {sums} |"]) + "\n"


def collected() -> str:
    """Ask pytest how many tests each suite has."""
    paths = [path for path, _ in SUITES]
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *paths]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = Counter(re.findall(r"^(tests/[^:]+)::", told, re.MULTILINE))
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        f"Tests that `pytest --collect-only` finds, on {today}.\n",
        "| suite | tests | of what |",
        "| --- | ---: | --- |",
    ]
    for path, words in SUITES:
        count = sum(number for file, number in files.items() if file == path or file.startswith(f"{path}/"))
        lines.append(f"| `{path}` | {count:,} | {words} |")
    return "\n".join(lines)


def _by_section(*tables: Iterable[tuple[Any, ...]]) -> Counter[str]:
    return Counter(row[0] for table in tables for row in table)


def _place(section: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", section)]


if __name__ == "__main__":
    write_markdown(PAGE, rows(), "rows")
    write_markdown(PAGE, collected(), "suites")
