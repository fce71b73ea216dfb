"""`RecordedLog`: opens an access log and yields its requests, one by one, whatever its size.

Lines that hold no request are counted, and the first of them kept with the reason: a log has lines of health checks
that broke off, of scanners, and half of one at its end.

Tests: `tests/recorded/test_log.py`.
"""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import IO, Final, NamedTuple

from gateway.recorded.facts import Unreadable, recorded
from gateway.recorded.forms import OURS, UnknownForm, named, recognised
from gateway.recorded.lines import Form
from gateway.recorded.request import Recorded

FIRST: Final = 50
"""Lines that a form is recognised from."""

SHOWN: Final = 5
"""Lines without a request that are kept to be shown."""

LONGEST: Final = 1024 * 1024
"""Octets of a line; a longer one is no line of an access log, and would be held in memory whole."""

_GZIP: Final = b"\x1f\x8b"


class NotALog(Exception):
    """A file cannot be read as an access log; the words are for people, and begin with its name."""


class Skipped(NamedTuple):
    """A line without a request.

    Attributes:
        line: Its number.
        why: In words.
    """

    line: int
    why: str


class RecordedLog:
    """The requests of an access log.

    Args:
        path: Of the file; `-` for standard input. One that was packed by gzip is unpacked, whatever its name is.
        form: How it is written (`gateway.recorded.forms.named`); None to find that out.
        own: Forms of the configuration in hand, which may be its own.
        stdin: What `-` stands for.
        shown: What it is called in messages; by default its path.

    Attributes:
        path: What it is called in messages.
        form: How it is written; None until the first line is read.
        read: Requests so far.
        skipped: Lines so far that hold none.
        examples: The first of these.
        octets: Read so far, as they lie in the file; 0 for standard input.
    """

    def __init__(
        self,
        path: str,
        form: str | None = None,
        own: Sequence[Form] = (),
        stdin: IO[bytes] | None = None,
        shown: str | None = None,
    ) -> None:
        self.path = path if shown is None else shown
        self._file = path
        self.form: Form | None = None
        self.read = 0
        self.skipped = 0
        self.examples: list[Skipped] = []
        self._wanted = form
        self._own = own
        self._stdin = stdin
        self._raw: IO[bytes] | None = None
        self._octets = 0

    @property
    def ours(self) -> bool:
        """Whether a gateway of ours has written it: its routes and upstreams are called as in our configurations."""
        return self.form is not None and self.form.name in OURS

    @property
    def octets(self) -> int:
        """How far into the file reading has come."""
        return self._octets if self._raw is None else self._raw.tell()

    def __iter__(self) -> Iterator[Recorded]:
        """Yield the requests in the order of the lines.

        Raises:
            NotALog: It cannot be opened or unpacked, or nobody knows how it is written.
        """
        try:
            yield from self._requests()
        except (OSError, EOFError, zlib.error) as error:
            raise NotALog(f"cannot read {self.path}: {getattr(error, 'strerror', None) or error}") from None
        finally:
            if self._raw is not None:
                self._octets = self._raw.tell()
                self._raw.close()
                self._raw = None

    def _requests(self) -> Iterator[Recorded]:
        file = self._opened()
        lines = iter(lambda: file.readline(LONGEST), b"")
        first = list(islice(lines, FIRST))
        try:
            form = recognised(first, self._own) if self._wanted is None else self._named(self._wanted)
        except UnknownForm as error:
            raise NotALog(f"{self.path}: {error if first else 'it is empty'}") from None
        self.form = form
        for number, line in enumerate(chain(first, lines), 1):
            if line.isspace():
                continue
            try:
                request = recorded(number, form.read(line))
            except Unreadable as error:
                self.skipped += 1
                if len(self.examples) < SHOWN:
                    self.examples.append(Skipped(number, str(error)))
                continue
            self.read += 1
            yield request

    def _named(self, name: str) -> Form:
        """Return a form by its name: of ours the configuration's own, where it has one."""
        return next((form for form in self._own if form.name == name), None) or named(name)

    def _opened(self) -> IO[bytes]:
        if self._file == "-":
            raw: IO[bytes] = sys.stdin.buffer if self._stdin is None else self._stdin
        else:
            raw = self._raw = open(self._file, "rb")  # noqa: SIM115, PTH123  # `__iter__` closes it
        buffered = io.BufferedReader(raw) if not isinstance(raw, io.BufferedReader) else raw  # type: ignore[type-var]  # whatever has `read`
        if buffered.peek(2)[:2] == _GZIP:
            return gzip.GzipFile(fileobj=buffered)  # type: ignore[return-value]  # it reads as files do
        return buffered
