"""Reading files that a configuration names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config.regular import open_regular, read_regular


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    """Also by a link, as Kubernetes mounts secrets; and no more of it than is asked for."""
    (tmp_path / "a").write_bytes(b"12345")
    link = tmp_path / "link"
    link.symlink_to("a")

    assert read_regular(link) == b"12345"
    assert read_regular(str(link), 3) == b"123"
    with open_regular(link) as stream:
        assert stream.read(2) == b"12"


@pytest.mark.parametrize("what", ["pipe", "directory", "device", "missing"])
def test_anything_else_is_refused_at_once(tmp_path: Path, what: str) -> None:
    """A named pipe has no writer, and a device no end."""
    file = tmp_path / what
    if what == "pipe":
        os.mkfifo(file)
    elif what == "directory":
        file.mkdir()
    elif what == "device":
        file.symlink_to("/dev/zero")

    with pytest.raises(OSError, match=r"regular|directory"):
        read_regular(file)
