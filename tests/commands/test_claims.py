"""Who calls, as a command line says it."""

from __future__ import annotations

import pytest

from gateway.commands.claims import claims_of


def test_a_name_alone_is_the_subject() -> None:
    """As most callers are told apart."""
    assert claims_of("ann") == {"sub": "ann"}


def test_claims_are_a_json_object() -> None:
    """Whatever a token would have, with space around it or not."""
    assert claims_of(' {"sub": "ann", "roles": ["admin"]}') == {"sub": "ann", "roles": ["admin"]}


def test_an_object_that_is_not_closed_is_refused() -> None:
    """What was begun as JSON is never taken for a name."""
    with pytest.raises(ValueError, match="expected claims as a JSON object in --as"):
        claims_of('{"sub"')
