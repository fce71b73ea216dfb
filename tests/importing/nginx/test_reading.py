"""Words, quotes and blocks as nginx reads them, and files that include others."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.importing.nginx.reading import Directive, parse, read


def one(text: str) -> Directive:
    """Return the only directive of a text."""
    (found,) = parse(text, "nginx.conf")
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("return 200 ok;", ("200", "ok")),
        ("return 200 'it''s';", None),
        ('return 200 "a \\"b\\" c;{}";', ("200", 'a "b" c;{}')),
        ("return 200 'it\\'s';", ("200", "it's")),
        ('return 200 "a\\n\\tb\\\\c\\d";', ("200", "a\n\tb\\c\\d")),
        ("add_header A a\\ b;", ("A", "a\\ b")),
        ("set $a x${host}y;", ("$a", "x${host}y")),
        ("access_log off; # so", ("off",)),
        ("location_x a#b;", ("a#b",)),
        ("log_format a \"$x\" # why\n  '$y';", ("a", "$x", "$y")),
    ],
)
def test_words(text: str, words: tuple[str, ...] | None) -> None:
    """Quotes count at the start of a word only, escapes are undone, and `${` begins no block."""
    if words is None:
        with pytest.raises(ConfigError):
            one(text)
    else:
        assert one(text).words == words


def test_blocks_and_places() -> None:
    """A directive knows its file, line and column, and the directives of its block."""
    server = one('server {\n  listen 80;\n  location ~ "^/v[0-9]{1,2}$" { return 204; }\n}')

    assert server.block is not None
    listen, location = server.block
    assert (listen.place.line, listen.place.column) == (2, 3)
    assert location.words == ("~", "^/v[0-9]{1,2}$")
    assert location.path == "location ~ ^/v[0-9]{1,2}$"
    assert [each.name for each in location.block or ()] == ["return"]


def test_lua_is_passed_by() -> None:
    """A block of Lua has braces, strings and comments of its own."""
    block, after = parse("content_by_lua_block {\n if x then y = {'}'} end -- }\n}\nlisten 80;", "nginx.conf")

    assert (block.name, block.block, after.name) == ("content_by_lua_block", [], "listen")
    assert after.place.line == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server {", "1:9: expected `}`, found the end of the file"),
        ("listen 80", "1:10: expected `;` or `{`, found the end of the file"),
        ("\n}", "2:1: expected no `}`: none is open, found `}`"),
        ("server { listen 80 }", "1:20: expected `;`, found `}`"),
        ("; listen 80;", "1:1: expected the name of a directive, found `;`"),
        ('return "a', '1:8: expected a word of nginx, found `"a`'),
        ("content_by_lua_block { {", "1:22: expected `}` at the end of the block of Lua, found the end of the file"),
    ],
)
def test_what_nginx_does_not_read(text: str, words: str) -> None:
    """What is wrong is said with its line and column."""
    with pytest.raises(ConfigError) as error:
        parse(text, "nginx.conf")

    assert str(error.value) == f"nginx.conf:{words}"


def test_what_is_included_stands_in_its_place(tmp_path: Path) -> None:
    """Names begin at the main file's directory, patterns are taken in order, and places name the file."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.conf").write_text("server { include proxy.inc; }")
    (tmp_path / "conf.d" / "a.conf").write_text("\nserver { listen 81; }")
    (tmp_path / "proxy.inc").write_text("listen 82;")
    (tmp_path / "nginx.conf").write_text("http { include conf.d/*.conf; include none/*.conf; include missing; }")

    root = read(str(tmp_path / "nginx.conf"))

    (http,) = root.all("http")
    first, second = http.all("server")
    assert (first.place.file, first.place.line) == (str(tmp_path / "conf.d" / "a.conf"), 2)
    assert second.all("listen")[0].words == ("82",)
    assert [each.path for each in root.unread()] == ["listen 81", "include missing"]


def test_a_circle_of_files_is_an_error(tmp_path: Path) -> None:
    """A file that includes itself does not hold the command up."""
    (tmp_path / "nginx.conf").write_text("include nginx.conf;")

    with pytest.raises(ConfigError, match="in no circle"):
        read(str(tmp_path / "nginx.conf"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(ConfigError, match=r"nginx\.conf:1:1: cannot be read: No such file"):
        read(str(tmp_path / "nginx.conf"))


def test_what_is_not_used_is_listed_whole() -> None:
    """The outermost directive that nobody has used goes with all that is in it."""
    root = Directive(one("a;").place, "", (), parse("a; b { c; } d { e; f; }", "x"), used=True)
    root.all("a")
    root.all("d")[0].all("e")

    assert [each.path for each in root.unread()] == ["b", "f"]
    root.mark_read()
    assert list(root.unread()) == []
