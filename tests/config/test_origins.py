from __future__ import annotations

from pathlib import Path

import yaml

from gateway.config.effective import effective
from gateway.config.loading import load_with_places
from gateway.config.origins import annotated

TEXT = """\
admin: {token: hunter2}
timeouts:
  request: 50s
access_log: false
defaults:
  route: {ip_deny: [10.9.0.0/16]}
  upstream: {circuit_breaker: {timeout: 9s}}
groups:
  internal:
    timeout: 20s
    auth: {type: jwt, roles: [admin]}
upstreams: [{name: a, backends: [{url: "http://h:80"}]}]
auth: {jwt: {default: {public_key_file: key.pem}}}
routes:
- path: /a
  group: internal
  service: a
  methods: [GET]
  headers: {X-Key: hunter2}
- {name: b, path: [/b, /c], upstream: a, timeout: 60s, auth: {type: jwt}}
"""


def shown(tmp_path: Path, environ: dict[str, str] | None = None) -> list[str]:
    """Write the configuration back, a line each, and see that the comments change nothing."""
    file = tmp_path / "g.yaml"
    file.write_text(TEXT)
    loaded = load_with_places(file, environ or {})
    text = annotated(loaded.settings, loaded.root)
    assert yaml.safe_load(text) == effective(loaded.settings)
    assert "hunter2" not in text
    return [line.strip() for line in text.replace(f"{tmp_path}/", "").splitlines()]


def test_every_value_says_where_it_comes_from(tmp_path: Path) -> None:
    """From the route itself, its group, the defaults, or from nobody."""
    lines = shown(tmp_path)
    route = lines[lines.index("- name: /a  # g.yaml:15") : lines.index("- name: b  # g.yaml:20")]

    for line in [
        "path: /a  # g.yaml:15",
        "- GET  # g.yaml:18",
        "X-Key: '**********'  # g.yaml:19",
        "upstream: a  # g.yaml:17",
        "timeout: 20s  # group internal, g.yaml:10",
        "request_timeout: 50s  # as `timeouts.request`",
        "type: jwt  # group internal, g.yaml:11",
        "- admin  # group internal, g.yaml:11",
        "forward_credentials: false  # default",
        "- 10.9.0.0/16  # defaults.route, g.yaml:6",
        "in_flight: 0  # default",
    ]:
        assert line in route
    for line in [
        "- /c  # g.yaml:20",
        "type: jwt  # g.yaml:20",
        "request_timeout: 1m  # as `timeout`",
        "timeout: 9s  # defaults.upstream, g.yaml:7",
        "request: 50s  # g.yaml:3",
        "enabled: false  # g.yaml:4",
        "- name: tcp:8080  # default",
    ]:
        assert line in lines
    values = [line for line in lines if not line.endswith(":")]
    assert [line for line in values if "  # " not in line] == []


def test_an_override_is_named(tmp_path: Path) -> None:
    """By its variable."""
    lines = shown(tmp_path, {"GATEWAY__ROUTES__0__TIMEOUT": "1s", "GATEWAY__GROUPS__INTERNAL__IN_FLIGHT": "3"})

    assert "timeout: 1s  # $GATEWAY__ROUTES__0__TIMEOUT" in lines
    assert "in_flight: 3  # group internal, $GATEWAY__GROUPS__INTERNAL__IN_FLIGHT" in lines
