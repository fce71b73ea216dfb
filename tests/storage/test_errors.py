"""What a store says when it did not do what it was asked."""

from __future__ import annotations

from gateway.storage.errors import CommandRefused, StoreUnavailable


def test_a_reason_may_have_words() -> None:
    """The reason is what programs go by."""
    assert (str(StoreUnavailable()), str(StoreUnavailable("timeout", "50 ms"))) == ("down", "timeout: 50 ms")


def test_a_refusal_quotes_its_code_alone() -> None:
    """What follows may hold the command, and with it a key or a password."""
    error = CommandRefused("WRONGPASS invalid username-password pair for 'hunter2'")

    assert (error.code, error.reason, str(error)) == ("WRONGPASS", "refused", "refused: WRONGPASS")


def test_a_refusal_within_a_script_has_its_own_code() -> None:
    """Redis up to 6.2 wraps what a command in a script was told."""
    error = CommandRefused(
        "ERR Error running script (call to f_0): @user_script:75: @user_script: 75: -READONLY You can't write"
    )

    assert error.code == "READONLY"


def test_a_refusal_may_say_where_the_key_is() -> None:
    """In a cluster."""
    assert CommandRefused("MOVED 3999 127.0.0.1:6381").place is not None
    assert CommandRefused("NOAUTH Authentication required.").place is None
