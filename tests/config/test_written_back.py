"""What is in force can be written as a file could hold it: GET /config may be sent back, and a version gone back to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import Secret, SecretStr

from gateway.config import ConfigError, Settings, catalog
from gateway.config.effective import effective
from gateway.config.loading import compose
from gateway.config.overlays import NOTHING
from gateway.config.sources import Source, Sources
from gateway.config.validation import TELLING

ROOT = Path(__file__).parents[2]
BLOCKS = [
    block
    for page in sorted([*(ROOT / "docs").glob("**/*.md"), ROOT / "README.md"])
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
]
UPSTREAM = "upstreams: [{name: a, discovery: {%s}}]\nroutes: [{path: /, upstream: a}]\n"
MORE = [
    UPSTREAM % "type: dns, name: a.b, port: 80",
    UPSTREAM % "type: dns_srv, name: _http._tcp.users.internal",
    UPSTREAM % "type: file, path: users.json",
    UPSTREAM % "type: consul, service: users, token: a-token",
    UPSTREAM % "type: etcd, prefix: /a/, user: a, password: b",
    UPSTREAM % "type: kubernetes, service: users",
    "log_shipping: {url: 'http://a/', format: loki, headers: {a: b}}",
    "log_shipping: {url: 'http://a/', format: elasticsearch}",
    "log_shipping: {url: 'http://a/'}",
    "auth: {api_keys: {store: sql, driver: psycopg, connect: {host: db}}}",
    "auth: {api_keys: {store: sql}}",
    "compression: {}\nroutes: [{path: /, respond: {}, compression: off}, {path: /a, respond: {}}]",
    re.sub("^#:", "", (ROOT / "etc/gateway.full.yaml").read_text(), flags=re.MULTILINE),
]


def settings(text: str, environ: dict[str, str]) -> Settings | None:
    """Load a text; None where it is no whole configuration."""
    found = Sources(ROOT, (Source("a.yaml", text),), {})
    try:
        return compose(found, environ, lambda path: NOTHING, supported_only=False).settings
    except ConfigError:
        return None


@pytest.mark.parametrize("number", range(len(BLOCKS) + len(MORE)))
def test_what_is_in_force_can_be_sent_back(number: int) -> None:
    """Whatever the pages and the samples have: it is a configuration, and says the same."""
    text = [*BLOCKS, *MORE][number]
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)", text), "0123456789-some-value")
    read = settings(text, environ)
    if read is None:
        assert text not in MORE
        return
    data = effective(read, revealed=True)

    again = settings(json.dumps(data), {})

    assert again is not None
    for key in ("upstreams", "plugins", "auth", "log_shipping", "rate_limits", "listeners", "discovery_cache"):
        assert getattr(again, key) == getattr(read, key), key
    for one, other in zip(read.routes, again.routes, strict=True):
        assert one.model_copy(update={"group": None}) == other
        assert again.compression_of(other) == read.compression_of(one)


def secrets(annotation: object) -> bool:
    """Whether a secret is in a type."""
    if isinstance(annotation, type) and issubclass(annotation, SecretStr | Secret):
        return True
    return any(map(secrets, get_args(annotation)))


def test_every_secret_is_masked_in_what_was_written_too() -> None:
    """The overlay is shown as it was written: there, the key says what is secret, and not the type."""
    keys = list(catalog.walk())

    assert [one.path for one in keys if secrets(one.field.annotation) and one.name not in one.section.secret_keys] == []
    assert {name for one in keys for name in one.section.secret_keys} >= TELLING


@pytest.mark.parametrize(
    "text",
    [
        "auth: {jwt: {secret: hunter2}}",
        "auth: {introspection: {client_secret: hunter2}}",
        "auth: {jwt: {a: {secret: {value: hunter2}}}}",
    ],
)
def test_a_secret_one_level_too_high_is_not_shown(text: str) -> None:
    """The message says where it is."""
    with pytest.raises(ConfigError, match="secret") as raised:
        compose(Sources(ROOT, (Source("a.yaml", text),), {}), {}, lambda path: NOTHING)

    assert "hunter2" not in str(raised.value)
