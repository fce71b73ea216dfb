"""Settings of `auth` into what finds and verifies credentials: one line for each way of showing who one is.

Loaded where a configuration has `auth`, or a route asks who is calling (`gateway.composition.builders.identity`): with
it come PyJWT, what asks authorities, and the files of users.

Tests: `tests/composition/builders/test_identity.py::test_routes_that_ask_the_same_share_it`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from gateway.composition.builders.api_keys import api_key_authenticator, digests
from gateway.composition.builders.authorities import Authorities
from gateway.composition.builders.basic import basic_authenticator, basic_users
from gateway.composition.builders.jwt import Tokens
from gateway.composition.builders.mtls import certificate_authenticator
from gateway.composition.builders.token_places import HiddenPlaces
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.auth import Auth, AuthMethod
from gateway.identity.results import Results
from gateway.interfaces import Authenticator
from gateway.limiting.limit import LimitStore

Maker = Callable[[AuthMethod], Authenticator]
"""Makes the authenticator of a way that a route asks for; routes that ask for the same share what it made."""


class Ways:
    """Makes the authenticators of one configuration's routes.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        kept: Results of verifying.
        withheld: Request fields that no client may send.
        decisive: Request fields that something is decided by.
        store: Opens where attempts at passwords are counted.

    Attributes:
        authorities: Makes those that ask others.
        hidden: Makes the steps that take tokens out of cookies and the query.
        makers: What makes the authenticators, by the `type` that a route gives.
        keys: Digests of the API keys that stand in the configuration, by id.
        users: Digests of what the users of a file are known by, by name.
    """

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        kept: Results,
        withheld: frozenset[bytes],
        decisive: frozenset[bytes],
        store: Callable[[], LimitStore],
    ) -> None:
        auth = settings.auth or Auth.unwritten()
        authorities = self.authorities = Authorities(settings, foundation, withheld, decisive)
        self.hidden = HiddenPlaces(auth)
        users = basic_users(auth.basic, foundation)
        tokens = Tokens(settings, foundation)
        tokens.when_changed(kept.clear)  # who was known, or refused, by keys that have gone or come
        self.makers: Mapping[str, Maker] = {
            "jwt": tokens.authenticator,
            "jwt_or_other": tokens.sharing_authenticator,  # where introspection or keys come after: all read tokens
            "api_key": cache(lambda way: api_key_authenticator(settings, foundation)),
            "api_key_or_jwt": cache(lambda way: api_key_authenticator(settings, foundation, leaves_tokens=True)),
            "introspection": authorities.introspection,
            "forward": authorities.forward,
            "mtls": cache(lambda way: certificate_authenticator(settings, foundation)),
            "basic": cache(lambda way: basic_authenticator(settings, foundation, users, store)),
        }
        self.keys = digests(auth.api_keys)
        self.users = {} if users is None else users.credentials
