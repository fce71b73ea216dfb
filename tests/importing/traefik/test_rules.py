"""Rules of routers, taken apart."""

from __future__ import annotations

import pytest

from gateway.importing.traefik.rules import alternatives


def shown(rule: str) -> list[str]:
    """Write the alternatives of a rule."""
    return [" && ".join(map(str, one)) for one in alternatives(rule)]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("Host(`a.b`)", ["Host(`a.b`)"]),
        ('Host("a.b") && Path("/\\"x")', ['Host(`a.b`) && Path(`/"x`)']),
        ("Host(`a`,`b`) || PathPrefix(`/c`)", ["Host(`a`, `b`)", "PathPrefix(`/c`)"]),
        ("A(`1`) && (B(`2`) || C(`3`))", ["A(`1`) && B(`2`)", "A(`1`) && C(`3`)"]),
        ("A(`1`) || B(`2`) && C(`3`)", ["A(`1`)", "B(`2`) && C(`3`)"]),
        ("!A(`1`)", ["!A(`1`)"]),
        ("!(A(`1`) && B(`2`))", ["!A(`1`)", "!B(`2`)"]),
        ("!(A(`1`) || !B(`2`))", ["!A(`1`) && B(`2`)"]),
        ("!!A(`1`)", ["A(`1`)"]),
        ("A() && A()", ["A()"]),
    ],
)
def test_alternatives(rule: str, found: list[str]) -> None:
    """`&&` binds closer than `||`, and `!` is carried down to the matchers."""
    assert shown(rule) == found


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", "expected a matcher at its end"),
        ("Host(`a`", "expected `\\)` at its end"),
        ("Host(`a`) Path(`b`)", "expected `&&`, `||` or nothing, found `Path` at character 11"),
        ("Host(a)", "expected a text in backticks or quotes, found `a` at character 6"),
        ("Host{`a`}", "what stands at character 5 is not understood"),
        ("&& Host(`a`)", "expected a matcher, found `&&`"),
        ("Host`a`", "expected `\\(`, found ``a``"),
    ],
)
def test_what_is_no_rule(rule: str, words: str) -> None:
    """The error says where."""
    with pytest.raises(ValueError, match=words.replace("|", "[|]")):
        alternatives(rule)


def test_a_rule_that_comes_to_too_many() -> None:
    """Parentheses multiply: a rule cannot fill the memory."""
    with pytest.raises(ValueError, match="more than 64"):
        alternatives(" && ".join(["(A(`1`) || B(`2`))"] * 20))
