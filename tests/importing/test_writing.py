"""A draft as YAML: it reads back as what was drafted, and people can read it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.config.nodes import to_data
from gateway.config.problems import Place, Problem
from gateway.config.reading import read
from gateway.importing.draft import Draft, Left, Made, Template
from gateway.importing.writing import as_yaml

texts = st.text(max_size=12) | st.sampled_from(
    ["", "~", "null", "true", "1", "1.5", "0x1F", "- a", "a: b", "a:", "#", "a #b", "*a", "&a", "!a", "${A}", "$${A}",
     "[", "{", "a,b", "'", '"', "\\", "%", "@", "`", "|", ">", "http://a", " a", "a ", "-", "---", "...", "=", "<<",
     "🙂", "\x85", "\u2028", "\n", "?", "? a", "~/.*", "no", "12:30"]
)  # fmt: skip
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts
data = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


def read_back(text: str) -> Any:
    """What a configuration reader sees."""
    problems: list[Problem] = []
    node = read(text, "g.yaml", problems)
    assert problems == []
    assert node is not None
    return to_data(node)


@given(st.dictionaries(texts, data, min_size=1, max_size=3))
def test_what_is_written_reads_back(value: dict[str, Any]) -> None:
    """Whatever texts, numbers, lists and mappings there are, on one line or many."""
    draft = Draft("toy", "toy.yaml", routes=[Made(value, Place("toy.yaml", 3, 1))])

    (found,) = read_back(as_yaml(draft))["routes"]

    assert found == _escaped(value)


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_escaped(one) for one in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def test_it_is_for_people() -> None:
    """Small mappings on a line, where each object came from, what was left out at the end."""
    draft = Draft("kong", "etc/kong.yaml")
    place = Place("etc/kong.yaml", 4, 3)
    draft.section("auth", "jwt")["web"] = Made(
        {"algorithms": ["HS256"], "secret": draft.secret("jwt web", place)}, place
    )
    draft.section("timeouts")["connect"] = "5s"
    draft.upstreams.append(Made({"name": "a", "backends": [{"url": "http://10.0.0.1:80"}]}, place, "tags: x, y"))
    draft.routes.append(
        Made(
            {"name": "a" * 40, "path": "/a/*", "upstream": "a", "methods": ["GET"], "respond": {"body": "x" * 60}},
            place,
        )
    )
    draft.left.append(Left(Place("etc/kong.yaml", 9, 1), "plugins[0]\x1b", "it is Lua", "write a plugin"))

    assert (
        as_yaml(draft)
        == f"""\
# Made by `gateway import kong kong.yaml`.
# JWT_WEB is the secret at kong.yaml:4: set it before the gateway starts.

timeouts: {{connect: 5s}}

auth:
  jwt:
    # kong.yaml:4
    web: {{algorithms: [HS256], secret: "${{JWT_WEB}}"}}

upstreams:
  # kong.yaml:4: tags: x, y
  - {{name: a, backends: [{{url: "http://10.0.0.1:80"}}]}}

routes:
  # kong.yaml:4
  - name: {"a" * 40}
    path: /a/*
    methods: [GET]
    upstream: a
    respond: {{body: {"x" * 60}}}

# Left out:
# kong.yaml:9: plugins[0] : it is Lua, write a plugin
"""
    )


def test_a_template_keeps_its_names_and_a_text_does_not() -> None:
    """`${` in a text of the source means itself."""
    draft = Draft("toy", "toy.yaml", top={"a": Template("${request_id}"), "b": "${request_id}"})

    assert read_back(as_yaml(draft)) == {"a": "${request_id}", "b": "$${request_id}"}
