from __future__ import annotations

from pathlib import Path

from gateway.config import catalog, reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    """`python -m gateway.config.reference > docs/reference/configuration.md` makes it so."""
    assert PAGE.read_text() == reference.as_text()


def test_every_key_has_a_line() -> None:
    """As many lines in tables as there are keys."""
    lines = [line for line in reference.page() if line.startswith("| `")]

    assert len(lines) == len(list(catalog.walk()))


def test_a_line_has_kind_default_and_meaning() -> None:
    """For each kind of key."""
    text = reference.as_text()

    for line in [
        "| `request` | duration | `30s` | The whole exchange, as its client sees it; 408 or 504 past it. |",
        "| `endpoint` | endpoint | required |",
        "| `ca` | file |  | PEM file of authorities to trust; absent: the system's. |",
        "| `levels` | mapping of name to `debug`, `info`, `warn`, `error`, `critical` | `{}` |",
        "| `config` | mapping of name to anything | `{}` | Handed to it; checked first, where it has a pydantic model",
        "| `buckets` | list of numbers | `[0.01, 0.05, 0.1, 0.25, 0.5, 1, 5, 10]` |",
        "Also `service`, `upstreams`. |",
    ]:
        assert line in text
