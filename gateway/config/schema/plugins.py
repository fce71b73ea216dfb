"""Plugins: middleware from outside the package."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.config.schema.base import Section
from gateway.config.schema.types import Name, Timeout, form

Importable = Annotated[
    str, form(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*", "the import path of a class, such as mypackage.Stamp")
]


class Plugin(Section):
    """A plugin, made ready for the routes that name it."""

    secret_keys = frozenset({"config"})

    name: Name = Field(description="What routes call it.")
    class_: Importable = Field(alias="class", description="Where it is imported from: `mypackage.Stamp`.")
    config: dict[str, Any] = Field(default={}, description="Handed to it as it is.")
    on_error: Literal["continue", "reject"] = Field(
        default="continue", description="What its failure does to the exchange."
    )
    timeout: Timeout = Field(default=1.0, description="Longest it may hold an exchange.")
