"""The files of the live page, over the admin port."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gateway.admin.page_files import FILES, MEDIA_TYPES, PageFiles
from gateway.admin.resources import AdminRoot
from gateway.admin.service import AdminSite
from gateway.answering.health import Health

SERVED = sorted(
    str(path.relative_to(FILES)) for path in FILES.rglob("*") if path.is_file() and path.suffix in MEDIA_TYPES
)


def ask(
    path: str, *fields: str, method: str = "GET", host: str = "localhost:9090"
) -> tuple[int, dict[str, str], bytes]:
    """Ask for a file; returns status, fields and content."""
    root = AdminRoot(Health(), lambda accept: (b"", b""), {}, lambda: {"ui/": PageFiles()})
    protocol = AdminSite(root, Clock(), lambda: "id").buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived("\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, "", ""]).encode())
    head, _, body = transport.value().partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in rest), body


@pytest.mark.parametrize("name", SERVED)
def test_a_file_is_served_as_what_it_is(name: str) -> None:
    """Its octets and media type, and what keeps a browser from taking it for anything else."""
    status, fields, body = ask(f"/ui/{name}")

    assert (status, body) == (200, (FILES / name).read_bytes())
    assert fields["Content-Type"].encode() == MEDIA_TYPES[Path(name).suffix]
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert fields["Cache-Control"] == "no-cache"
    assert "frame-ancestors 'none'" in fields["Content-Security-Policy"]
    assert "unsafe" not in fields["Content-Security-Policy"]


def test_the_page_is_at_the_directory() -> None:
    """`/ui/` is the page; `/ui` leads there, by a relative address."""
    assert ask("/ui/")[2] == (FILES / "index.html").read_bytes()

    status, fields, _ = ask("/ui")
    assert (status, fields["Location"]) == (308, "ui/")


def test_what_the_browser_has_is_not_sent_again() -> None:
    """By its entity tag; another one gets the file."""
    tag = ask("/ui/app.js")[1]["ETag"]

    status, fields, body = ask("/ui/app.js", f"If-None-Match: {tag}")
    assert (status, body, fields["ETag"]) == (304, b"", tag)
    assert ask("/ui/app.js", 'If-None-Match: "other"')[0] == 200
    assert ask("/ui/app.js", method="HEAD")[::2] == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/ui/none.js",
        "/ui/../guard.py",
        "/ui/%2e%2e/guard.py",
        "/ui//etc/passwd",
        "/ui/vendor",
        "/ui/a%00.js",
        "/ui/a\\..js",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    """Neither what is not there, nor what is elsewhere."""
    assert ask(path)[0] == 404


def test_a_page_of_another_name_gets_nothing() -> None:
    """As from all of the admin port: `gateway.admin.hosts`."""
    assert ask("/ui/", host="evil.example")[0] == 403
    assert ask("/ui/", method="POST")[0] == 405


def test_the_page_has_no_script_or_style_in_its_markup() -> None:
    """The policy would not let it run; and what it loads is in the package."""
    page = (FILES / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    scripts = "".join(path.read_text() for path in FILES.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", scripts)
    loaded = re.findall(r'from "(\./[^"]+)"', scripts) + re.findall(r'(?:src|href)="([^".][^"]*)"', page)
    assert loaded
    for name in loaded:
        assert (FILES / name).is_file(), name


def test_each_library_has_its_licence() -> None:
    """Beside it, and in the list."""
    libraries = {path.name for path in (FILES / "vendor").iterdir() if path.suffix in (".js", ".css")}
    listed = (FILES / "vendor" / "README.txt").read_text()
    for name in libraries:
        assert name in listed
    for name in ("preact", "htm", "uPlot"):
        assert (FILES / "vendor" / f"{name}.LICENSE.txt").is_file()
