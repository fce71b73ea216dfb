"""What pages spell is there: keys of the configuration, commands of `gateway` and their options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest

from gateway import cli
from gateway.config import catalog
from gateway.errors import reasons
from gateway.telemetry.events import EVENTS

ROOT = Path(__file__).parents[2]
HISTORY = {"design.md", "NEWS.md"}
"""They tell of what was, too."""
PAGES = [
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "etc/README.md"]
    if path.name not in HISTORY
]

PATHS = [key.path.replace("[]", "").split(".") for key in catalog.walk()]
PAIRS = {pair for path in PATHS for pair in pairwise(path)}
SECTIONS = {first for first, _ in PAIRS}

OTHERS = {
    "discovery.k8s.io": "an API of Kubernetes",
    "discovery.namespaces": "a value of the chart",
    "limits.cpu": "of a container in Kubernetes",
}
"""Spelt as keys are, and what they are."""


def spelt() -> Iterator[tuple[Path, str]]:
    """Dotted names that begin as a key may, each with its page."""
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for name in re.findall(r"`([a-z_0-9]+(?:\[\])?(?:\.[a-z_0-9]+(?:\[\])?)+)(?::[^`]*)?`", text):
            file = re.search(r"\.(?:py|js|json)$", name)
            if name.replace("[]", "").split(".")[0] in SECTIONS and not file:
                yield page, name


def test_keys_that_pages_name_exist() -> None:
    """Each part below the one before it; reasons and events are spelt alike."""
    known = {kind.reason for kind in reasons()} | {event.name for event in EVENTS} | OTHERS.keys()
    names = [(page, name) for page, name in spelt() if name not in known]
    lost = {
        f"{page.name}: {name}"
        for page, name in names
        for above, below in pairwise(name.replace("[]", "").split("."))
        if not {(above, below), (above, "*"), ("*", below)} & PAIRS
    }

    assert len(names) > 200
    assert lost == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_a_page_names_exist(page: Path) -> None:
    """Whoever types them gets no usage."""
    text = page.read_text()
    lines = [
        *re.findall(r"`gateway ([^`\n]+)`", text),
        *re.findall(r"^\$ (?:sudo )?(?:\S*/)?gateway (.+)$", text, re.MULTILINE),
    ]
    for line in lines:
        words = re.split(r"[|;&>#<]", line)[0].split()
        command: click.Command = cli.main
        while words and isinstance(command, click.Group) and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        options = {name for option in command.params for name in [*option.opts, *option.secondary_opts]}

        assert not (isinstance(command, click.Group) and words and re.fullmatch("[a-z][a-z-]*", words[0])), line
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= options | {"--help"}, line


def test_targets_and_modules_that_pages_name_exist() -> None:
    """`make TARGET`, and `python -m MODULE` of the checkout."""
    text = "\n".join(page.read_text() for page in PAGES)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = set(re.findall(r"(?:`|^\$? ?)make ([a-z][a-z-]*)", text, re.MULTILINE))
    run = set(re.findall(r"python3? -m ((?:benchmarks|dashboards|gateway|tests)[\w.]*\w)", text))
    places = [ROOT / name.replace(".", "/") for name in run]

    assert len(made) > 15
    assert made - targets == {"lock-"}  # `make lock-NAME`
    assert len(run) > 3
    assert [
        place for place in places if not (place.with_suffix(".py").exists() or (place / "__main__.py").exists())
    ] == []
