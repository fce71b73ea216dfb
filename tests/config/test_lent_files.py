"""What another process has read stands in for files that may not be opened, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.lent_files import LentFiles, lent
from gateway.config.regular import read_regular
from tests.rights import closed, open_place


@pytest.fixture
def key() -> Iterator[Path]:
    """A file whose content of another time is lent."""
    with open_place() as place:
        file = place / "key.pem"
        file.write_bytes(b"now")
        lent.lend({str(file): b"then"})
        yield file
        lent.end()
        lent.used.clear()


def test_only_a_file_that_may_not_be_read_is_another_process(key: Path) -> None:
    """What is in the file counts as long as anybody may look."""
    with closed(key):
        assert read_regular(key) == b"then"
        assert read_regular(f"{key.parent}//./key.pem", 2) == b"th"
    assert lent.used == {str(key)}

    assert read_regular(key) == b"now"
    key.unlink()
    with pytest.raises(FileNotFoundError):
        read_regular(key)


def test_it_is_for_the_start(key: Path) -> None:
    """A reload is refused in the kernel's words, as it is where nothing was lent."""
    lent.end()

    with closed(key), pytest.raises(PermissionError):
        read_regular(key)
    assert not lent


def test_what_lies_below_a_directory_is_told() -> None:
    """At any depth; not what only begins with the same letters."""
    files = LentFiles()
    files.lend({"/etc/tls/a.pem": b"", "/etc/tls/live/b.pem": b"", "/etc/tls2/c.pem": b""})

    assert files.below(Path("/etc/tls")) == [Path("/etc/tls/a.pem"), Path("/etc/tls/live/b.pem")]
    assert files.content("/etc/tls/x.pem") is None
