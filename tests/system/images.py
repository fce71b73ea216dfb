"""The gateway's image, built by `make image` and run by podman, whose commands are Docker's.

No registry of images is asked: both bases are made of Debian's packages (deploy/container/bases.sh). Everything lies in
`build/image` of the checkout; what is there already is not made again.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.system.gateway_process import ROOT

PROGRAMS: Final = ("buildah", "podman", "runc", "mmdebstrap")
STORE: Final = ROOT / "build/image"

_CERTIFICATES: Final = ("/etc/ssl/certs", "/etc/xdg/pip", "/opt/pypi", "/opt/pypi-more")
"""What pip has to know on machines that reach PyPI by ways of their own; what is not there is left out."""


def missing() -> str:
    """Return why no image can be built here; empty where one can."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"no {' and no '.join(absent)}: `make test-image` installs them where it may"
    return "" if os.geteuid() == 0 else "images are built by root here"


def environment() -> dict[str, str]:
    """Return variables by which buildah and podman keep all they have in the store of the tests.

    Containers share the network of the host, and may have open what this process may: podman asks for more otherwise,
    which not even root has everywhere. `docker` is podman.
    """
    programs, scratch = STORE / "bin", STORE / "tmp"
    for directory in (programs, scratch):
        directory.mkdir(parents=True, exist_ok=True)
    docker = programs / "docker"
    if not docker.exists():
        docker.symlink_to(str(shutil.which("podman")))
    limits = (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))
    # Builds are bound to 32,768 processes, and refuse more.
    bounds = [
        f"{name}={':'.join(str(min(bound, 32768)) for bound in resource.getrlimit(which))}" for name, which in limits
    ]
    (STORE / "containers.conf").write_text(
        f'[containers]\ndefault_ulimits = {json.dumps(bounds)}\nnetns = "host"\n[engine]\nruntime = "runc"\n'
    )
    (STORE / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{STORE}/storage"\nrunroot = "{STORE}/run"\n'
    )
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "CONTAINERS_CONF": str(STORE / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(STORE / "storage.conf"),
        "TMPDIR": str(scratch),
    }


def podman(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run podman on the store of the tests."""
    return _run(["podman", *arguments], check=check)


def make_bases() -> None:
    """Make the bases of the Dockerfile, where they are not there yet."""
    for name in ("build", "runtime"):
        if podman("image", "exists", f"localhost/{name}", check=False).returncode == 0:
            continue
        if not (STORE / f"{name}.tar").exists():
            _run([ROOT / "deploy/container/bases.sh", STORE])
        podman("import", STORE / f"{name}.tar", f"localhost/{name}")


def build(name: str, *options: str) -> None:
    """Build the image as operators do, by `make image`, on our bases; quickly, which does not make it slow by much."""
    arguments = ("BUILD_IMAGE=localhost/build", "RUNTIME_IMAGE=localhost/runtime", "GATEWAY_COMPILE_LEVEL=1")
    volumes = [f"--volume={path}:{path}:ro" for path in _CERTIFICATES if Path(path).is_dir()]
    ours = ["--pull-never", "--isolation=chroot", "--network=host", *volumes, *options]
    ours += [f"--build-arg={argument}" for argument in arguments]
    _run(["make", "-C", ROOT, "image", "BUILDER=buildah", f"IMAGE={name}", f"IMAGE_ARGS={' '.join(ours)}"])


def build_file(directory: Path, name: str) -> None:
    """Build the Dockerfile of a directory, on the bases that are there."""
    ours = ["--pull-never", "--isolation=chroot", "--network=host"]
    ours += [f"--volume={path}:{path}:ro" for path in _CERTIFICATES if Path(path).is_dir()]
    _run(["buildah", "build", *ours, "--tag", name, directory])


def inspect(name: str) -> dict[str, Any]:
    """Return what podman knows of an image."""
    (found,) = json.loads(podman("image", "inspect", name).stdout)
    return dict(found)


def version() -> str:
    """Return the gateway's version, as it stands in the sources."""
    found = re.search(r'^__version__ = "(.*)"$', (ROOT / "gateway/__init__.py").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _run(command: Sequence[str | Path], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        list(map(str, command)),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert not check or done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done
