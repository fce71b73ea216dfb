"""Say what an image is made of: the gateway, with what cyclonedx-py has found beside it, and the packages of the base.

    python sbom.py ENVIRONMENT.json [STATUS...] >sbom.cdx.json

ENVIRONMENT.json is what `cyclonedx-py environment` says of the gateway's virtual environment. Each STATUS is a file in
dpkg's format: images without dpkg have one for each of their packages, in /var/lib/dpkg/status.d.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

GATEWAY = "twisted-api-gateway"


def whole(environment: dict[str, Any], statuses: list[Path]) -> dict[str, Any]:
    """Return the bill of materials of an image: its subject is the gateway, and the base's packages are in it too."""
    (gateway,) = (part for part in environment["components"] if part["name"] == GATEWAY)
    others = [part for part in environment["components"] if part is not gateway]
    debian = sorted(packages(statuses), key=lambda part: str(part["bom-ref"]))
    return {
        **environment,
        "metadata": {**environment["metadata"], "component": {**gateway, "type": "application"}},
        "components": [*others, *debian],
    }


def packages(statuses: list[Path]) -> Iterator[dict[str, str]]:
    """Read the packages of Debian that status files describe."""
    for path in statuses:
        for paragraph in path.read_text().split("\n\n"):
            fields = HeaderParser().parsestr(paragraph)
            if fields["Package"]:
                name, version = fields["Package"], fields["Version"]
                purl = f"pkg:deb/debian/{name}@{version}?arch={fields['Architecture']}"
                yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


if __name__ == "__main__":
    document = whole(json.loads(Path(sys.argv[1]).read_text()), [Path(name) for name in sys.argv[2:]])
    print(json.dumps(document, indent=1, sort_keys=True))
