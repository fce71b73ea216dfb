"""The options of curl's command line."""

from __future__ import annotations

import pytest

from gateway.commands.curl.options import NotUnderstood, options


def test_what_is_asked_is_kept_in_its_order() -> None:
    """By the long names; what is no option is left over, and what is of no matter is gone with its value."""
    said, rest = options(["-sH", "A: 1", "-o", "-X", "a", "--header=B: 2", "--http2", "-Ib", "c=d", "-"])

    assert said == [("--header", "A: 1"), ("--header", "B: 2"), ("--head", ""), ("--cookie", "c=d")]
    assert rest == ["a", "-"]


@pytest.mark.parametrize(
    "word", ["-0", "-sQ", "--form", "--no-form", "--http1.0", "-K", "--request-target", "-T", "---"]
)
def test_an_option_that_is_not_known_is_refused(word: str) -> None:
    """What it asks for would be left out."""
    with pytest.raises(NotUnderstood, match="is not understood"):
        options([word, "x"])


@pytest.mark.parametrize("word", ["-H", "--header", "-o", "--output", "-sX"])
def test_something_has_to_stand_behind(word: str) -> None:
    """The option that lacks it is named."""
    with pytest.raises(
        NotUnderstood, match=f"expected something behind -+[{word[-1]}h]|expected something behind {word}"
    ):
        options([word])
