"""A worker is made of what its parent has told. With real processes: `tests/system/test_processes.py`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from gateway.config.loading import of_mapping
from gateway.config.overlays import NOTHING
from gateway.config.sources import Source, Sources
from gateway.processes.assignment import Assignment
from gateway.processes.edition import Edition
from gateway.processes.memory import new_memory
from gateway.processes.several import worker


def test_what_cannot_be_used_is_told_to_the_parent_and_ends_the_process() -> None:
    """Nothing is printed: the parent says it."""
    read, write = os.pipe()
    found = Sources(Path("/etc"), (Source("g.yaml", "routes: 7\n"),), {})
    told = Assignment(0, write, Edition(found, NOTHING).kept(), new_memory(), (), ())

    with pytest.raises(SystemExit) as ended:
        worker(told, Clock(), terminal=False)

    assert ended.value.code == 1
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        kind, words = json.loads(stream.read()[4:])[1:]
    assert kind == "failed"
    assert words.startswith("g.yaml:1:9: routes:")


def test_one_is_made() -> None:
    """It has the parent's configuration and a part in what holds for all."""
    edition = Edition(of_mapping({"routes": [{"name": "a", "path": "/a", "respond": {"body": "x"}}]}), NOTHING)
    told = Assignment(0, -1, edition.kept(), new_memory(), (), ())

    made = worker(told, Clock(), terminal=False)

    assert [route.name for route in made.gateway.settings.routes] == ["a"]
    assert made.gateway.gateway.foundation.whole is not None
