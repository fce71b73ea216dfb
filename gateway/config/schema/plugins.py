"""Plugins: middleware from outside the package.

Tests: `tests/config/test_plugins.py::test_a_file_of_a_module_is_relative_to_the_configuration`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from gateway.config.schema.base import Section
from gateway.config.schema.types import DIRECTORY, Flag, Name, Positive, Size, Timeout, form

WASM = "wasm:"
"""What stands before the file of a plugin that is a WebAssembly module."""

Importable = Annotated[
    str,
    form(
        r"wasm:.+|[A-Za-z_]\w*([.:-]?\w+)*",
        "the import path of a class, such as mypackage.Stamp, the name of an entry point, or wasm:FILE",
    ),
]


class Wasm(Section):
    """What a WebAssembly module may use up."""

    fuel: Positive = Field(
        default=10_000_000,
        description="Of each hook: about one for each instruction, and thousands for what it asks of the gateway. "
        "A hook that uses it up fails.",
    )
    time: Timeout = Field(
        default=0.1,
        description="Of the processor, for each hook, whatever fuel is left: some instructions, such as `memory.grow`, "
        "take longer than they cost. A hook that takes longer fails, some hundredths of a second later at most.",
    )
    memory: Size = Field(default=16 * 1024 * 1024, description="Of an instance, of which each exchange has its own.")


class Plugin(Section):
    """A plugin, made ready for the routes that name it."""

    secret_keys = frozenset({"config"})

    name: Name = Field(description="What routes call it.")
    class_: Importable = Field(
        alias="class",
        description="Where it is imported from, `mypackage.Stamp`; or the name of an entry point of the group "
        "`gateway.plugins`; or `wasm:FILE`, a WebAssembly module (needs the extra `wasm`).",
    )
    config: dict[str, Any] = Field(
        default={}, description="Handed to it; checked first, where it has a pydantic model for that."
    )
    on_error: Literal["continue", "reject"] | None = Field(
        default=None,
        description="What its failure does to the exchange: `continue` without it, or `reject` with 500, "
        "`plugin.failed`. Absent: `reject` for a plugin that says `security = True`, else `continue`.",
    )
    timeout: Timeout = Field(default=1.0, description="Longest that one of its hooks may hold an exchange.")
    reload: Flag = Field(
        default=False,
        description="Whether its package is imported anew, where its files have changed, and it is made anew, each "
        "time that the configuration is read. Absent: it is made anew where its `class` or `config` has changed.",
    )

    wasm: Wasm = Field(default=Wasm.unwritten(), description="Bounds of a plugin that is a WebAssembly module.")

    @field_validator("class_")
    @classmethod
    def _below_the_directory(cls, written: str, info: ValidationInfo) -> str:
        """Take the file of a module relative to the directory of the configuration, as all files are."""
        directory = (info.context or {}).get(DIRECTORY)
        if not written.startswith(WASM) or directory is None:
            return written
        return WASM + str(Path(directory) / Path(written.removeprefix(WASM)).expanduser())

    @property
    def file(self) -> str | None:
        """The file of a plugin that is a WebAssembly module."""
        return self.class_.removeprefix(WASM) if self.class_.startswith(WASM) else None
