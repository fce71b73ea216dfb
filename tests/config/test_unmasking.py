"""What was masked comes back as what it stands for, and nowhere else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Settings, from_mapping, reading
from gateway.config.effective import effective
from gateway.config.nodes import to_data
from gateway.config.texts import MASK
from gateway.config.unmasking import Shown, unmask

IN_FORCE = {
    "admin": {"token": "hunter2-token"},
    "redis": {"url": "redis://user:hunter2@127.0.0.1:6379/0"},
    "auth": {"api_keys": {"keys": [{"id": "a", "key": "hunter2-a"}, {"id": "b", "key": "hunter2-b"}]}},
    "upstreams": [
        {
            "name": "u",
            "backends": [{"url": "http://127.0.0.1:1"}],
            "health_check": {"path": "/health?key=hunter2", "headers": {"X-Key": "hunter2-check"}},
        }
    ],
    "routes": [{"name": "r", "path": "/r", "upstream": "u", "headers": {"X-Secret": "hunter2-route"}}],
}


def back(text: str, in_force: Settings | None = None) -> tuple[object, list[str]]:
    """Return what a text means, and what is wrong with it."""
    settings = in_force or from_mapping(IN_FORCE)
    shown = Shown(effective(settings), effective(settings, revealed=True))
    node = reading.read(text, "body.yaml", [])
    assert node is not None
    problems = list(unmask(node, Settings, shown))
    return to_data(node), [str(one) for one in problems]


def test_the_whole_configuration_comes_back_as_it_is() -> None:
    """`GET /config`, and the same to `PUT /config`."""
    settings = from_mapping(IN_FORCE)
    shown = effective(settings)
    assert "hunter2" not in json.dumps(shown)

    said, problems = back(json.dumps(shown), settings)

    assert problems == []
    assert said == effective(settings, revealed=True)
    assert isinstance(said, dict)
    assert from_mapping(said) == settings


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("admin: {token: '***'}", {"admin": {"token": "hunter2-token"}}),
        (f"admin: {{token: '{MASK}'}}", {"admin": {"token": "hunter2-token"}}),
        ("redis: {url: '***'}", {"redis": {"url": IN_FORCE["redis"]["url"]}}),  # type: ignore[index]
        (
            "auth: {api_keys: {keys: [{key: '***', id: b}]}}",
            {"auth": {"api_keys": {"keys": [{"key": "hunter2-b", "id": "b"}]}}},
        ),
        (
            "routes: [{name: r, headers: {X-Secret: '***'}}]",
            {"routes": [{"name": "r", "headers": {"X-Secret": "hunter2-route"}}]},
        ),
        ("routes: [{name: r, respond: {body: '***'}}]", {"routes": [{"name": "r", "respond": {"body": "***"}}]}),
    ],
)
def test_a_mask_is_the_secret_in_force_at_its_place(text: str, meant: object) -> None:
    """By name in lists; where nothing is secret, stars are stars."""
    assert back(text) == (meant, [])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("auth: {api_keys: {keys: [{id: c, key: '***'}]}}", "body.yaml:1:39: auth.api_keys.keys[0].key: "),
        (f"redis: {{url: 'redis://{MASK}@evil.example/0'}}", "body.yaml:1:14: redis.url: "),
        ("routes: [{name: other, headers: {X-Secret: '***'}}]", "body.yaml:1:44: routes[0].headers.X-Secret: "),
        ("routes: [{name: r, headers: {X-Else: '***'}}]", "body.yaml:1:38: routes[0].headers.X-Else: "),
        (f"x-mine: '{MASK}'", "body.yaml:1:9: x-mine: "),
    ],
)
def test_a_mask_where_no_such_secret_is_in_force_is_refused(text: str, where: str) -> None:
    """Above all a password is not sent to a host that has just been written beside it."""
    _, problems = back(text)

    (problem,) = problems
    assert problem.startswith(where)
    assert "hunter2" not in problem


@given(
    st.dictionaries(st.sampled_from("abc"), st.one_of(st.text(max_size=12), st.integers(), st.booleans()), max_size=3)
)
def test_whatever_a_plugin_is_configured_with_comes_back(config: dict[str, object]) -> None:
    """Texts, numbers, stars and `${`: nothing of it is shown, and all of it is meant."""
    settings = from_mapping(
        {"plugins": [{"name": "p", "class": "a.B", "config": escaped(config)}]}, supported_only=False
    )
    said, problems = back(json.dumps(effective(settings)), settings)

    assert problems == []
    assert isinstance(said, dict)
    assert from_mapping(said, supported_only=False) == settings


def escaped(config: dict[str, object]) -> dict[str, object]:
    """Return it as a file has to say it."""
    return {key: value.replace("${", "$${") if isinstance(value, str) else value for key, value in config.items()}
