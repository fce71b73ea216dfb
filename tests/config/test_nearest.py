from __future__ import annotations

import pytest

from gateway.config.nearest import name, option


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("usr", ", did you mean `user`?"),
        ("hedaer:X-Team", ", did you mean `header:X-Team`?"),
        ("header:X Team", ""),
        ("header", ", did you mean `header:NAME`?"),
        ("quux", ""),
        ("quux:x", ""),
        ("clam.plan=pro", ", did you mean `claim.plan=pro`?"),
        ("kee=house", ", did you mean `key=house`?"),
        ("5x", ", did you mean `5xx`?"),
    ],
)
def test_an_option_of_a_sentence(written: str, said: str) -> None:
    """What a sentence has in backticks is what there is to choose from; a name after a colon is kept."""
    assert option(written, "`5xx`, `ip`, `user`, `key=ID`, `claim.NAME=VALUE`, `/path` or `header:NAME`") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("latncy", ", did you mean `latency`?"),
        ("claims.sub", ", did you mean `claim.sub`?"),
        ("parm.id", ", did you mean `param.id`?"),
        ("param.*", ""),
        ("x", ""),
        ("x.y", ""),
    ],
)
def test_a_runtime_name(written: str, said: str) -> None:
    """What follows its prefix is kept."""
    assert name(written, ("latency", "route"), ("claim.", "param.")) == said
