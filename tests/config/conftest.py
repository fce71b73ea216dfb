"""What tests of the configuration have in common: a file, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from gateway.config import ConfigError, Settings, load

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Load a text as `gateway.yaml`."""

    def run(text: str, environ: Mapping[str, str] | None = None, *, supported_only: bool = False) -> Settings:
        file = tmp_path / "gateway.yaml"
        file.write_text(dedent(text))
        return load(file, environ or {}, supported_only=supported_only)

    return run


@pytest.fixture
def complaints(load_text: Load, tmp_path: Path) -> Complaints:
    """What is wrong with a text, a line each, without the directory in front."""

    def run(text: str, environ: Mapping[str, str] | None = None, *, supported_only: bool = False) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_text(text, environ, supported_only=supported_only)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return run
