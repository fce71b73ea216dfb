"""What stays and what goes when one configuration follows another."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.config.loading import Loaded, load_with_places
from gateway.rehearsal.planning.effects import Effect
from gateway.rehearsal.planning.reload import Reload, compare, counts_begin_anew

FILE = """\
listeners: [{endpoint: "tcp:8080"}, {endpoint: "tcp:8081"}]
upstreams:
  - name: a
    backends: [{url: "http://127.0.0.1:9001"}, {url: "http://127.0.0.1:9002"}]
    passive_health: {}
  - {name: b, backends: [{url: "http://127.0.0.1:9003"}]}
routes:
  - {name: one, path: /, upstream: a, rate_limit: {rate: 10/s}}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where configurations are written."""
    return tmp_path


def loaded(directory: Path, *changes: tuple[str, str]) -> Loaded:
    """The configuration with changes."""
    text = FILE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file = directory / f"{len(list(directory.iterdir()))}.yaml"
    file.write_text(text)
    return load_with_places(file, {})


def compared(directory: Path, *changes: tuple[str, str]) -> Reload:
    """What becomes of the first one."""
    return compare(loaded(directory), loaded(directory, *changes))


def test_everything_stays_where_nothing_changes(directory: Path) -> None:
    """Connections, what is known, ports."""
    found = compared(directory, ("name: one", "name: other"))

    assert (found.upstreams, found.everywhere, found.ports) == ({}, [], {})


def test_a_backend_that_goes_is_drained(directory: Path) -> None:
    """The other one keeps its connections."""
    found = compared(directory, (', {url: "http://127.0.0.1:9002"}', ""))

    words = ["connections are drained: http://127.0.0.1:9002", "connections to 1 of its backends are kept"]
    assert found.upstreams == {"a": words}


def test_what_pools_are_made_from_is_anew(directory: Path) -> None:
    """A bound on time for all is of all of them."""
    found = compared(directory, ("listeners:", "timeouts: {connect: 1s}\nlisteners:"))

    assert found.upstreams["b"] == ["connections are drained and opened anew: http://127.0.0.1:9003"]
    assert set(found.upstreams) == {"a", "b"}


def test_what_is_known_of_backends_begins_anew(directory: Path) -> None:
    """By other rules; connections are kept."""
    found = compared(directory, ("passive_health: {}", "passive_health: {failures: 9}"))

    assert found.upstreams == {"a": ["what is known of its backends' health, and its breakers, begins anew"]}


def test_ports_that_open_and_close(directory: Path) -> None:
    """And one that is opened anew, since its connections begin otherwise."""
    found = compared(
        directory,
        ("listeners:", "trusted_proxies: [10.0.0.1]\nlisteners:"),
        ('"tcp:8080"}', '"tcp:8080", proxy_protocol: true}'),
        ("8081", "8082"),
    )

    assert found.ports == {
        "tcp:8080": Effect(
            "change", "new connections begin as it says, also by its certificates; none is refused meanwhile"
        ),
        "tcp:8081": Effect("warning", "it is closed; connections go on until they end"),
        "tcp:8082": Effect("change", "it is opened"),
    }


def test_a_port_that_opens_to_other_machines(directory: Path) -> None:
    """It is a danger where all listeners were for this machine alone, and a change where others were open before."""
    home = loaded(directory, ("8080", "8080:interface=127.0.0.1"), ("tcp:8081", "unix:/run/gateway.sock"))
    local = "tcp:8081:interface=127.0.0.1"

    assert compare(home, loaded(directory)).ports["tcp:8080"].level == "danger"
    moved = loaded(directory, ("tcp:8080", "tcp:8083:interface=localhost"), ("tcp:8081", local))
    assert compare(home, moved).ports[local].level == "change"
    assert compared(directory, ("8081", "8082")).ports["tcp:8082"].level == "change"


def test_a_port_with_other_certificates_stays_open(directory: Path) -> None:
    """Told at the endpoint that goes and at the one that comes; without TLS from then on it is a danger."""
    secure = ("sni:8443:certificates=a", "sni:8443:certificates=b", "tcp:8443")
    first, second, clear = (
        loaded(directory, ('{endpoint: "tcp:8081"}', f'{{endpoint: "{endpoint}"}}')) for endpoint in secure
    )

    found = compare(first, second).ports
    assert found[secure[0]] == Effect("change", f"`{secure[1]}` is opened in its place; connections go on")
    assert found[secure[1]].level == "change"
    assert compare(first, clear).ports["tcp:8443"].level == "danger"


def test_counts_go_on_where_only_the_limit_is_another(directory: Path) -> None:
    """They begin anew in another window, or under another name of the route."""

    def anew(*change: str) -> bool:
        before, after = (loaded(directory, *changes).settings.routes[0] for changes in ((), (change,)))
        return counts_begin_anew(before, after)

    assert not anew("rate: 10/s", "rate: 20/s")
    assert anew("rate: 10/s", "rate: 10/m")
    assert anew("name: one", "name: other")


def test_what_cannot_be_built_is_told_with_its_place(directory: Path) -> None:
    """In either configuration."""
    wrong = loaded(directory, ('"http://127.0.0.1:9003"}]', '"https://127.0.0.1:9003"}], tls: {ca: missing.pem}'))
    for pair in ((loaded(directory), wrong), (wrong, loaded(directory))):
        with pytest.raises(ConfigError, match=r"yaml:6:.*upstreams\[1\].tls.ca: cannot read"):
            compare(*pair)
