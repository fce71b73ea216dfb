"""Comments that ignore what is doubtful: `gateway.config.ignoring`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError, load, load_with_doubts
from gateway.config.ignoring import Remark, in_vain, parted, remarks
from gateway.config.problems import Problem
from gateway.config.sources import Source

ROUTE = "routes: [{path: /, respond: {}, queue: {}}]"


@pytest.mark.parametrize(
    ("text", "covers", "codes"),
    [
        ("a: 1  # gateway: ignore one", 1, ("one",)),
        ("a: 1 # gateway: ignore one, two # because", 1, ("one", "two")),
        ("# gateway: ignore one -- as it was asked for\n# and more\na: 1\n", 3, ("one",)),
        ("#gateway: ignore one", 1, ("one",)),
        ("a: 1  # gateway: ignore", 1, ()),
    ],
)
def test_a_comment_covers_a_line(text: str, covers: int, codes: tuple[str, ...]) -> None:
    """Its own, or the next one that is no comment."""
    (found,) = remarks([Source("g.yaml", text)])

    assert (found.covers, found.codes) == (covers, codes)


def test_what_is_no_comment_covers_nothing() -> None:
    """A `#` in a word, another word, and JSON, which has none."""
    texts = ("a: b#gateway: ignore one", "# gateway: ignores one")
    assert remarks([*(Source("g.yaml", text) for text in texts), Source("g.json", "# gateway: ignore one")]) == []


def test_a_doubt_is_ignored_by_its_code_and_line() -> None:
    """Another rule's doubt about the same line stays, and the same rule's about another."""
    found = [Remark("g", 1, 1, 1, ("no-effect",))]
    doubts = [Problem("g", line, 1, "", "", code) for line, code in ((1, "no-effect"), (1, "cors"), (2, "no-effect"))]

    stay, gone = parted(doubts, found)

    assert (stay, gone) == (doubts[1:], doubts[:1])


def test_comments_in_vain() -> None:
    """Without a code, with one that there is not, with one that nothing is told by."""
    found = [Remark("g", line, 1, line, codes) for line, codes in enumerate([(), ("cros",), ("cors",), ("cache",)], 1)]

    told = list(in_vain(found, [Problem("g", 4, 1, "", "", "cache")]))

    assert [(one.line, one.code) for one in told] == [(1, "unknown-code"), (2, "unknown-code"), (3, "unused-ignore")]
    assert "did you mean `cors`?" in told[1].message


def test_what_is_ignored_is_no_error_where_doubts_are(tmp_path: Path) -> None:
    """With `strict`, as without."""
    file = tmp_path / "g.yaml"
    file.write_text(f"strict: true\n{ROUTE}\n")
    with pytest.raises(ConfigError, match="nobody waits in it"):
        load(file, {})

    file.write_text(f"strict: true\n{ROUTE}  # gateway: ignore no-effect\n")

    assert load_with_doubts(file, {})[1] == []
