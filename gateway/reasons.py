"""Write the page of reasons: every error that an operator can meet, from the docstrings of `gateway.errors`.

python -m gateway.reasons > docs/reference/reasons.md
"""

from __future__ import annotations

import sys

from gateway.advice import ADVICE
from gateway.errors import DownstreamError, GatewayError, Retry, UpstreamError, reasons

_HEAD = """# Reasons

Every response that the gateway makes itself is `application/problem+json` and carries one of these reasons: in the
`type` of the body, in the `Gateway-Reason` field, in the access log (`reason`) and as the label of
`gateway_errors_total`. *Whose* says who is at fault: only `upstream` ever counts against a backend.
*Again* says when the gateway may make the attempt once more.

This page is made by `make docs` from `gateway/errors.py`.

| reason | status | whose | again | what it means | what to do |
| --- | --- | --- | --- | --- | --- |
"""

_AGAIN = {
    Retry.IF_REUSED: "once, on a fresh connection, if the method is idempotent",
}
_ABSTRACT = {GatewayError, DownstreamError, UpstreamError}


def markdown() -> str:
    """Return the page of reasons."""
    rows = []
    for kind in reasons():
        if kind not in _ABSTRACT:
            text = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
            again = _AGAIN.get(kind.retry, "")
            row = (
                f"| `{kind.reason}` | {kind.status} | {kind.source.value} | {again} | {text} | {ADVICE[kind.reason]} |"
            )
            rows.append((kind.reason, kind.status, row))
    return _HEAD + "\n".join(row for *_, row in sorted(rows)) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
