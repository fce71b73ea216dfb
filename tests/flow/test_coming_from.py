"""docs/guides/coming-from.md: our side of each pair does what the page says of it."""

from __future__ import annotations

import re
from pathlib import Path

import bcrypt
import pytest
import yaml

from tests.flow.pairs import Pair, Player, pairs

PAGE = Path(__file__).parents[2] / "docs/guides/coming-from.md"
PAIRS = pairs(PAGE)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page's configurations name."""
    made = tmp_path_factory.mktemp("files")
    (made / "htpasswd").write_text(f"ada:{bcrypt.hashpw(b'lovelace', bcrypt.gensalt(10)).decode()}\n")
    (made / "sorry.html").write_text("<h1>Sorry</h1>")
    return made


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_our_side_does_what_the_page_says(pair: Pair, directory: Path) -> None:
    """Every line of it."""
    player = Player(pair.ours, directory)
    for line in pair.requests:
        player.play(line)


def test_every_gateway_has_pairs() -> None:
    """And none of them is without a request."""
    counted = [pair.name.partition(":")[0] for pair in PAIRS]

    assert all(counted.count(name) >= 7 for name in ("nginx", "Kong", "Traefik", "Envoy"))
    assert all(any(" → " in line for line in pair.requests) for pair in PAIRS)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_their_side_is_well_formed(pair: Pair) -> None:
    """YAML, or blocks of nginx that are closed."""
    kind, text = pair.theirs
    if kind == "yaml":
        assert isinstance(yaml.safe_load(text), dict)
    else:
        assert kind == "nginx"
        assert text.count("{") == text.count("}")
        assert all(re.search(r"[;{}]\s*(#.*)?$", line) for line in text.splitlines() if line.strip())
