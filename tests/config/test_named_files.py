"""Files that a configuration names for reading are found by the type of their keys."""

from __future__ import annotations

from gateway.config import from_mapping
from gateway.config.named_files import lists_named_by, named_files
from gateway.config.schema import Settings


def test_every_kind_of_place() -> None:
    """In upstreams, in what routes may ask of a caller, in lists; what is written is not among them."""
    settings = from_mapping(
        {
            "access_log": {"path": "/log"},
            "upstreams": [
                {"name": "a", "tls": {"ca": "/ca", "client_cert": "/cert"}, "backends": [{"url": "https://a"}]},
            ],
            "routes": [{"path": "/*", "upstream": "a", "error_pages": {"503": "/503.html"}}],
            "error_pages": {404: "/404.html", "5xx": "/5xx.html", "intercept": True},
            "auth": {
                "jwt": {"default": {"algorithms": ["RS256"], "public_key_file": "/jwt.pem"}},
                "api_keys": {"store": "sql", "database": "/keys.sqlite3"},
                "oauth": {"previous_key_files": ["/old1", "/old2"]},
            },
        },
        supported_only=False,
    )

    assert named_files(settings) == {
        *("/ca", "/cert", "/jwt.pem", "/old1", "/old2"),
        *("/404.html", "/503.html", "/5xx.html"),
    }


def test_nothing_named() -> None:
    """No file."""
    assert named_files(Settings()) == set()


def test_lists_are_told_apart() -> None:
    """The front half of a certificate is none; that of a file of users has fewer users."""
    settings = Settings.model_validate({"auth": {"basic": {"users_file": "/htpasswd"}}})

    assert named_files(settings) == lists_named_by(settings) == {"/htpasswd"}
    assert lists_named_by(Settings()) == set()
