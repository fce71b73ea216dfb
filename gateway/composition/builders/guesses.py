"""What holds back who guesses secrets: shared by the token endpoint and by the users of a file.

Tests: `tests/flow/test_oauth.py::test_who_guesses_shuts_no_client_out_elsewhere`.
"""

from __future__ import annotations

from hashlib import blake2b

from gateway.authorities.secret_checker import MOST_AT_ONCE, SecretChecker
from gateway.composition.foundation import Foundation
from gateway.config.schema.oauth import TokenRateLimit
from gateway.identity.secrets import VerifiedSecrets
from gateway.limiting.limit import Limit


def secret_checker(name: str, foundation: Foundation) -> SecretChecker:
    """Return what compares secrets of one kind, with threads of its own, the same through all configurations."""

    def make() -> SecretChecker:
        threads = foundation.threads(MOST_AT_ONCE, name)
        return SecretChecker(threads, VerifiedSecrets(foundation.random_bytes(32)), foundation.now)

    return foundation.carried.get((name, "secrets"), make)


def guess_limit(name: str, label: str, said: TokenRateLimit) -> Limit:
    """Make one of the limits on attempts at secrets.

    Args:
        name: What the secrets are for.
        label: By what attempts are told apart: `client`, `client+ip`, `ip`.
        said: The configuration.
    """
    # Of one length, as `gateway.composition.builders.limits` has it.
    what = (name, label, said.algorithm, said.limit, said.window)
    identity = blake2b(repr(what).encode(), digest_size=8).digest()
    return Limit(identity, label, said.limit, said.window, said.burst or said.limit, said.algorithm == "sliding_window")
