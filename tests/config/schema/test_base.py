from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from gateway.config.differences import same
from gateway.config.schema.auth import Auth
from gateway.config.schema.base import Section
from gateway.config.schema.bounds import Limits, Redis
from gateway.config.schema.routes import Route


def test_a_section_does_not_change() -> None:
    """A snapshot's settings stay what they were when it was built."""
    with pytest.raises(ValidationError, match="frozen"):
        Limits().in_flight = 5


def test_a_section_without_lists_can_be_part_of_an_identity() -> None:
    """Pools are kept over a reload by what they were made from."""
    assert hash(Limits(in_flight=5)) == hash(Limits(in_flight=5))
    assert Limits(in_flight=5) != Limits()


def test_a_key_with_nothing_after_it_is_absent() -> None:
    """As when all below it is commented out."""
    assert Limits.model_validate({"in_flight": None}) == Limits()


def test_an_unknown_key_with_nothing_after_it_is_unknown_all_the_same() -> None:
    """A slip does not become right by saying nothing."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        Limits.model_validate({"in_fligth": None})


def test_another_name_of_a_key_is_that_key() -> None:
    """The schema has one."""
    assert Route.model_validate({"path": "/", "service": "a"}) == Route.model_validate({"path": "/", "upstream": "a"})


def test_a_pickle_has_no_names_of_keys() -> None:
    """Read back, it has its keys as the class has them, and knows which were written."""
    route = Route.model_validate({"path": "/", "service": "a", "retry": {"attempts": 3}, "timeout": "30s"})
    pickled = pickle.dumps(route)
    again = pickle.loads(pickled)

    assert b"strip_prefix" not in pickled
    assert same(again, route)
    assert list(again.__dict__) == list(route.__dict__)
    assert all(one is other for one, other in zip(again.__dict__, Route.model_fields, strict=True))


def test_a_section_that_lacks_a_key_can_be_pickled() -> None:
    """One that was not validated."""
    assert pickle.loads(pickle.dumps(Route.model_construct(name="a"))).name == "a"


def _left_out(cls: type[Section] = Section) -> set[type[Section]]:
    """Return the sections that others have without a word of them."""
    defaults = [field.default for field in cls.model_fields.values() if isinstance(field.default, Section)]
    own = {type(default) for default in defaults if not default.model_fields_set}
    return own.union(*map(_left_out, cls.__subclasses__()))


@pytest.mark.parametrize("section", sorted(_left_out() | {Auth, Redis}, key=repr))
def test_a_section_that_is_left_out_is_what_its_validator_makes_of_nothing(section: type[Section]) -> None:
    """It is made without its validator: neither checks nor other values may hide in there."""
    made, validated = section.unwritten(), section.model_validate({})

    assert made.__dict__ == validated.__dict__
    assert made.model_fields_set == validated.model_fields_set == set()
