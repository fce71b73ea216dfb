"""Look for holes, by tools that others have made: `make security`. Whatever is found, and not excused, fails the run.

Dependencies by pip-audit, the code by bandit and by rules of our own for semgrep, the admin port and the token
endpoint by schemathesis, a running gateway by wapiti, and its TLS by sslscan and testssl.sh. A tool that is not
there, or has nothing to go by, is told of as such: not as a gateway without holes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.published import Table, publish
from tests.security import attacks, code, tls
from tests.security.listeners import listening
from tests.system.chaos import Backend
from tests.system.gateway_process import GatewayProcess, one_upstream

ROOT = Path(__file__).parents[2]
MINUTES = 3
"""That wapiti may take."""
MODULES = (
    "backup,crlf,exec,file,htaccess,methods,permanentxss,redirect,shellshock,sql,ssrf,timesql,xss,xxe,http_headers"
)
TESTS = ["tests/admin/test_openapi.py", "tests/security/test_token_endpoint.py"]
"""By schemathesis; part of the tests of every day."""


class Checked(NamedTuple):
    """What one tool said.

    Attributes:
        what: Was looked at.
        by: Which tool.
        amount: How much of it.
        findings: In words.
        missing: Why it was not looked at, or not all of it; "" where it was.
    """

    what: str
    by: str
    amount: str
    findings: list[str]
    missing: str = ""

    @property
    def verdict(self) -> str:
        """Return what the table says."""
        if self.findings:
            return "MISSED"
        return "not checked" if self.missing else "met"


def dependencies(tools: Path) -> Checked:
    """Ask what is known of the versions that are pinned."""
    lock = "requirements/runtime.lock"
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--requirement", lock, "--no-deps", "--disable-pip",
         "--progress-spinner", "off", "--format", "json"],
        cwd=ROOT, env=code.environment(tools), capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        found = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return Checked(
            lock, "pip-audit", "nothing", [], done.stderr.strip().splitlines()[-1] if done.stderr else "no answer"
        )
    return audited(lock, found)


def audited(lock: str, found: Sequence[dict[str, Any]]) -> Checked:
    """Read pip-audit's report."""
    known = [one for one in found if "skip_reason" not in one]
    findings = [f"{one['name']} {one['version']}: {hole['id']}" for one in known for hole in one["vulns"]]
    left = len(found) - len(known)
    missing = f"the index knows no advisories of {left} of {len(found)}" if left else ""
    return Checked(lock, "pip-audit", f"{len(known)} packages", findings, missing)


def code_by_bandit(tools: Path) -> Checked:
    """Read the gateway's code."""
    files = sum(1 for _ in (ROOT / "gateway").rglob("*.py"))
    return Checked("gateway/", "bandit", f"{files} files", [str(one) for one in code.bandit(tools)])


def code_by_semgrep(tools: Path) -> Checked:
    """Read it by our own rules, once these have been seen to find what they are for."""
    code.rules_hold(tools)
    files, found = code.semgrep(tools, "gateway")
    return Checked(
        "gateway/", f"semgrep, {len(code.rules())} rules of our own", f"{files} files", [str(one) for one in found]
    )


def ports_by_schemathesis(_: Path) -> Checked:
    """Ask the admin port and the token endpoint what their documents allow, and what they do not."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    wrong = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return Checked(
        "admin port, token endpoint", "schemathesis", last.split(" in ")[0], wrong if done.returncode else []
    )


def gateway_by_wapiti(_: Path) -> Checked:
    """Let a scanner of web applications loose on a running gateway, with an application behind it."""
    what, by = "a gateway, its answers to attacks", "wapiti"
    program = shutil.which("wapiti")
    if program is None:
        return Checked(what, by, "nothing", [], "wapiti is not installed (Debian has it)")
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        backend = Backend()
        backend.start()
        gateway = GatewayProcess(directory, **one_upstream(backend.url))
        try:
            gateway.start()
            report = directory / "wapiti.json"
            subprocess.run(
                [program, "--url", f"{gateway.url}/?a=1&b=http://127.0.0.1/", "--scope", "folder",
                 "--flush-session", "--no-bugreport", "--module", MODULES, "--max-scan-time",
                 f"{MINUTES * 60}", "--timeout", "5", "--format", "json", "--output", str(report), "--verbose", "0"],
                env={**os.environ, "HOME": place}, capture_output=True, check=False, timeout=MINUTES * 60 + 60,
            )  # fmt: skip
            assert gateway.answers(), "the gateway does not answer any more"
            asked = len(gateway.logs)
            return scanned(json.loads(report.read_text()), what, by, asked)
        finally:
            gateway.stop()
            backend.end()


BY_BACKEND = frozenset(
    {"HTTP Secure Headers", "Content Security Policy Configuration", "HttpOnly Flag cookie", "Secure Flag cookie"}
)
"""What pages say for themselves: a proxy passes it on as they have it, and adds it where it is told to."""


def scanned(report: dict[str, Any], what: str, by: str, asked: int) -> Checked:
    """Read wapiti's report."""
    found = {**report["vulnerabilities"], **report["anomalies"]}
    words = [
        f"{kind}: {one['method']} {one['path']}: {one['info']}"
        for kind, many in found.items()
        if kind not in BY_BACKEND
        for one in many
    ]
    return Checked(what, by, f"{asked:,} requests", words, "" if asked > 10 else "it made no requests")


def tls_by_sslscan(_: Path) -> Checked:
    """Look at what a listener with a certificate and nothing else said takes."""
    what, by = "TLS of listeners", "sslscan"
    if shutil.which("sslscan") is None:
        return Checked(what, by, "nothing", [], "sslscan is not installed (Debian has it)")
    with tempfile.TemporaryDirectory() as place:
        ports = scanned_listeners(Path(place))
    words = [f"{kind}: {words}" for kind, port in ports.items() for words in port.weak]
    amount = "; ".join(
        f"{kind} {', '.join(port.versions)}, {len(port.ciphers)} ciphers" for kind, port in ports.items()
    )
    return Checked(what, by, amount, words)


def scanned_listeners(directory: Path) -> dict[str, tls.Port]:
    """Have listeners of both kinds looked at."""
    with listening(directory) as ports:
        return {kind: tls.scan(port, directory / "sslscan.xml") for kind, port in ports.items()}


def tls_by_testssl(_: Path) -> Checked:
    """Try the known attacks on TLS on the same listeners."""
    what, by = "TLS of listeners, known attacks", "testssl.sh"
    if shutil.which("testssl") is None:
        return Checked(what, by, "nothing", [], "testssl.sh is not installed (Debian has it)")
    with tempfile.TemporaryDirectory() as place, listening(Path(place)) as ports:
        scans = {kind: attacks.scan(port, Path(place, f"{port}.json")) for kind, port in ports.items()}
    return attacked(what, by, scans)


def attacked(what: str, by: str, scans: Mapping[str, attacks.Scan]) -> Checked:
    """Put what was found out about each kind of listener together."""
    weak = [f"{kind} {words}" for kind, one in scans.items() for words in one.weak]
    unanswered = "; ".join(f"{kind} {words}" for kind, one in scans.items() for words in one.unanswered)
    return Checked(what, by, "; ".join(f"{kind} {one.asked} answers" for kind, one in scans.items()), weak, unanswered)


CHECKS: dict[str, Callable[[Path], Checked]] = {
    "dependencies": dependencies,
    "bandit": code_by_bandit,
    "semgrep": code_by_semgrep,
    "schemathesis": ports_by_schemathesis,
    "wapiti": gateway_by_wapiti,
    "tls": tls_by_sslscan,
    "attacks": tls_by_testssl,
}


def table(checked: Sequence[Checked]) -> Table:
    """Lay the checks out; what is missing stands below."""
    rows = [[one.what, one.by, one.amount, f"{len(one.findings)}", one.verdict] for one in checked]
    notes = [f"{one.by}: {one.missing}." for one in checked if one.missing]
    return Table("security: what was looked at", ["what", "by", "how much", "findings", "verdict"], rows, notes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what the command line names; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="make security", description=__doc__)
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"of {', '.join(CHECKS)}; all by default")
    parser.add_argument("--publish", action="store_true", help="write the table into docs/hardening.md")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.checks) - set(CHECKS)):
        parser.error(f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    tools = Path(os.environ.get("SECURITY_TOOLS", ""))
    checked = []
    for name in options.checks or CHECKS:
        checked.append(CHECKS[name](tools))
        for finding in checked[-1].findings:
            sys.stdout.write(f"{name}: {finding}\n")
        if checked[-1].missing:
            sys.stdout.write(f"{name}: {checked[-1].missing}\n")
    publish("security", [table(checked)], options.publish)
    return 1 if any(one.findings for one in checked) else 0


if __name__ == "__main__":
    sys.exit(main())
