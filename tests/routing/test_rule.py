"""Header and query conditions of a route."""

from __future__ import annotations

import pytest

from gateway.headers import Headers
from gateway.routing.rule import LONGEST_VALUE, Conditions, query_values


@pytest.mark.parametrize(
    ("wanted", "value", "holds"),
    [
        ("2", b"2", True),
        ("2", b"20", False),
        ("~^v[12]", b"v2.1", True),
        ("~^v[12]", b"xv2", False),
        ("~2", b"v2.1", True),
        ("*", b"anything", True),
        ("*", b"", True),
        ("~^\\*$", b"*", True),
    ],
)
def test_a_header_condition_is_equality_a_pattern_or_presence(wanted: str, value: bytes, holds: bool) -> None:
    """`text`, `~regex` (found anywhere) or `*`; the field name in any case."""
    conditions = Conditions({"X-Version": wanted}, {})

    assert conditions.hold(Headers([(b"x-VERSION", value)]), b"") is holds


@pytest.mark.parametrize("wanted", ["2", "~.*", "*"])
def test_an_absent_field_meets_no_condition(wanted: str) -> None:
    """Not even one that an empty value would meet."""
    assert not Conditions({"X-Version": wanted}, {}).hold(Headers(), b"")
    assert not Conditions({}, {"v": wanted}).hold(Headers(), b"w=2")


def test_repeated_fields_are_compared_as_one_value() -> None:
    """A second line cannot hide behind the first."""
    headers = Headers([(b"X-Version", b"2"), (b"X-Version", b"3")])

    assert not Conditions({"X-Version": "2"}, {}).hold(headers, b"")
    assert Conditions({"X-Version": "2, 3"}, {}).hold(headers, b"")


@pytest.mark.parametrize(("length", "holds"), [(LONGEST_VALUE, True), (LONGEST_VALUE + 1, False)])
def test_an_overlong_value_meets_no_condition(length: int, holds: bool) -> None:
    """What a regular expression may cost is bounded by the length of what it sees."""
    assert Conditions({"X": "~^a"}, {}).hold(Headers([(b"X", b"a" * length)]), b"") is holds
    assert Conditions({}, {"x": "~^a"}).hold(Headers(), b"x=" + b"a" * length) is holds


def test_all_conditions_must_hold() -> None:
    """Headers and query together."""
    conditions = Conditions({"A": "1", "B": "2"}, {"c": "3"})
    both = Headers([(b"A", b"1"), (b"B", b"2")])

    assert conditions.count == 3
    assert conditions.hold(both, b"c=3")
    assert not conditions.hold(both, b"c=4")
    assert not conditions.hold(Headers([(b"A", b"1")]), b"c=3")


def test_a_query_condition_is_met_by_any_of_the_values() -> None:
    """Repeated parameters are looked through; names and values are decoded."""
    conditions = Conditions({}, {"full name": "a b"})

    assert conditions.hold(Headers(), b"full+name=x&%66ull%20name=a+b")


def test_a_query_is_taken_apart() -> None:
    """A parameter without a value is empty, an empty pair is none."""
    assert query_values(b"a=1&&b&a=2=3&=x") == {b"a": [b"1", b"2=3"], b"b": [b""], b"": [b"x"]}


def test_a_pattern_that_does_not_compile_is_explained() -> None:
    """The message shows the pattern."""
    with pytest.raises(ValueError, match="expected a regular expression after '~', found '~\\('"):
        Conditions({"X": "~("}, {})
