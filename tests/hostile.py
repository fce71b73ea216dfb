"""Exceptions and plugins of hostile code: what raises where nobody thinks of it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, field_validator
from twisted.internet.defer import CancelledError

from gateway.plugin import Headers, Response

MUTE = "which cannot say why"


class Mute(Exception):
    """Raises when it is asked what it says."""

    def __str__(self) -> str:
        raise ValueError("not even this")

    __repr__ = __str__


class _Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise SystemExit(5)


class Odd(Exception, metaclass=_Nameless):
    """Has no name."""


class OddText(str):
    """A text that is none where it is looked at."""

    __slots__ = ()

    def __str__(self) -> str:
        return self

    def split(self, *arguments: Any) -> Any:
        raise KeyboardInterrupt

    strip = replace = split


ENDS: dict[str, type[BaseException]] = {
    "RuntimeError": RuntimeError,
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": SystemExit,
    "CancelledError": CancelledError,
    "GeneratorExit": GeneratorExit,
    "Mute": Mute,
}
"""What is raised, by the name that the configuration says."""


def end(name: Any) -> None:
    """Raise what is called so."""
    raise ENDS[str(name)]()


class ValidatorEnds:
    """Its model raises something else than a `ValueError`."""

    class Config(BaseModel):
        """Its configuration."""

        how: str

        @field_validator("how")
        @classmethod
        def _ends(cls, value: str) -> str:
            end(value)
            return value

    def on_request(self, exchange: object) -> None:
        """Never asked."""


class ConstructorEnds:
    """Cannot be made."""

    def __init__(self, config: dict[str, Any]) -> None:
        end(config["how"])

    def on_request(self, exchange: object) -> None:
        """Never asked."""


class StartEnds:
    """Does not start."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.how = config["how"]

    def start(self, services: object) -> None:
        end(self.how)


class HookEnds:
    """Has a hook that cannot be looked up."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.how = config["how"]

    @property
    def on_request(self) -> Any:
        end(self.how)

    def on_finish(self, exchange: object) -> None:
        """Never asked."""


class Quotes:
    """Quotes its token in all that it raises."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        if config.get("where") == "made":
            raise RuntimeError(f"bad {config['token']}")

    def start(self, services: object) -> None:
        if self.config.get("where") == "start":
            raise RuntimeError(f"bad {self.config['token']}")

    def on_request(self, exchange: object) -> None:
        raise RuntimeError(f"bad {self.config['token']!r}")


class QuotesInModel:
    """Its model quotes what it does not take."""

    class Config(BaseModel):
        """Its configuration."""

        token: str

        @field_validator("token")
        @classmethod
        def _never(cls, value: str) -> str:
            raise ValueError(f"no token of ours: {value}")

    def on_request(self, exchange: object) -> None:
        """Never asked."""


class Changes:
    """Takes its configuration apart, as it may."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.prefix = config.pop("prefix")
        config["lists"].clear()

    def on_request(self, exchange: object) -> None:
        """Does nothing."""


class Unshowable:
    """Raises wherever it is looked at."""

    def __repr__(self) -> str:
        raise SystemExit

    def __eq__(self, other: object) -> bool:
        raise KeyboardInterrupt

    __hash__ = None  # type: ignore[assignment]


class Octets(bytes):
    """Says that there are more of them than there are."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1_000_000


class Leaves:
    """Leaves something in the exchange that cannot be looked at."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.where = config["where"]

    def on_request(self, exchange: Any) -> None:
        if self.where == "target":
            exchange.request.target = Unshowable()
        elif self.where == "method":
            exchange.request.method = Unshowable()
        elif self.where == "upstream":
            exchange.upstream = Unshowable()
        elif self.where == "fields":
            exchange.headers_out = [(b"X-A", b"1"), (Unshowable(), b"2"), Unshowable()]

    def on_response(self, exchange: Any) -> None:
        if self.where == "status":
            exchange.response.status = Unshowable()
        elif self.where == "reason":
            exchange.response.reason = Unshowable()


class AnswersOctets:
    """Answers with octets that are not as many as they say."""

    def on_request(self, exchange: Any) -> Any:
        return Response(200, Headers(), Octets(b"three"))


class RaisesWhatCannotBeShown:
    """Raises one of the exceptions above, from any hook."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.kind = {"Mute": Mute, "Odd": Odd}[config["kind"]]
        self.hook = config["hook"]

    def _raise(self, hook: str) -> None:
        if self.hook == hook:
            raise self.kind("a")

    def on_request(self, exchange: object) -> None:
        self._raise("on_request")

    def on_response(self, exchange: object) -> None:
        self._raise("on_response")

    def on_finish(self, exchange: object) -> None:
        self._raise("on_finish")

    def stop(self) -> None:
        self._raise("stop")
