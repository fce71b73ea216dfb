"""What rules put into JSON."""

from __future__ import annotations

import pytest

from gateway.composition.builders.transforming import json_value
from gateway.config.nodes import resolve
from gateway.http.exact_json import write
from gateway.middleware.runtime_values import RuntimeValues
from tests.middleware.conftest import exchange_for


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1.10", "1.10"),
        ("12345678901234567890", "12345678901234567890"),
        ("1e400", "1e400"),
        ("-0", "0"),
        ("+1.5", "1.5"),
        (".5", "0.5"),
        ("0x10", "16"),
        ("7", "7"),
    ],
)
def test_numbers_keep_the_digits_of_the_configuration(written: str, said: str) -> None:
    """An id of 20 digits is another one as a float; what JSON has no way to write is written in JSON's."""
    make = json_value({"n": [resolve(written)]}, RuntimeValues(lambda: 0.0, lambda: 0.0))
    assert write(make(exchange_for())) == b'{"n":[%b]}' % said.encode()
