"""A package index in a directory: small wheels of the test's own under the names that a lock pins."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

_PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+?))?(?: *\\)?$")


@dataclass(frozen=True)
class Pin:
    """One requirement of a lock.

    Attributes:
        marker: On which Python and system it is wanted; empty: on all.
    """

    name: str
    version: str
    marker: str

    @property
    def wanted(self) -> bool:
        """Whether the Python that runs this wants it."""
        return not self.marker or Marker(self.marker).evaluate()


def pins(lock: Path) -> list[Pin]:
    """Read what a lock pins, as uv writes it: a line a requirement, its hashes on lines of their own below it."""
    found = [_PINNED.match(line) for line in lock.read_text().splitlines() if line and line[0] not in " #"]
    assert all(found), f"{lock} has lines of a form that is not known here"
    return [Pin(match["name"], match["version"], match["marker"] or "") for match in found if match]


@dataclass
class PackageIndex:
    """A "simple" index (PEP 503), served by nobody: pip reads `file:` addresses too.

    Args:
        directory: Where it is made.
    """

    directory: Path
    _links: dict[str, list[str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """For `PIP_INDEX_URL`."""
        return f"{self.directory.as_uri()}/simple"

    def offer(self, name: str, version: str, files: dict[str, bytes] | None = None) -> str:
        """Make a wheel and list it; gives its hash as a lock has it.

        It needs what the installed distribution of that name needs, extras
        included: that is what a pip which resolves anew follows.
        """
        written = name.replace("-", "_")
        info = f"{written}-{version}.dist-info"
        contents: dict[str, bytes | str] = {
            **{path.replace("DIST-INFO", info): content for path, content in (files or {}).items()},
            f"{info}/METADATA": "\n".join(
                ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *_needs(name)]
            ),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
        wheel = self.directory / "files" / f"{written}-{version}-py3-none-any.whl"
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, content in contents.items():
                archive.writestr(zipfile.ZipInfo(path), content)  # no time of day: the same wheel has the same hash
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        self._list(name, f'<a href="../../files/{wheel.name}#sha256={digest}">{wheel.name}</a>')
        return f"sha256:{digest}"

    def _list(self, name: str, link: str) -> None:
        links = self._links.setdefault(canonicalize_name(name), [])
        if link not in links:
            links.append(link)
        page = self.directory / "simple" / canonicalize_name(name) / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"<!doctype html><html><body>{''.join(links)}</body></html>")


def installed_files(name: str) -> dict[str, bytes]:
    """What an installed distribution consists of, for a wheel that has to work."""
    distribution = metadata.distribution(name)
    files = {
        str(path): path.read_binary()
        for path in distribution.files or []
        if ".." not in path.parts and ".dist-info" not in path.parts[0] and path.suffix != ".pyc"
    }
    return files | {"DIST-INFO/entry_points.txt": (distribution.read_text("entry_points.txt") or "").encode()}


def _needs(name: str) -> list[str]:
    try:
        described = metadata.metadata(name)
    except metadata.PackageNotFoundError:  # pinned for another system or Python
        return []
    return [f"{key}: {value}" for key in ("Provides-Extra", "Requires-Dist") for value in described.get_all(key) or []]
