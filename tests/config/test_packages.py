from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway.config import Settings, catalog
from gateway.config.nodes import MapNode
from gateway.config.packages import NEEDS, check, installed
from gateway.config.problems import Problem
from gateway.config.reading import read

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]

NOT_THERE = "not_there"
"""A package that nobody has installed."""


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some values of a key ask for such a package."""
    monkeypatch.setitem(NEEDS, "processes=auto|[2-9]*|1?*", (NOT_THERE, "more than one process"))


@pytest.mark.parametrize("value", ["4", "10", "auto"])
@pytest.mark.usefixtures("missing")
def test_a_key_whose_package_is_not_there_is_refused_in_its_place(
    complaints: Complaints, load_text: Load, value: str
) -> None:
    """And only because of that: who asks only whether it is well-formed is not told."""
    load_text(f"processes: {value}")
    (line,) = complaints(f"processes: {value}", supported_only=True)

    words = "more than one process needs the package not_there, which is not installed"
    assert re.fullmatch(rf".*gateway\.yaml:1:1: processes: {words}", line)


@pytest.mark.usefixtures("missing")
def test_a_value_that_needs_no_feature_is_let_through(load_text: Load) -> None:
    """One process is what there is."""
    assert load_text("processes: 1", supported_only=True).processes == 1


def test_a_key_that_says_off_is_let_through(load_text: Load) -> None:
    """False, none, nought, nothing, the default: nobody counts on the feature."""
    text = """\
        listeners: [{endpoint: tcp:80, http2: false, proxy_protocol: false}]
        redis:
        auth:
        plugins: []
        rate_limits: []
        rate_limit_store: memory
        on_store_failure: local
        tracing: {exporter: none, sample_ratio: 0.5}
        upstreams: [{name: a, slow_start: 0s, hash_on: ip, health_check: , backends: [{url: http://x}]}]
        routes:
          - {path: /, upstream: a, auth: {type: none}, security_headers: false, ip_allow: [], plugins: [], retry: }
        """

    assert load_text(text, supported_only=True).routes[0].retry is None


@pytest.mark.usefixtures("missing")
def test_an_override_is_refused_under_its_name(complaints: Complaints) -> None:
    """The file does not have it."""
    assert complaints("{}", {"GATEWAY__PROCESSES": "4"}, supported_only=True) == [
        "$GATEWAY__PROCESSES:1:1: processes: more than one process needs the package not_there, which is not installed"
    ]


def test_what_could_not_be_substituted_is_not_judged(complaints: Complaints) -> None:
    """It may well say `none`."""
    assert len(complaints("processes: '${NOPE}'", supported_only=True)) == 1


@pytest.mark.parametrize(("written", "refused"), [("", False), (", http2: false", False), (", http2: true", True)])
def test_a_key_whose_package_is_missing(written: str, refused: bool) -> None:
    """Who asks for HTTP/2 where it cannot be had is told, at its place; who does not ask has HTTP/1.1 alone."""
    text = f"listeners:\n  - {{endpoint: tcp:80{written}}}\n"
    problems: list[Problem] = []
    root = read(text, "gateway.yaml", problems)
    assert isinstance(root, MapNode)
    missing = [str(problem) for problem in check(root, lambda package: False)]

    assert missing == (
        ["gateway.yaml:2:24: listeners[0].http2: HTTP/2 needs the package ngh2, which is not installed"] * refused
    )
    assert list(check(root, lambda package: True)) == []
    assert problems == []


def test_what_is_needed_is_asked_of_the_interpreter() -> None:
    """Whether the package can be imported."""
    assert installed("ngh2")
    assert not installed("ngh2_of_another_name")
    assert {key.path for key in catalog.walk()} >= {pattern.partition("=")[0] for pattern in NEEDS}
