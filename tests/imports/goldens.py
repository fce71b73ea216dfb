"""What imports make of the sources beside this module: `SOURCE` and, reviewed by eye, `SOURCE.golden`.

`python -m tests.imports.goldens [KIND/SOURCE…]` makes the results anew; look at every line that changes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.importing.draft import Draft
from gateway.importing.kinds import convert
from gateway.importing.writing import as_yaml

HERE = Path(__file__).parent
END = ".golden"
SECRET = "not-a-secret-but-long-enough-for-hs512-not-a-secret-but-long-enough-for-hs512"
"""What a variable in the place of a secret is set to."""

KEYS = "https://issuer.example/keys"
"""What a variable for a URL is set to."""


def sources() -> list[Path]:
    """Every source that has a result, relative to this directory."""
    return [path.with_suffix("").relative_to(HERE) for path in sorted(HERE.glob(f"*/*{END}"))]


def draft(source: Path) -> Draft:
    """Import a source; the directory that it is in says its kind."""
    return convert(source.parts[0], str(HERE / source))


def environment(made: Draft) -> dict[str, str]:
    """What the result needs to be set."""
    return {name: KEYS if name.endswith("_URL") else SECRET for name in made.secrets}


def main(names: list[str]) -> None:
    """Write results."""
    for source in map(Path, names) if names else sources():
        (HERE / f"{source}{END}").write_text(as_yaml(draft(source)))


if __name__ == "__main__":
    main(sys.argv[1:])
