"""A bill of materials is of an image, not of an environment."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.container.sbom import whole
from tests.deploy.container import tools

ENVIRONMENT = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {"properties": [{"name": "cdx:reproducible", "value": "true"}]},
    "components": [
        {"type": "library", "bom-ref": "gateway", "name": "twisted-api-gateway", "version": "1.2.3"},
        {"type": "library", "bom-ref": "attrs", "name": "attrs", "version": "26.1.0", "purl": "pkg:pypi/attrs@26.1.0"},
    ],
    "dependencies": [{"ref": "gateway", "dependsOn": ["attrs"]}],
}
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12
Description: the C library
 in lines
 of text

Package: base-files
Architecture: amd64
Version: 13.8
"""


def test_it_is_about_the_gateway() -> None:
    """Which is an application, and no part of itself; what it depends on stays."""
    bill = whole(ENVIRONMENT, [])

    assert bill["metadata"]["component"]["name"] == "twisted-api-gateway"
    assert bill["metadata"]["component"]["type"] == "application"
    assert bill["metadata"]["properties"] == [{"name": "cdx:reproducible", "value": "true"}]
    assert [part["name"] for part in bill["components"]] == ["attrs"]
    assert bill["dependencies"] == [{"ref": "gateway", "dependsOn": ["attrs"]}]


def test_it_has_the_packages_of_the_base(tmp_path: Path) -> None:
    """From one file for all of them, or from one for each."""
    both, one = tmp_path / "status", tmp_path / "tzdata"
    both.write_text(STATUS)
    one.write_text("Package: tzdata\nVersion: 2026b-1\nArchitecture: all\n")

    names = [part.get("purl") for part in whole(ENVIRONMENT, [both, one])["components"]]

    assert names == [
        "pkg:pypi/attrs@26.1.0",
        "pkg:deb/debian/base-files@13.8?arch=amd64",
        "pkg:deb/debian/libc6@2.41-12?arch=amd64",
        "pkg:deb/debian/tzdata@2026b-1?arch=all",
    ]


def test_it_fits_the_schema(tmp_path: Path) -> None:
    """As those have written it who read such bills."""
    status = tmp_path / "status"
    status.write_text(STATUS)

    assert tools.invalid(json.dumps(whole(ENVIRONMENT, [status]))) == ""
    assert "unexpected" in tools.invalid(json.dumps({**ENVIRONMENT, "parts": []}))
