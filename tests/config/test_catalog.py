from __future__ import annotations

from gateway.config import catalog
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route


def test_every_key_has_a_path_and_a_meaning() -> None:
    """No key without a description: the reference is made of them."""
    keys = list(catalog.walk())

    assert {"listeners[].endpoint", "routes[].retry.attempts", "auth.jwt.*.issuer", "plugins[].class"} <= {
        key.path for key in keys
    }
    assert [key.path for key in keys if not key.field.description] == []


def test_a_section_knows_its_keys_by_all_their_names() -> None:
    """Also those that only a file uses."""
    assert {"upstream", "service", "upstreams"} <= set(catalog.known(Route))


def test_a_key_leads_to_its_field_by_any_name() -> None:
    """And a key that is none leads nowhere."""
    assert catalog.field_of(Route, "service") is Route.model_fields["upstream"]
    assert catalog.field_of(Settings, "nothing") is None
