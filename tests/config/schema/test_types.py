from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.config.schema.types import DIRECTORY, Count, File, Flag, Processes, Ratio, Secret, Size, Text, Timeout


@pytest.mark.parametrize(
    ("kind", "written", "value", "shown"),
    [
        (Timeout, "1h30m", 5400, "90m"),
        (Size, "64KiB", 65536, "64KiB"),
        (Count, 5, 5, 5),
        (Processes, 2, 2, 2),
        (Processes, "auto", "auto", "auto"),
        (Ratio, 1, 1.0, 1.0),
        (Flag, True, True, True),
        (Text, 5, "5", "5"),
    ],
)
def test_a_value_is_read_and_written_back(kind: Any, written: object, value: object, shown: object) -> None:
    """In the terms of a file."""
    adapter = TypeAdapter(kind)

    assert adapter.validate_python(written) == value
    assert adapter.dump_python(value, mode="json") == shown


@pytest.mark.parametrize("written", [0, 1025, 1.5, True, "many", None])
def test_processes_are_a_number_or_a_word(written: object) -> None:
    """And at least one."""
    with pytest.raises(ValidationError, match="`auto` or an integer from 1 to 1024"):
        TypeAdapter(Processes).validate_python(written)


def test_a_secret_is_not_shown() -> None:
    """Neither printed nor written back."""
    adapter: TypeAdapter[Any] = TypeAdapter(Secret)
    secret = adapter.validate_python("hunter2")

    assert "hunter2" not in f"{secret} {secret!r} {adapter.dump_python(secret, mode='json')}"


@pytest.mark.parametrize(("written", "file"), [("ca.pem", "/etc/gateway/ca.pem"), ("/pki/ca.pem", "/pki/ca.pem")])
def test_a_file_is_beside_the_configuration(written: str, file: str) -> None:
    """Unless its name is absolute."""
    assert TypeAdapter(File).validate_python(written, context={DIRECTORY: "/etc/gateway"}) == file


def test_a_file_stays_as_it_is_without_a_directory() -> None:
    """Settings that are made in a program have none."""
    assert TypeAdapter(File).validate_python("ca.pem") == "ca.pem"


def test_true_is_no_number() -> None:
    """Although Python thinks so."""
    with pytest.raises(ValidationError, match="an integer from 0"):
        TypeAdapter(Count).validate_python(True)
    with pytest.raises(ValidationError, match="a number from 0 to 1"):
        TypeAdapter(Ratio).validate_python(True)
