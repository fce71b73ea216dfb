"""Settings of `auth.basic` into what takes names and passwords.

Tests: `tests/flow/test_basic.py::test_a_file_that_is_no_good_changes_nothing`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256

from twisted.logger import Logger

from gateway.composition.builders.content_files import read_content
from gateway.composition.builders.guesses import guess_limit, secret_checker
from gateway.composition.foundation import Foundation
from gateway.config import ConfigError, Settings
from gateway.config.problems import Place, problem
from gateway.config.schema.basic import Basic
from gateway.identity.users import Users, UsersUnreadable, read_users
from gateway.limiting.limit import LimitStore
from gateway.middleware.basic import BasicAuthenticator
from gateway.middleware.client_limit import GuessLimit
from gateway.middleware.guesses import Guesses, Words

_log = Logger()

KEY = "auth.basic.users_file"

LARGEST = 4 << 20
"""Most octets of a file of users: some forty thousand."""


def basic_authenticator(
    settings: Settings, foundation: Foundation, users: Users | None, store: Callable[[], LimitStore]
) -> BasicAuthenticator:
    """Make what takes names and passwords; one serves all routes of a configuration.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        users: As `basic_users` read them.
        store: Opens where attempts are counted.
    """
    assert settings.auth is not None and settings.auth.basic is not None  # `config.references` has seen to it
    assert users is not None
    basic = settings.auth.basic
    decisions = foundation.metrics.counter("gateway_rate_limit_decisions_total")
    limit = GuessLimit(
        store(),
        guess_limit("basic", "user+ip", basic.rate_limit),
        guess_limit("basic", "ip", basic.rate_limit),
        partial(decisions.add, "auth.basic"),
    )
    guesses = Guesses(secret_checker("basic", foundation), limit, Words("user", "password", "by Basic"))
    return BasicAuthenticator(users, guesses, basic.realm)


def basic_users(basic: Basic | None, foundation: Foundation) -> Users | None:
    """Read the file of users, also where no route asks for them: a mistake shows when it is written.

    Raises:
        ConfigError: It cannot be used.
    """
    if basic is None:
        return None
    content = read_content(basic.users_file, KEY, LARGEST)
    users = foundation.carried.get(("basic users", sha256(content).digest()), lambda: _read(basic.users_file, content))
    costs = users.costs
    if len(costs) > 1:
        said = ", ".join(f"{count} of {cost}" for cost, count in sorted(costs.items()))
        _log.warn(
            "{file}: comparing takes another time for some users than for others ({said}): hash all passwords alike",
            file=basic.users_file,
            said=said,
        )
    return users


def _read(file: str, content: bytes) -> Users:
    try:
        return read_users(content)
    except UsersUnreadable as error:
        raise ConfigError(
            problem(Place(file, one.line, one.column), KEY, one.expected, one.found) for one in error.misread
        ) from None
