"""The draft of a configuration: names, secrets, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.problems import Place
from gateway.importing.draft import Draft, Hint, Made, Template
from gateway.importing.parts import Part, read_part

HERE = Place("kong.yaml", 7, 3)


@pytest.fixture
def draft() -> Draft:
    """An empty one."""
    return Draft("kong", "kong.yaml")


def source(tmp_path: Path, text: str) -> Part:
    """A source of this text."""
    file = tmp_path / "kong.yaml"
    file.write_text(text)
    return read_part(str(file))


def test_a_name_is_given_once(draft: Draft) -> None:
    """Whoever comes later gets a number, each kind of thing by itself."""
    assert [draft.name("a", "routes"), draft.name("a", "routes"), draft.name("a", "upstreams")] == ["a", "a-2", "a"]


def test_a_name_is_one_that_the_gateway_takes(draft: Draft) -> None:
    """Printable, not empty, not too long."""
    assert draft.name(" a\nb ", "routes") == "a-b"
    assert draft.name("", "routes") == "unnamed"
    assert len(draft.name("x" * 500, "routes")) == 120


def test_a_secret_becomes_a_variable(draft: Draft) -> None:
    """What is written is its name; where the source has it, is known."""
    assert draft.secret("jwt https://issuer", HERE) == Template("${JWT_HTTPS_ISSUER}")
    assert draft.secret("jwt https-issuer", HERE) == "${JWT_HTTPS_ISSUER_2}"
    assert draft.secret("2", HERE) == "${SECRET_2}"
    assert draft.secrets["JWT_HTTPS_ISSUER"] == (HERE, "the secret")


def test_what_nobody_reads_is_listed(tmp_path: Path, draft: Draft) -> None:
    """With its line; where something is known of its key, with that."""
    whole = source(tmp_path, "a: 1\nb:\n  c: 2\n  lua: 3\n")
    whole.number("b", "c")

    draft.list_unread(whole, {"lua": Hint("it is a program", "write a plugin")})

    assert [str(one).partition("kong.yaml:")[2] for one in draft.in_order()] == [
        "1: a: this command does not know it, write what it did by hand if it matters",
        "4: b.lua: it is a program, write a plugin",
    ]


def test_what_is_left_with_a_reason_is_listed_once(tmp_path: Path, draft: Draft) -> None:
    """It counts as read."""
    whole = source(tmp_path, "a: {b: 1}\n")
    part = whole.get("a")
    assert part is not None

    draft.leave(part, "no")
    draft.list_unread(whole, {})

    assert [(one.what, one.why) for one in draft.left] == [("a", "no")]


def test_what_says_nothing_about_traffic_is_counted(tmp_path: Path, draft: Draft) -> None:
    """By its name; it is not listed."""
    whole = source(tmp_path, "tags: [a]\nid: 7\n")

    draft.pass_over(whole, "tags", "id", "created_at")
    draft.list_unread(whole, {})

    assert draft.passed == {"tags": 1, "id": 1}
    assert draft.left == []


@pytest.mark.parametrize(("written", "listed"), [("0", False), ("5", True), ("false", True), ("", False)])
def test_what_is_so_here_anyway_is_not_listed(tmp_path: Path, draft: Draft, written: str, listed: bool) -> None:
    """And what says something else is; `false` is not 0."""
    whole = source(tmp_path, f"priority: {written}\n")

    draft.only(whole, "priority", 0, "there are none")
    draft.list_unread(whole, {})

    assert [one.why for one in draft.left] == ["there are none"] * listed


def test_what_all_routes_say_is_said_once(draft: Draft) -> None:
    """From three routes on; what a route is for, and what protects it, stays where it is."""
    for name in "abc":
        said = {
            "name": name,
            "path": "/",
            "timeout": "5s",
            "auth": {"type": "jwt"},
            "retry": {"attempts": int(name, 16)},
        }
        draft.routes.append(Made(said, HERE))
        draft.share()
        assert ("defaults" in draft.top) == (name == "c")

    assert draft.top["defaults"] == {"route": {"timeout": "5s"}}
    assert draft.routes[0].data == {"name": "a", "path": "/", "auth": {"type": "jwt"}, "retry": {"attempts": 10}}


def test_what_is_overridden_everywhere_is_listed_with_that_reason(tmp_path: Path, draft: Draft) -> None:
    """Where it holds for one route, it is read there."""
    whole = source(tmp_path, "cors: {a: 1}\nlimit: {b: 2}\n")
    cors, limit = whole.get("cors"), whole.get("limit")
    assert cors is not None
    assert limit is not None

    draft.override(cors)
    draft.override(limit)
    limit.number("b")
    draft.list_unread(whole, {})

    assert [(one.what, one.why) for one in draft.left] == [
        ("cors", "a more specific one of the same name holds wherever it would"),
    ]
