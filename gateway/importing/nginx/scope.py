"""What holds at one place of an nginx configuration: its own directives, and those that it inherits.

nginx inherits in two ways. A directive with one value holds until an inner block says otherwise; of directives that add
up (`add_header`, `proxy_set_header`, `allow` and `deny`) an inner block that has any has none of the outer ones.

Tests: `tests/importing/nginx/test_scope.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.importing.nginx.reading import Directive


@dataclass(frozen=True, slots=True)
class Scope:
    """A block and those around it, outermost first."""

    blocks: tuple[Directive, ...]

    @property
    def innermost(self) -> Directive:
        """The block whose directives go first."""
        return self.blocks[-1]

    def within(self, block: Directive) -> Scope:
        """Return the scope of a block of the innermost one."""
        return Scope((*self.blocks, block))

    def one(self, name: str) -> Directive | None:
        """Take the directive of a name that holds here; all that it stands in for are taken too."""
        found = None
        for block in self.blocks:
            for each in block.all(name):
                found = each
        return found

    def level(self, *names: str) -> list[Directive]:
        """Take the directives of some names of the innermost block that has any, in order."""
        found: list[Directive] = []
        for block in self.blocks:
            here = [said for name in names if (said := block.all(name))]
            if len(here) == 1:
                found = here[0]
            elif here:
                found = [each for each in block.block or () if each.name in names]
        return found

    def text(self, name: str, default: str = "") -> str:
        """Take the first word of the directive of a name that holds here."""
        found = self.one(name)
        return found.words[0] if found is not None and found.words else default

    def is_on(self, name: str) -> bool:
        """Whether a directive that takes `on` or `off` says `on`."""
        return self.text(name) == "on"
