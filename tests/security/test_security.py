"""What `make security` makes of the words of its tools; the tools themselves run there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.security import attacks, code, tls
from tests.security.run import Checked, attacked, audited, scanned, scanned_listeners, table

REPORT = """<?xml version="1.0"?><document><ssltest host="127.0.0.1" port="1">
  <protocol type="ssl" version="2" enabled="0"/><protocol type="tls" version="1.0" enabled="{old}"/>
  <protocol type="tls" version="1.2" enabled="1"/><protocol type="tls" version="1.3" enabled="1"/>
  <renegotiation supported="{again}" secure="{secure}"/><compression supported="{compression}"/>
  <heartbleed sslversion="TLSv1.2" vulnerable="{heartbleed}"/>
  <cipher status="preferred" sslversion="TLSv1.3" bits="256" cipher="TLS_AES_256_GCM_SHA384"/>
  <cipher status="accepted" sslversion="TLSv1.2" bits="128" cipher="{cipher}"/>
</ssltest></document>"""
GOOD = {
    "old": "0", "again": "1", "secure": "1", "compression": "0", "heartbleed": "0",
    "cipher": "ECDHE-ECDSA-AES128-GCM-SHA256"
}  # fmt: skip


def test_a_port_with_nothing_weak_has_no_findings() -> None:
    """TLS 1.2 and 1.3, AEAD only."""
    port = tls.grade(REPORT.format(**GOOD))

    assert port.versions == ["TLSv1.2", "TLSv1.3"]
    assert len(port.ciphers) == 2
    assert port.weak == []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"old": "1"}, "TLSv1.0 is taken"),
        ({"cipher": "ECDHE-RSA-AES128-SHA"}, "ECDHE-RSA-AES128-SHA is taken, which has no AEAD"),
        ({"cipher": "AES128-GCM-SHA256"}, "AES128-GCM-SHA256 is taken, whose secrets end with the key's"),
        ({"compression": "1"}, "compression"),
        ({"heartbleed": "1"}, "heartbleed"),
        ({"secure": "0"}, "insecure renegotiation"),
    ],
)
def test_whatever_is_weak_is_a_finding(how: dict[str, str], words: str) -> None:
    """Each by itself."""
    assert tls.grade(REPORT.format(**{**GOOD, **how})).weak == [words]


def test_a_port_that_does_not_answer_is_none_that_is_well() -> None:
    """Nothing found, because nothing was seen."""
    with pytest.raises(ValueError, match="no port that speaks TLS"):
        tls.grade('<document><ssltest host="127.0.0.1" port="1"/></document>')


@pytest.mark.skipif(shutil.which("sslscan") is None, reason="sslscan is not installed")
def test_listeners_take_nothing_weak(tmp_path: Path) -> None:
    """Real ones, of both kinds, as sslscan sees them."""
    for port in scanned_listeners(tmp_path).values():
        assert port.weak == []
        assert port.versions == ["TLSv1.2", "TLSv1.3"]


def report(*findings: tuple[str, str, str]) -> str:
    """A report of testssl.sh's about a port that withstands all, but for what is given: id, severity, address."""
    good = [(f"TLS1_{n}", "OK", "127.0.0.1/127.0.0.1") for n in range(10)]
    told = [{"id": name, "severity": how, "ip": ip, "finding": "words"} for name, how, ip in [*good, *findings]]
    return json.dumps(told)


def test_an_attack_that_works_is_a_finding() -> None:
    """From LOW on; what is fine, or said for completeness, is none."""
    scan = attacks.read(
        report(("heartbleed", "CRITICAL", "127.0.0.1/"), ("BEAST", "LOW", "127.0.0.1/"), ("ALPN", "INFO", "127.0.0.1/"))
    )

    assert scan.weak == ["heartbleed: words (CRITICAL)", "BEAST: words (LOW)"]
    assert scan.asked == 13
    assert scan.unanswered == []


def test_an_attack_that_could_not_be_tried_is_not_one_that_fails() -> None:
    """The table says what was not looked at; what this machine's OpenSSL cannot do concerns no port."""
    scan = attacks.read(report(("DROWN", "WARN", "127.0.0.1/"), ("engine_problem", "WARN", "/")))

    made = attacked("TLS", "testssl.sh", {"ssl:": scan})
    assert (made.verdict, made.missing) == ("not checked", "ssl: DROWN: words (WARN)")
    assert made.amount == "ssl: 10 answers"


def test_testssl_that_reached_nobody_has_checked_nothing() -> None:
    """An empty report is no good one."""
    with pytest.raises(ValueError, match="no port that speaks TLS"):
        attacks.read("[]")


def test_each_rule_has_an_example_that_it_must_find() -> None:
    """`make security` runs them before it believes that there is nothing to be found."""
    assert set(code.examples()) == code.rules()
    assert len(code.rules()) >= 8


def test_what_ruff_was_told_at_a_place_is_not_asked_again(tmp_path: Path) -> None:
    """B301 of bandit is S301 of ruff; another rule at the same line is another thing."""
    file = tmp_path / "a.py"
    file.write_text("a = loads(b)  # noqa: S301 - ours\nc = loads(d)  # noqa: S302 - another\n")
    results = [
        {"filename": str(file), "line_number": line, "line_range": [line], "test_id": "B301", "issue_text": "pickle"}
        for line in (1, 2)
    ]

    assert [one.line for one in code.unexcused(results)] == [2]


@pytest.mark.parametrize(
    ("value", "found"),
    [("${PASSWORD}", 0), ("/run/secrets/token", 0), ("hunter2", 1), ("${A}hunter2", 1), ("/run/secrets hunter2", 1)],
)
def test_a_place_where_a_secret_is_kept_is_no_secret(tmp_path: Path, value: str, found: int) -> None:
    """A variable or a file, and nothing beside it: examples of configurations are full of them."""
    file = tmp_path / "a.py"
    file.write_text(f'password = "{value}"\n')
    told = {"filename": str(file), "line_number": 1, "line_range": [1], "test_id": "B105"}

    assert len(list(code.unexcused([{**told, "issue_text": f"Possible hardcoded password: '{value}'"}]))) == found


def test_what_no_advisory_is_known_of_was_not_checked() -> None:
    """An index that knows nothing is not one that knows of no hole."""
    skipped = {"name": "a", "skip_reason": "not found"}
    clean, bad = {"name": "b", "version": "1", "vulns": []}, {"name": "c", "version": "2", "vulns": [{"id": "CVE-1"}]}

    assert audited("lock", [clean]).verdict == "met"
    assert audited("lock", [skipped, clean]).verdict == "not checked"
    assert audited("lock", [skipped, bad]).findings == ["c 2: CVE-1"]


def test_what_pages_have_to_say_themselves_is_no_finding() -> None:
    """A proxy passes on what its backends say; all else that a scanner finds counts."""
    one = {"method": "GET", "path": "/", "info": "x"}
    report = {"vulnerabilities": {"HTTP Secure Headers": [one], "CRLF Injection": [one]}, "anomalies": {}}

    assert scanned(report, "gateway", "wapiti", 100).findings == ["CRLF Injection: GET /: x"]
    assert scanned({"vulnerabilities": {}, "anomalies": {}}, "gateway", "wapiti", 0).verdict == "not checked"


def test_the_table_says_what_was_not_looked_at() -> None:
    """A note for each tool that had nothing to go by."""
    shown = table([Checked("code", "bandit", "9 files", ["x"]), Checked("lock", "pip-audit", "0", [], "no advisories")])

    assert [row[-1] for row in shown.rows] == ["MISSED", "not checked"]
    assert shown.notes == ["pip-audit: no advisories."]
