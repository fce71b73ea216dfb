"""The scenarios by name, in the order of the report."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.backend import BLOB
from benchmarks.scenarios.base import Scenario
from benchmarks.scenarios.chain import Chain, ChainTLS
from benchmarks.scenarios.idle import Idle
from benchmarks.scenarios.limits import Limits
from benchmarks.scenarios.load import Load
from benchmarks.scenarios.routes import Routes
from benchmarks.scenarios.slow import Slow
from benchmarks.scenarios.start import Start
from benchmarks.workload import ANSWER, ANSWER_PATH, DOWNLOAD_PATH, MEBIBYTE, UPLOAD_PATH

PLAIN = Load("plain", "126-byte answers; access log, metrics and request id on", ANSWER_PATH, ANSWER)

# A large body keeps a connection busy: sixteen of them fill the machine, more only queue in the kernel.
_LARGE = 16


def known() -> dict[str, Scenario]:
    """Every scenario."""
    scenarios: list[Scenario] = [
        PLAIN,
        Load("tls", "the same behind TLS", ANSWER_PATH, ANSWER, tls=True),
        Load("download", "1 MiB responses", DOWNLOAD_PATH, BLOB, _LARGE, transfer=MEBIBYTE),
        Load("upload", "1 MiB requests", UPLOAD_PATH, None, _LARGE, upload=MEBIBYTE, transfer=MEBIBYTE),
        Idle(),
        Routes(),
        Start(),
        Limits(),
        Chain(),
        ChainTLS(),
        Slow(),
    ]
    return {scenario.name: scenario for scenario in scenarios}


def choose(names: Sequence[str]) -> list[Scenario]:
    """Pick scenarios by name; all for none.

    Raises:
        ValueError: A name is unknown.
    """
    scenarios = known()
    unknown = [name for name in names if name not in scenarios]
    if unknown:
        raise ValueError(f"unknown scenario {', '.join(unknown)}; known: {', '.join(scenarios)}")
    return [scenarios[name] for name in names] if names else list(scenarios.values())
