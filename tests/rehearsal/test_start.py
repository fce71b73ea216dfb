"""`gateway check` finds what a start would: files that are not there, or are not what they should be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import cli
from gateway.transport import descriptors
from tests.pki import Authority, key_pem, pem


def check(directory: Path, **configuration: Any) -> Result:
    """Write a configuration, and check it; without a route there would be a warning."""
    configuration.setdefault("upstreams", [{"name": "any", "backends": []}])
    configuration.setdefault("routes", [{"path": "/any", "upstream": configuration["upstreams"][0]["name"]}])
    file = directory / "g.json"
    file.write_text(json.dumps(configuration))
    return CliRunner().invoke(cli.main, ["check", str(file)])


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """A directory with two certificates, and the key of the first."""
    authority = Authority()
    (one, key), (other, _) = authority.issue("one.example.com"), authority.issue("other.example.com")
    (tmp_path / "one.crt").write_bytes(pem(one))
    (tmp_path / "one.key").write_bytes(key_pem(key))
    (tmp_path / "other.crt").write_bytes(pem(other))
    return tmp_path


def ssl(directory: Path, certificate: str) -> list[dict[str, str]]:
    """A TLS listener."""
    return [{"endpoint": f"ssl:8443:privateKey={directory}/one.key:certKey={directory}/{certificate}"}]


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
def test_what_would_start_is_good(identity: Path) -> None:
    """Of any kind of endpoint; no port is opened, and nothing is left on the disk."""
    socket = identity / "gateway.sock"
    others = [
        {"endpoint": endpoint}
        for endpoint in (
            "tcp:80",
            "tcp6:80",
            f"unix:{socket}",
            f"sni:8444:certificates={identity}/one.crt,{identity}/one.key",
        )
    ]

    result = check(identity, listeners=[*ssl(identity, "one.crt"), *others])

    assert result.exit_code == 0, result.stderr
    assert not socket.exists()


def test_a_listener_that_could_not_be_opened_is_told(identity: Path) -> None:
    """Each of them, with the word that is wrong or the file."""
    endpoints = ["tpc:80", "tcp:80:80:80:80", f"sni:8443:certificates={identity}/none"]
    listeners = [*ssl(identity, "other.crt"), *ssl(identity, "none.crt"), *({"endpoint": one} for one in endpoints)]

    result = check(identity, listeners=listeners, admin={"endpoint": "unknown:1"})

    assert result.exit_code == 1
    # Some of them have one port: of that it only warns.
    *lines, last = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    assert last == "6 problems"
    keys = [*(f"listeners[{number}].endpoint" for number in range(5)), "admin.endpoint"]
    said = [re.fullmatch(rf"{identity}/g\.json:1:\d+: (\S+): cannot listen on .*", line) for line in lines]
    assert [each and each[1] for each in said] == keys
    assert "do not match" in lines[0]
    assert lines[1].endswith(f"cannot read {identity}/none.crt: no such file or directory")
    assert lines[2].endswith("Unknown endpoint type: 'tpc', did you mean `tcp`?")
    assert "unknown:1" in lines[5]


def test_a_socket_that_systemd_hands_over_is_not_looked_for(tmp_path: Path) -> None:
    """Whoever checks does not have it."""
    assert check(tmp_path, listeners=[{"endpoint": "systemd:domain=INET:index=0"}]).exit_code == 0


def test_an_authority_of_an_upstream_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By the name of its file."""
    upstream = {"name": "a", "backends": [{"url": "https://10.0.0.1"}], "tls": {"ca": "none.pem"}}

    result = check(tmp_path, upstreams=[upstream])

    assert result.exit_code == 1
    words = f"cannot read {tmp_path}/none.pem: no such file or directory"
    line, last = result.stderr.splitlines()
    assert re.fullmatch(rf"{tmp_path}/g\.json:1:\d+: upstreams\[0\]\.tls\.ca: {words}", line)
    assert last == "1 problem"


def test_a_key_of_a_verifier_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By the key that names it."""
    result = check(
        tmp_path,
        auth={"jwt": {"default": {"algorithms": ["RS256"], "public_key_file": "none.pem"}}},
        upstreams=[{"name": "a", "backends": [{"url": "http://10.0.0.1"}]}],
        routes=[{"path": "/", "upstream": "a", "auth": {"type": "jwt"}}],
    )

    assert result.exit_code == 1
    assert f"auth.jwt.default.public_key_file: {tmp_path}/none.pem: expected a file" in result.stderr


def test_what_is_unwise_is_a_warning(tmp_path: Path) -> None:
    """And no failure."""
    result = check(tmp_path, auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": "hunter2"}}})

    assert result.exit_code == 0
    assert result.stderr.startswith("warning: auth.jwt.default.secret: the secret is 25 octets shorter than its hash")
    assert "hunter2" not in result.output + result.stderr


def test_where_it_is_strict_it_is_a_failure(tmp_path: Path) -> None:
    """What the file says in vain, and what a start would warn of."""
    doubtful = {"path": "/", "upstream": "any", "queue": {}}
    unwise = {"jwt": {"default": {"algorithms": ["HS256"], "secret": "hunter2"}}}
    configuration: dict[str, Any] = {"routes": [doubtful], "auth": unwise}
    assert check(tmp_path, **configuration).exit_code == 0

    said = [check(tmp_path, strict=True, **configuration)]
    del doubtful["queue"]
    said.append(check(tmp_path, strict=True, **configuration))

    assert [each.exit_code for each in said] == [1, 1]
    assert "routes[0].queue: nobody waits in it" in said[0].stderr
    assert said[1].stderr.startswith("auth.jwt.default.secret: the secret is 25 octets shorter")


def test_a_route_at_a_path_of_the_gateway_is_a_warning(tmp_path: Path) -> None:
    """It wins, and whoever asks the gateway how it is hears a backend."""
    backend = {"name": "a", "backends": [{"url": "http://127.0.0.1:9001"}]}
    routes = [{"name": "app", "path": "/health/*", "upstream": "a"}, {"name": "all", "path": "/*", "upstream": "a"}]

    result = check(tmp_path, upstreams=[backend], routes=routes)

    assert result.exit_code == 0
    assert result.stderr == (
        "warning: Route app (/health/*) takes /health, /health/live, /health/ready, /health/startup from the gateway, "
        "which would answer there itself\n"
    )


@pytest.mark.skipif(descriptors.limit(hard=True) is None, reason="This system knows no limit")
def test_more_clients_than_descriptors_are_a_warning(tmp_path: Path) -> None:
    """By the hard limit, which a start raises the soft one to."""
    result = check(tmp_path, limits={"connections": 2**31 - 1})

    assert result.exit_code == 0
    assert "limits.connections is 2147483647, and this process may have " in result.stderr


def test_an_endpoint_that_is_a_variable_alone_in_quotes(tmp_path: Path) -> None:
    """As flow style and JSON want it: Twisted gets a plain text, and not one that knows how it was written."""
    result = check(tmp_path, listeners=[{"endpoint": "${LISTEN:-tcp:8443}"}])

    assert result.exit_code == 0, result.stderr
