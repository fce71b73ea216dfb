"""A text of TOML as nodes with places."""

from __future__ import annotations

import tomllib

import pytest

from gateway.config import ConfigError
from gateway.config.nodes import ListNode, MapNode, Node, to_data
from gateway.importing.toml import parse

TEXT = '''# a file
top = "x # no comment"
a.b . "c.d" = 1

[http.routers."r.1"]  # a router
  rule = "Host(`a`) && Path(`/x=y.z`)"
  on = true
  "odd = key" = 1.5
  entryPoints = [
    "web",  # = [
    "[x]",
  ]
  long = """
[not.a.header]
key = 1
"""

[[servers]]
url = "1"
tls = { name = { of = "n" } }
[[servers.ports]]
number = 1
[[servers.ports]]
number = 2

[[servers]]
url = "2"
[servers.more]
deep = 0
[[servers.ports]]
number = 3
'''


def lines(node: Node, path: str = "") -> dict[str, int]:
    """Return the lines of all keys and members, by path."""
    found: dict[str, int] = {}
    members: list[tuple[str, Node]] = []
    if isinstance(node, MapNode):
        members = [(f"{path}.{key}", entry.node) for key, entry in node.entries.items()]
    elif isinstance(node, ListNode):
        members = [(f"{path}[{index}]", one) for index, one in enumerate(node.items)]
    for name, one in members:
        found |= {name.removeprefix("."): one.place.line, **lines(one, name)}
    return found


def test_the_values_are_those_of_the_library() -> None:
    """Texts, numbers and booleans, tables and lists."""
    assert to_data(parse(TEXT, "t.toml")) == tomllib.loads(TEXT)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_each_key_has_its_line(ends: str) -> None:
    """That of the statement which says it first; what stands inside of a value has the place of the statement."""
    found = lines(parse(TEXT.replace("\n", ends), "t.toml"))

    said = {key: line for key, line in found.items() if not key.startswith("servers")}
    assert said == {
        "top": 2,
        "a": 3,
        "a.b": 3,
        "a.b.c.d": 3,
        "http": 5,
        "http.routers": 5,
        "http.routers.r.1": 5,
        "http.routers.r.1.rule": 6,
        "http.routers.r.1.on": 7,
        "http.routers.r.1.odd = key": 8,
        "http.routers.r.1.entryPoints": 9,
        "http.routers.r.1.entryPoints[0]": 9,
        "http.routers.r.1.entryPoints[1]": 9,
        "http.routers.r.1.long": 13,
    }


def test_members_of_a_list_of_tables_have_their_own_lines() -> None:
    """A header goes on with the newest member; one of the list itself begins the next."""
    found = lines(parse(TEXT, "t.toml"))

    assert {key: line for key, line in found.items() if key.startswith("servers")} == {
        "servers": 18,
        "servers[0]": 18,
        "servers[0].url": 19,
        "servers[0].tls": 20,
        "servers[0].tls.name": 20,
        "servers[0].tls.name.of": 20,
        "servers[0].ports": 21,
        "servers[0].ports[0]": 21,
        "servers[0].ports[0].number": 22,
        "servers[0].ports[1]": 23,
        "servers[0].ports[1].number": 24,
        "servers[1]": 26,
        "servers[1].url": 27,
        "servers[1].more": 28,
        "servers[1].more.deep": 29,
        "servers[1].ports": 30,
        "servers[1].ports[0]": 30,
        "servers[1].ports[0].number": 31,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = \n", r"t\.toml:2:5: expected TOML: Invalid value"),
        ("a = [\n", r"t\.toml:2:1: expected TOML: "),
        ("a = " + "[" * 100_000, r"t\.toml:1:1: expected TOML that is not nested so deeply"),
        ("a = " + "1" * 5_000, r"t\.toml:1:1: expected TOML: "),
    ],
)
def test_what_is_no_toml(text: str, said: str) -> None:
    """The line is the one where the library stopped."""
    with pytest.raises(ConfigError, match=said):
        parse(text, "t.toml")
