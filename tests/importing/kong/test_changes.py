"""Kong's transformers as transformations."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes


def transformed(name: str, config: str, directory: Path) -> Draft:
    """Import a route with a transformer."""
    text = '_format_version: "3.0"\nservices:\n- name: a\n  url: http://a\n  routes: [{name: r, hosts: [a.example]}]\n'
    return imported("kong", f"{text}  plugins:\n  - {{name: {name}, config: {config}}}\n", directory)


def test_requests(tmp_path: Path) -> None:
    """Fields, parameters and bodies; the test expects what the source says, not what was made of it."""
    config = "{remove: {headers: [X-D], querystring: [t], body: [s]}, rename: {headers: ['X-O:X-N']}, "
    config += "replace: {headers: ['X-S:live']}, add: {headers: ['X-G:kong:1'], querystring: ['a:b'], body: ['c:d']}}"
    draft = transformed("request-transformer", config, tmp_path)

    assert routes(draft)["r"]["transformations"] == {
        "request": {
            "remove_headers": ["X-D"],
            "rename_headers": {"X-O": "X-N"},
            "set_headers": {"X-S": "live"},
            "add_headers": {"X-G": "kong:1"},
            "query": {"remove": ["t"], "add": {"a": "b"}},
            "body": {"remove": ["s"], "add": {"c": "d"}},
        }
    }
    sent = draft.tests[0].data["expect"]["sent"]["headers"]
    assert sent == {"Host": "a", "X-G": "kong:1", "X-S": "live", "X-D": None}
    assert left(draft) == []


def test_answers(tmp_path: Path) -> None:
    """Fields and JSON."""
    config = "{remove: {headers: [Server], json: [s]}, add: {headers: ['X-B:kong'], json: ['a:b']}}"
    draft = transformed("response-transformer", config, tmp_path)

    assert routes(draft)["r"]["transformations"]["response"] == {
        "remove_headers": ["Server"], "add_headers": {"X-B": "kong"}, "body": {"remove": ["s"], "add": {"a": "b"}},
    }  # fmt: skip
    assert draft.tests[0].data["expect"]["headers"] == {"X-B": "kong"}


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ("{http_method: POST}", "http_method"),
        ("{add: {headers: ['X-A:$(headers.x)']}}", "add.headers[0]"),
        ("{add: {headers: [X-A]}}", "add.headers[0]"),
        ("{replace: {uri: /x}}", "replace.uri"),
        ("{rename: {querystring: ['a:b']}}", "rename.querystring[0]"),
    ],
)
def test_what_cannot_be_changed_is_listed(tmp_path: Path, config: str, what: str) -> None:
    """And where nothing is left, there is no key."""
    draft = transformed("request-transformer", config, tmp_path)

    assert left(draft) == [(7, f"services[0].plugins[0].config.{what}")]
    assert "transformations" not in routes(draft)["r"]
