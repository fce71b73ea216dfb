"""A configuration of nginx as a tree of directives, with the files that it includes.

The first step of `gateway.importing.nginx`; knows the grammar (words, quotes, `;`, braces) and no meaning. Each
directive remembers its place and whether somebody has made something of it, so that what nobody did is listed.

Tests: `tests/importing/nginx/test_reading.py`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from gateway.config.problems import ConfigError, Place, Problem, problem
from gateway.config.regular import read_regular

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>(?:\s+|\#[^\n]*)+)
  | (?P<mark>[;{}])
  | "(?P<double>(?:[^"\\]|\\.)*)"(?=[\s;{)])
  | '(?P<single>(?:[^'\\]|\\.)*)'(?=[\s;{)])
  | (?P<word>(?!["'])(?:\\.|\$\{|[^\s;{\\])+)
    """,
    re.VERBOSE | re.DOTALL,
)
"""As nginx reads words: a quote begins a text only at the start of a word, and `${` begins no block."""

_ESCAPE: Final = re.compile(r"""\\(["'\\trn])""")
_ESCAPED: Final = {"t": "\t", "r": "\r", "n": "\n"}
_LUA: Final = re.compile(r"""--\[\[.*?\]\]|--[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}]""", re.DOTALL)

MOST_FILES: Final = 10_000
"""Files of one configuration; a file that includes itself is stopped before."""
_DEEPEST: Final = 32
_LONGEST: Final = 80


@dataclass(slots=True)
class Directive:
    """One directive: a name, its words, and where it has one its block; a `Piece` of a source.

    Attributes:
        block: The directives in its braces; None where it ends with `;`.
        used: Whether something was made of it, or was said about it.
    """

    place: Place
    name: str
    words: tuple[str, ...]
    block: list[Directive] | None = None
    used: bool = False
    _named: dict[str, list[Directive]] | None = None

    @property
    def key(self) -> str:
        """What hints know it by."""
        return self.name

    @property
    def path(self) -> str:
        """What lists call it: its name and its words, cut where there are many."""
        written = " ".join((self.name, *self.words))
        return written if len(written) <= _LONGEST else f"{written[: _LONGEST - 1]}…"

    def all(self, name: str) -> list[Directive]:
        """Take the directives of a name in the block, in order."""
        if self._named is None:  # a server may have thousands, and each location asks it what it inherits
            self._named = {}
            for each in self.block or ():
                self._named.setdefault(each.name, []).append(each)
        found = self._named.get(name, [])
        for each in found:
            each.used = True
        return found

    def mark_read(self) -> None:
        """Count it and everything in its block as read."""
        self.used = True
        for each in self.block or ():
            each.mark_read()

    def unread(self) -> Iterator[Directive]:
        """Yield what nobody has used, the outermost only: what is in a block goes with the block."""
        for each in self.block or ():
            if each.used:
                yield from each.unread()
            else:
                yield each


def read(path: str) -> Directive:
    """Read a configuration with all that it includes.

    Args:
        path: The main file. Relative names in `include` begin at its directory, as with `nginx -p`.

    Returns:
        A directive without a name; its block is the file.

    Raises:
        ConfigError: A file cannot be read, or is not what nginx would read.
    """
    return _Reader(Path(path)).main()


@dataclass
class _Reader:
    """Reads files, and puts what is included where it is included."""

    main_file: Path
    files: int = 0
    problems: list[Problem] = field(default_factory=list)

    def main(self) -> Directive:
        root = Directive(Place(str(self.main_file), 1, 1), "", (), self._file(self.main_file, 0), used=True)
        if self.problems:
            raise ConfigError(self.problems)
        return root

    def _file(self, path: Path, depth: int) -> list[Directive]:
        self.files += 1
        if depth > _DEEPEST or self.files > MOST_FILES:
            # A file that includes itself; the first place that goes too deep is enough.
            raise ConfigError(
                [Problem(str(path), 1, 1, "include", "expected files that include each other in no circle")]
            )
        try:
            text = read_regular(path).decode("utf-8-sig")
        except OSError as error:
            raise ConfigError([Problem(str(path), 1, 1, "", f"cannot be read: {error.strerror}")]) from None
        except UnicodeDecodeError as error:
            raise ConfigError([Problem(str(path), 1, 1, "", f"expected UTF-8, found {error.reason}")]) from None
        return self._included(parse(text, str(path)), depth)

    def _included(self, directives: list[Directive], depth: int) -> list[Directive]:
        """Put the contents of files in the places of the `include`s that name them."""
        found: list[Directive] = []
        for each in directives:
            if each.name != "include" or len(each.words) != 1:
                if each.block:
                    each.block = self._included(each.block, depth)
                found.append(each)
                continue
            names = self._named(each.words[0])
            if names is None:  # listed by whoever walks what is not used
                found.append(each)
                continue
            for name in names:
                found += self._file(name, depth + 1)
        return found

    def _named(self, pattern: str) -> list[Path] | None:
        """Return the files that an `include` names, in order; None for one that is not there."""
        where = self.main_file.parent
        if re.search(r"[*?\[]", pattern):
            base = Path(Path(pattern).anchor or where)
            return sorted(base.glob(pattern.removeprefix(Path(pattern).anchor)))
        path = where / pattern
        return [path] if path.exists() else None


class _Token(NamedTuple):
    """A word, or one of `;`, `{` and `}`; where it is, and where it ends in the text."""

    place: Place
    text: str
    is_mark: bool
    end: int


def _tokens(text: str, file: str) -> Generator[_Token, int | None, Place]:
    """Yield words and marks; who sends an offset goes on there. Returns the place where the text ends."""
    offset, line, begins = 0, 1, 0
    while offset < len(text):
        here = Place(file, line, offset - begins + 1)
        match = _TOKEN.match(text, offset)
        if match is None:
            raise ConfigError([problem(here, "", "a word of nginx", f"`{text[offset:].splitlines()[0][:30]}`")])
        end = match.end()
        if match["blank"] is None:
            inner = next((match[name] for name in ("double", "single") if match[name] is not None), match[0])
            written = inner if match["mark"] else _ESCAPE.sub(_unescape, inner)
            further = yield _Token(here, written, match["mark"] is not None, end)
            if further is not None:
                yield _Token(here, "", False, end)  # what `send` returns
                end = further
        line += text.count("\n", offset, end)
        if "\n" in text[offset:end]:
            begins = text.rindex("\n", offset, end) + 1
        offset = end
    return Place(file, line, offset - begins + 1)


def parse(text: str, file: str) -> list[Directive]:
    """Make directives of a text.

    Args:
        text: What a file holds.
        file: Its name, for places and errors.

    Raises:
        ConfigError: The text ends too early, or has a mark where a word is wanted.
    """
    open_: list[list[Directive]] = [[]]
    words: list[_Token] = []
    tokens = _tokens(text, file)
    while True:
        try:
            token = next(tokens)
        except StopIteration as stop:
            if words or len(open_) > 1:
                wanted = "`;` or `{`" if words else "`}`"
                raise ConfigError([problem(stop.value, "", wanted, "the end of the file")]) from None
            return open_[0]
        if not token.is_mark:
            words.append(token)
        elif token.text == "}":
            if words or len(open_) == 1:
                raise ConfigError([problem(token.place, "", "`;`" if words else "no `}`: none is open", "`}`")])
            open_.pop()
        elif not words:
            raise ConfigError([problem(token.place, "", "the name of a directive", f"`{token.text}`")])
        else:
            name, *rest = words
            made = Directive(name.place, name.text, tuple(one.text for one in rest), None if token.text == ";" else [])
            open_[-1].append(made)
            words = []
            if made.block is None:
                continue
            if made.name.endswith("_by_lua_block"):
                tokens.send(_end_of_lua(text, token.end, token.place))
            else:
                open_.append(made.block)


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[1])


def _end_of_lua(text: str, offset: int, begun: Place) -> int:
    """Return where the brace closes that a block of Lua stands in: Lua has braces and strings of its own."""
    depth = 1
    for match in _LUA.finditer(text, offset):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    raise ConfigError([problem(begun, "", "`}` at the end of the block of Lua", "the end of the file")])


@contextmanager
def told_with_its_line(block: Directive) -> Iterator[None]:
    """Tell what cannot be read in a block with the block's place.

    Raises:
        ConfigError: A value is none that nginx takes, or is missing.
    """
    try:
        yield
    except (ValueError, IndexError) as error:
        found = "a directive without its value" if isinstance(error, IndexError) else str(error)
        raise ConfigError([problem(block.place, block.path, "what nginx takes", found)]) from None
